/// setp, set, selp, slct.
#include <cmath>

#include "ptx_device/operations.h"

namespace assay::ptx_device {

namespace {

enum class Relation { eq, ne, lt, le, gt, ge };
/// How the result joins with a third operand.
enum class Junction { none, with_and, with_or, with_xor };

/// PTX's names. The unsigned ones (lo, ls, hi, hs) say what the type says; those with u hold when
/// an operand is NaN.
struct Comparison {
  Relation relation = Relation::eq;
  bool unordered = false;
  bool asks_number = false;  ///< num
  bool asks_nan = false;     ///< nan
};

template <class T, Relation R>
bool holds(T a, T b) {
  if constexpr (R == Relation::eq) return a == b;
  if constexpr (R == Relation::ne) return a != b;
  if constexpr (R == Relation::lt) return a < b;
  if constexpr (R == Relation::le) return a <= b;
  if constexpr (R == Relation::gt) return a > b;
  return a >= b;
}

// How each type's bits become a value to compare.
struct HalfValue {
  using Bits = std::uint16_t;
  static float value(Bits bits) { return half_to_float(bits); }
};
struct BfloatValue {
  using Bits = std::uint16_t;
  static float value(Bits bits) { return bf16_to_float(bits); }
};
template <class T>
struct Plain {
  using Bits = T;
  static T value(T bits) { return bits; }
};
struct FlushedFloat {
  using Bits = float;
  static float value(float bits) { return flush_denormal(bits); }
};

enum ModeBits : std::int64_t { kUnordered = 1, kNumber = 2, kNan = 4 };

template <class Value, Relation R>
bool compare(const Thread& thread, const Instruction* i) {
  const auto a = Value::value(read_slot<typename Value::Bits>(thread, i->slots[2]));
  const auto b = Value::value(read_slot<typename Value::Bits>(thread, i->slots[3]));
  if constexpr (std::is_floating_point_v<decltype(Value::value({}))>) {
    const bool any_nan = std::isnan(a) || std::isnan(b);
    if ((i->immediate & kNumber) != 0) return !any_nan;
    if ((i->immediate & kNan) != 0) return any_nan;
    if (any_nan) return (i->immediate & kUnordered) != 0;
  }
  return holds<decltype(a + b), R>(a, b);
}

/// setp: slots 0 and 1 get the result and its complement, each joined with slot 4.
template <class Value, Relation R>
const Instruction* set_predicate(Thread& thread, const Instruction* i) {
  write_slot(thread, i->slots[0], std::uint64_t{compare<Value, R>(thread, i)});
  return i + 1;
}

bool joined(Junction junction, bool result, bool other) {
  switch (junction) {
    case Junction::with_and:
      return result && other;
    case Junction::with_or:
      return result || other;
    case Junction::with_xor:
      return result != other;
    default:
      return result;
  }
}
constexpr int kJunctionShift = 4;
constexpr int kNegatesOther = 64;
constexpr int kResultShift = 8;  // of set: 0 predicate, 1 all ones, 2 f32, 3 f16, 4 bf16

std::uint32_t as_result(std::int64_t kind, bool holds) {
  switch (kind) {
    case 1:
      return holds ? ~0U : 0;
    case 2:
      return holds ? 0x3F80'0000U : 0;
    case 3:
      return holds ? 0x3C00U : 0;
    case 4:
      return holds ? 0x3F80U : 0;
    default:
      return holds ? 1 : 0;
  }
}

template <class Value, Relation R>
const Instruction* set_joined(Thread& thread, const Instruction* i) {
  const bool result = compare<Value, R>(thread, i);
  const auto junction = static_cast<Junction>(i->immediate >> kJunctionShift & 3);
  const bool other =
      junction != Junction::none && ((read_slot<std::uint64_t>(thread, i->slots[4]) & 1U) != 0) !=
                                        ((i->immediate & kNegatesOther) != 0);
  const std::int64_t kind = i->immediate >> kResultShift;
  write_slot(thread, i->slots[0], as_result(kind, joined(junction, result, other)));
  if (i->slots[1] != kNoSlot) {
    write_slot(thread, i->slots[1], std::uint64_t{joined(junction, !result, other)});
  }
  return i + 1;
}

/// Packed comparison: setp.f16x2 p|q, halves to a predicate each; set.f16x2 to halves.
template <class Value, Relation R>
const Instruction* set_packed(Thread& thread, const Instruction* i) {
  const auto a = read_slot<std::uint32_t>(thread, i->slots[2]);
  const auto b = read_slot<std::uint32_t>(thread, i->slots[3]);
  const auto junction = static_cast<Junction>(i->immediate >> kJunctionShift & 3);
  const bool other =
      junction != Junction::none && ((read_slot<std::uint64_t>(thread, i->slots[4]) & 1U) != 0) !=
                                        ((i->immediate & kNegatesOther) != 0);
  bool results[2];
  for (unsigned half = 0; half < 2; ++half) {
    const float x = Value::value(static_cast<std::uint16_t>(a >> (16 * half)));
    const float y = Value::value(static_cast<std::uint16_t>(b >> (16 * half)));
    const bool any_nan = std::isnan(x) || std::isnan(y);
    bool result = any_nan ? (i->immediate & kUnordered) != 0 : holds<float, R>(x, y);
    if ((i->immediate & kNumber) != 0) result = !any_nan;
    if ((i->immediate & kNan) != 0) result = any_nan;
    results[half] = joined(junction, result, other);
  }
  const std::int64_t kind = i->immediate >> kResultShift;
  if (kind == 0) {
    write_slot(thread, i->slots[0], std::uint64_t{results[0]});
    if (i->slots[1] != kNoSlot) write_slot(thread, i->slots[1], std::uint64_t{results[1]});
  } else {
    const std::uint32_t low = as_result(kind, results[0]) & 0xFFFFU;
    write_slot(thread, i->slots[0], low | as_result(kind, results[1]) << 16U);
  }
  return i + 1;
}

template <class Make>
Handler for_relation(Relation relation, Make make) {
  switch (relation) {
    case Relation::eq:
      return make.template operator()<Relation::eq>();
    case Relation::ne:
      return make.template operator()<Relation::ne>();
    case Relation::lt:
      return make.template operator()<Relation::lt>();
    case Relation::le:
      return make.template operator()<Relation::le>();
    case Relation::gt:
      return make.template operator()<Relation::gt>();
    default:
      return make.template operator()<Relation::ge>();
  }
}

template <class Value>
Handler for_value(Relation relation, bool is_plain) {
  return for_relation(relation, [&]<Relation R>() -> Handler {
    return is_plain ? set_predicate<Value, R> : set_joined<Value, R>;
  });
}

Comparison take_comparison(Emission& e) {
  constexpr std::pair<std::string_view, Relation> kNames[] = {
      {"eq", Relation::eq}, {"ne", Relation::ne}, {"lt", Relation::lt}, {"le", Relation::le},
      {"gt", Relation::gt}, {"ge", Relation::ge}, {"lo", Relation::lt}, {"ls", Relation::le},
      {"hi", Relation::gt}, {"hs", Relation::ge},
  };
  Comparison comparison;
  for (const auto& [name, relation] : kNames) {
    comparison.relation = relation;
    if (e.take(name)) return comparison;
    if (e.take(std::string(name) + "u")) {
      comparison.unordered = true;
      return comparison;
    }
  }
  comparison.asks_number = e.take("num");
  comparison.asks_nan = !comparison.asks_number && e.take("nan");
  if (!comparison.asks_number && !comparison.asks_nan)
    Emission::unsupported("it has no comparison");
  return comparison;
}

Junction take_junction(Emission& e) {
  if (e.take("and")) return Junction::with_and;
  if (e.take("or")) return Junction::with_or;
  return e.take("xor") ? Junction::with_xor : Junction::none;
}

Handler handler_for(Type type, Relation relation, bool is_plain, bool flush) {
  switch (type) {
    case Type::f32:
      return flush ? for_value<FlushedFloat>(relation, is_plain)
                   : for_value<Plain<float>>(relation, is_plain);
    case Type::f64:
      return for_value<Plain<double>>(relation, is_plain);
    case Type::f16:
      return for_value<HalfValue>(relation, is_plain);
    case Type::bf16:
      return for_value<BfloatValue>(relation, is_plain);
    case Type::f16x2:
      return for_relation(relation,
                          []<Relation R>() -> Handler { return set_packed<HalfValue, R>; });
    case Type::bf16x2:
      return for_relation(relation,
                          []<Relation R>() -> Handler { return set_packed<BfloatValue, R>; });
    default:
      return for_integer(type, [&]<class T>() { return for_value<Plain<T>>(relation, is_plain); });
  }
}

void emit_comparison(Emission& e, std::int64_t result_kind, const Comparison& comparison,
                     Junction junction, bool flush, Type type) {
  std::array<Slot, 8> slots{};
  slots[0] = e.destination(0);
  slots[1] = e.second_destination(0);
  slots[2] = e.source(1, type);
  slots[3] = e.source(2, type);
  std::int64_t mode = 0;
  if (comparison.unordered) mode |= kUnordered;
  if (comparison.asks_number) mode |= kNumber;
  if (comparison.asks_nan) mode |= kNan;
  if (junction != Junction::none) {
    slots[4] = e.source(3, Type::predicate);
    mode |= static_cast<std::int64_t>(junction) << kJunctionShift;
    if (e.operand(3).negated) mode |= kNegatesOther;
  }
  mode |= result_kind << kResultShift;
  const bool is_plain = junction == Junction::none && slots[1] == kNoSlot && result_kind == 0;
  Instruction& instruction = e.emit(handler_for(type, comparison.relation, is_plain, flush));
  instruction.slots = slots;
  instruction.immediate = mode;
}

void decode_setp(Emission& e) {
  const Comparison comparison = take_comparison(e);
  const Junction junction = take_junction(e);
  const bool flush = e.take("ftz");
  emit_comparison(e, 0, comparison, junction, flush, e.type());
}

void decode_set(Emission& e) {
  const Comparison comparison = take_comparison(e);
  const Junction junction = take_junction(e);
  const bool flush = e.take("ftz");
  const Type result = e.type();
  std::int64_t kind = 1;
  if (result == Type::f32) kind = 2;
  if (result == Type::f16 || result == Type::f16x2) kind = 3;
  if (result == Type::bf16 || result == Type::bf16x2) kind = 4;
  emit_comparison(e, kind, comparison, junction, flush, e.type());
}

template <class T>
const Instruction* select(Thread& thread, const Instruction* i) {
  const bool first = (read_slot<std::uint64_t>(thread, i->slots[3]) & 1U) != 0;
  write_slot(thread, i->slots[0], read_slot<T>(thread, first ? i->slots[1] : i->slots[2]));
  return i + 1;
}

void decode_selp(Emission& e) {
  const Type type = e.type();
  std::array<Slot, 8> slots{e.destination(0), e.source(1, type), e.source(2, type),
                            e.source(3, Type::predicate)};
  if (e.operand(3).negated) std::swap(slots[1], slots[2]);
  e.emit(for_width(type, []<class T>() -> Handler { return select<T>; })).slots = slots;
}

template <class T, class Sign>
const Instruction* select_by_sign(Thread& thread, const Instruction* i) {
  const bool first = read_slot<Sign>(thread, i->slots[3]) >= 0;
  write_slot(thread, i->slots[0], read_slot<T>(thread, first ? i->slots[1] : i->slots[2]));
  return i + 1;
}

void decode_slct(Emission& e) {
  e.take("ftz");  // a subnormal has the sign of the zero it is flushed to, and -0 >= 0
  const Type type = e.type();
  const bool by_float = e.type() == Type::f32;
  const std::array<Slot, 8> slots{e.destination(0), e.source(1, type), e.source(2, type),
                                  e.source(3, by_float ? Type::f32 : Type::s32)};
  e.emit(for_width(type, [&]<class T>() -> Handler {
     return by_float ? select_by_sign<T, float> : select_by_sign<T, std::int32_t>;
   })).slots = slots;
}

constexpr Opcode kOpcodes[] = {
    {"setp", decode_setp},
    {"set", decode_set},
    {"selp", decode_selp},
    {"slct", decode_slct},
};

}  // namespace

std::span<const Opcode> compare_opcodes() {
  return kOpcodes;
}

}  // namespace assay::ptx_device
