/// cvt, between all integer and floating-point types, packed forms included.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "ptx_device/operations.h"

namespace assay::ptx_device {

namespace {

/// Modes in an instruction's immediate: the rounding in the low bits, then these.
enum ModeBits : std::int64_t {
  kSaturate = 8,     ///< .sat
  kFlush = 16,       ///< .ftz
  kRelu = 32,        ///< .relu
  kIntegral = 64,    ///< .rni and its kin: to an integer
  kSatfinite = 128,  ///< .satfinite
};
Rounding rounding_of(const Instruction* i) {
  return static_cast<Rounding>(i->immediate & 7);
}
bool has(const Instruction* i, ModeBits mode) {
  return (i->immediate & mode) != 0;
}
Overflow overflow_of(const Instruction* i) {
  return has(i, kSatfinite) ? Overflow::satfinite : Overflow::ieee;
}

/// Registers wider than the destination get its sign or zeros.
template <class T>
void write_extended(Thread& thread, Slot slot, T value) {
  if constexpr (std::is_signed_v<T>) {
    write_slot(thread, slot, static_cast<std::int64_t>(value));
  } else {
    write_slot(thread, slot, static_cast<std::uint64_t>(value));
  }
}

// The floating-point formats.
struct F16 {
  using Bits = std::uint16_t;
  using Real = float;
  static Real value(Bits bits) { return half_to_float(bits); }
  static Bits round(float value, const Instruction* i) {
    return float_to_half(value, rounding_of(i), overflow_of(i));
  }
  static Bits round(double value, const Instruction* i) {
    return double_to_half(value, rounding_of(i), overflow_of(i));
  }
  template <class Integer>
  static Bits from_integer(Integer value, const Instruction* i) {
    return integer_to_half(value, rounding_of(i));
  }
};
struct Bf16 {
  using Bits = std::uint16_t;
  using Real = float;
  static Real value(Bits bits) { return bf16_to_float(bits); }
  static Bits round(float value, const Instruction* i) {
    return float_to_bf16(value, rounding_of(i), overflow_of(i));
  }
  static Bits round(double value, const Instruction* i) {
    return double_to_bf16(value, rounding_of(i), overflow_of(i));
  }
  template <class Integer>
  static Bits from_integer(Integer value, const Instruction* i) {
    return integer_to_bf16(value, rounding_of(i));
  }
};
struct F32 {
  using Bits = float;
  using Real = float;
  static Real value(Bits bits) { return bits; }
  static Bits round(float value, const Instruction*) { return canonical(value); }
  static Bits round(double value, const Instruction* i) {
    return double_to_float(value, rounding_of(i));
  }
  template <class Integer>
  static Bits from_integer(Integer value, const Instruction* i) {
    return integer_to_float(value, rounding_of(i));
  }
};
struct F64 {
  using Bits = double;
  using Real = double;
  static Real value(Bits bits) { return bits; }
  static Bits round(double value, const Instruction*) { return value; }
  template <class Integer>
  static Bits from_integer(Integer value, const Instruction* i) {
    return integer_to_double(value, rounding_of(i));
  }
};
struct Tf32 {
  using Bits = std::uint32_t;
  using Real = float;
  static Bits round(float value, const Instruction* i) {
    return float_to_tf32(value, rounding_of(i), overflow_of(i));
  }
};

template <class From, class To>
const Instruction* integer_to_integer(Thread& thread, const Instruction* i) {
  write_extended(thread, i->slots[0], static_cast<To>(read_slot<From>(thread, i->slots[1])));
  return i + 1;
}

template <class From, class To>
const Instruction* integer_to_integer_saturating(Thread& thread, const Instruction* i) {
  __extension__ using Any = __int128;
  const Any value = read_slot<From>(thread, i->slots[1]);
  const Any clamped =
      std::clamp<Any>(value, std::numeric_limits<To>::min(), std::numeric_limits<To>::max());
  write_extended(thread, i->slots[0], static_cast<To>(clamped));
  return i + 1;
}

template <class From, class To>
const Instruction* integer_to_real(Thread& thread, const Instruction* i) {
  using Widest = std::conditional_t<std::is_signed_v<From>, std::int64_t, std::uint64_t>;
  auto result = To::from_integer(Widest{read_slot<From>(thread, i->slots[1])}, i);
  if (has(i, kSaturate)) {
    result = To::round(saturate(typename To::Real(To::value(result))), i);
  }
  write_slot(thread, i->slots[0], result);
  return i + 1;
}

template <class From>
typename From::Real source_value(const Thread& thread, const Instruction* i) {
  const auto value = From::value(read_slot<typename From::Bits>(thread, i->slots[1]));
  if constexpr (std::is_same_v<From, F32>) {
    if (has(i, kFlush)) return flush_denormal(value);
  }
  return value;
}

template <class From, class To>
const Instruction* real_to_integer(Thread& thread, const Instruction* i) {
  write_extended(thread, i->slots[0],
                 float_to_integer<To>(source_value<From>(thread, i), rounding_of(i)));
  return i + 1;
}

template <class To, class Real>
typename To::Bits to_format(Real value, const Instruction* i) {
  if (has(i, kIntegral)) value = round_to_integer_value(value, rounding_of(i));
  if (has(i, kSaturate)) value = saturate(value);
  if (has(i, kRelu) && value <= 0) value = 0;
  auto result = To::round(value, i);
  if constexpr (std::is_same_v<To, F32>) {
    if (has(i, kFlush)) result = flush_denormal(result);
  }
  return result;
}

template <class From, class To>
const Instruction* real_to_real(Thread& thread, const Instruction* i) {
  write_slot(thread, i->slots[0], to_format<To>(source_value<From>(thread, i), i));
  return i + 1;
}

/// Two f32 into one register: the first operand is the high half.
template <class To>
const Instruction* pack_two(Thread& thread, const Instruction* i) {
  const std::uint32_t high = to_format<To>(read_slot<float>(thread, i->slots[1]), i);
  const std::uint32_t low = to_format<To>(read_slot<float>(thread, i->slots[2]), i);
  write_slot(thread, i->slots[0], high << 16U | low);
  return i + 1;
}

template <std::uint8_t (*Round)(float)>
std::uint32_t to_bytes(float high, float low, const Instruction* i) {
  const auto one = [&](float value) {
    return std::uint32_t{Round(has(i, kRelu) ? relu(value) : value)};
  };
  return one(high) << 8U | one(low);
}
template <std::uint8_t (*Round)(float)>
const Instruction* pack_two_bytes(Thread& thread, const Instruction* i) {
  write_slot(thread, i->slots[0],
             to_bytes<Round>(read_slot<float>(thread, i->slots[1]),
                             read_slot<float>(thread, i->slots[2]), i));
  return i + 1;
}
template <std::uint8_t (*Round)(float)>
const Instruction* halves_to_bytes(Thread& thread, const Instruction* i) {
  const auto halves = read_slot<std::uint32_t>(thread, i->slots[1]);
  write_slot(thread, i->slots[0],
             to_bytes<Round>(half_to_float(static_cast<std::uint16_t>(halves >> 16U)),
                             half_to_float(static_cast<std::uint16_t>(halves)), i));
  return i + 1;
}
template <float (*Value)(std::uint8_t)>
const Instruction* bytes_to_halves(Thread& thread, const Instruction* i) {
  const auto bytes = read_slot<std::uint16_t>(thread, i->slots[1]);
  const auto half = [&](unsigned shift) {
    const float value = Value(static_cast<std::uint8_t>(bytes >> shift));
    return std::uint32_t{float_to_half(has(i, kRelu) ? relu(value) : value)};
  };
  write_slot(thread, i->slots[0], half(8) << 16U | half(0));
  return i + 1;
}

template <class Make>
Handler for_any_integer(Type type, Make make) {
  switch (type) {
    case Type::b8:
    case Type::u8:
      return make.template operator()<std::uint8_t>();
    case Type::s8:
      return make.template operator()<std::int8_t>();
    default:
      return for_integer(type, make);
  }
}

template <class Make>
Handler for_real(Type type, Make make) {
  switch (type) {
    case Type::f16:
      return make.template operator()<F16>();
    case Type::bf16:
      return make.template operator()<Bf16>();
    case Type::f32:
      return make.template operator()<F32>();
    case Type::f64:
      return make.template operator()<F64>();
    default:
      Emission::unsupported("a conversion between these types");
  }
}

Handler packed_handler(Type to, Type from) {
  if (to == Type::f16x2 && from == Type::f32) return pack_two<F16>;
  if (to == Type::bf16x2 && from == Type::f32) return pack_two<Bf16>;
  if (to == Type::e4m3x2 && from == Type::f32) return pack_two_bytes<float_to_e4m3_satfinite>;
  if (to == Type::e5m2x2 && from == Type::f32) return pack_two_bytes<float_to_e5m2_satfinite>;
  if (to == Type::e4m3x2 && from == Type::f16x2) return halves_to_bytes<float_to_e4m3_satfinite>;
  if (to == Type::e5m2x2 && from == Type::f16x2) return halves_to_bytes<float_to_e5m2_satfinite>;
  if (to == Type::f16x2 && from == Type::e4m3x2) return bytes_to_halves<e4m3_to_float>;
  if (to == Type::f16x2 && from == Type::e5m2x2) return bytes_to_halves<e5m2_to_float>;
  return nullptr;
}

Handler scalar_handler(Type to, Type from, bool saturates) {
  if (to == Type::tf32 && from == Type::f32) return real_to_real<F32, Tf32>;
  if (is_float(from) && is_float(to)) {
    return for_real(from, [&]<class From>() {
      return for_real(to, []<class To>() -> Handler { return real_to_real<From, To>; });
    });
  }
  if (is_float(from)) {
    return for_real(from, [&]<class From>() {
      return for_any_integer(to, []<class To>() -> Handler { return real_to_integer<From, To>; });
    });
  }
  return for_any_integer(from, [&]<class From>() {
    if (is_float(to)) {
      return for_real(to, []<class To>() -> Handler { return integer_to_real<From, To>; });
    }
    return for_any_integer(to, [&]<class To>() -> Handler {
      return saturates ? integer_to_integer_saturating<From, To> : integer_to_integer<From, To>;
    });
  });
}

void decode_cvt(Emission& e) {
  std::int64_t modes = 0;
  const bool integral = e.take("rni") || e.take("rzi") || e.take("rmi") || e.take("rpi");
  if (integral) modes |= kIntegral;
  // The kind of rounding was taken to see that it is integral; its direction is in the text.
  std::optional<Rounding> rounding;
  for (const std::string& modifier : e.statement().modifiers) {
    if (modifier == "rn" || modifier == "rni") rounding = Rounding::nearest_even;
    if (modifier == "rz" || modifier == "rzi") rounding = Rounding::toward_zero;
    if (modifier == "rm" || modifier == "rmi") rounding = Rounding::down;
    if (modifier == "rp" || modifier == "rpi") rounding = Rounding::up;
    if (modifier == "rna") rounding = Rounding::nearest_away;
  }
  if (!integral) e.take_rounding();
  modes |= static_cast<std::int64_t>(rounding.value_or(Rounding::nearest_even));
  if (e.take("sat")) modes |= kSaturate;
  if (e.take("ftz")) modes |= kFlush;
  if (e.take("relu")) modes |= kRelu;
  if (e.take("satfinite")) modes |= kSatfinite;
  const Type to = e.type();
  const Type from = e.type();
  Handler handler = packed_handler(to, from);
  if (handler == nullptr) handler = scalar_handler(to, from, (modes & kSaturate) != 0);
  // Packing two values has two sources.
  const std::size_t sources = e.operands() - 1;
  if (sources > 2) Emission::unsupported("it has more operands than its form needs");
  emit_simple(e, handler, from, sources).immediate = modes;
}

constexpr Opcode kOpcodes[] = {{"cvt", decode_cvt}};

}  // namespace

std::span<const Opcode> convert_opcodes() {
  return kOpcodes;
}

}  // namespace assay::ptx_device
