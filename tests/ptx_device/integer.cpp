/// Integer arithmetic: add, sub, mul, mad, div, rem, min, max, abs, neg, sad, carries, dot
/// products.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "ptx_device/operations.h"

namespace assay::ptx_device {

namespace {

template <class T>
using Unsigned = std::make_unsigned_t<T>;

/// Twice as wide; 64 bits become 128, which only products of 64 bits need.
template <class T>
struct Wider;
template <>
struct Wider<std::uint16_t> {
  using Type = std::uint32_t;
};
template <>
struct Wider<std::int16_t> {
  using Type = std::int32_t;
};
template <>
struct Wider<std::uint32_t> {
  using Type = std::uint64_t;
};
template <>
struct Wider<std::int32_t> {
  using Type = std::int64_t;
};
__extension__ using Unsigned128 = unsigned __int128;
__extension__ using Signed128 = __int128;
template <>
struct Wider<std::uint64_t> {
  using Type = Unsigned128;
};
template <>
struct Wider<std::int64_t> {
  using Type = Signed128;
};
template <class T>
using Wide = typename Wider<T>::Type;

template <class T>
T add(T a, T b) {
  return static_cast<T>(Unsigned<T>(a) + Unsigned<T>(b));
}
template <class T>
T subtract(T a, T b) {
  return static_cast<T>(Unsigned<T>(a) - Unsigned<T>(b));
}
template <class T>
T multiply_low(T a, T b) {
  return static_cast<T>(std::uint64_t(Unsigned<T>(a)) * Unsigned<T>(b));
}
template <class T>
T multiply_high(T a, T b) {
  return static_cast<T>((Wide<T>(a) * Wide<T>(b)) >> (8 * sizeof(T)));
}
template <class T>
Wide<T> multiply_wide(T a, T b) {
  return static_cast<Wide<T>>(Wide<T>(a) * Wide<T>(b));
}
template <class T>
T add_saturating(T a, T b) {
  const Wide<T> sum = Wide<T>(a) + Wide<T>(b);
  return static_cast<T>(
      std::clamp<Wide<T>>(sum, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
}
template <class T>
T subtract_saturating(T a, T b) {
  const Wide<T> difference = Wide<T>(a) - Wide<T>(b);
  return static_cast<T>(std::clamp<Wide<T>>(difference, std::numeric_limits<T>::min(),
                                            std::numeric_limits<T>::max()));
}
template <class T>
T multiply_add_low(T a, T b, T c) {
  return add<T>(multiply_low<T>(a, b), c);
}
template <class T>
T multiply_add_high(T a, T b, T c) {
  return add<T>(multiply_high<T>(a, b), c);
}
template <class T>
T multiply_add_high_saturating(T a, T b, T c) {
  return add_saturating<T>(multiply_high<T>(a, b), c);
}
/// PTX leaves division by zero undefined; the machines give all ones.
template <class T>
T divide(T a, T b) {
  if (b == 0) return static_cast<T>(~Unsigned<T>{0});
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return subtract<T>(0, a);
  }
  return static_cast<T>(a / b);
}
template <class T>
T remainder(T a, T b) {
  if (b == 0) return a;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return 0;
  }
  return static_cast<T>(a % b);
}
template <class T>
T smaller(T a, T b) {
  return std::min(a, b);
}
template <class T>
T larger(T a, T b) {
  return std::max(a, b);
}
template <class T>
T smaller_relu(T a, T b) {
  return std::max<T>(std::min(a, b), 0);
}
template <class T>
T larger_relu(T a, T b) {
  return std::max<T>(std::max(a, b), 0);
}
template <class T>
T negate(T a) {
  return subtract<T>(0, a);
}
template <class T>
T absolute(T a) {
  return a < 0 ? negate<T>(a) : a;
}
template <class T>
T sum_of_absolute_difference(T a, T b, T c) {
  return add<T>(c, a < b ? subtract<T>(b, a) : subtract<T>(a, b));
}
template <class T, T (*Function)(T, T)>
std::uint32_t both_halves(std::uint32_t a, std::uint32_t b) {
  const auto half = [&](unsigned shift) {
    const auto result = Function(static_cast<T>(a >> shift), static_cast<T>(b >> shift));
    return std::uint32_t{static_cast<std::uint16_t>(result)} << shift;
  };
  return half(0) | half(16);
}

/// d = a * b + c with a and b narrower than c and d.
template <class T>
const Instruction* multiply_add_wide(Thread& thread, const Instruction* i) {
  const Wide<T> product =
      multiply_wide<T>(read_slot<T>(thread, i->slots[1]), read_slot<T>(thread, i->slots[2]));
  write_slot(thread, i->slots[0], add<Wide<T>>(product, read_slot<Wide<T>>(thread, i->slots[3])));
  return i + 1;
}

template <class T>
std::int64_t low_24(T value) {
  if constexpr (std::is_signed_v<T>)
    return static_cast<std::int32_t>(std::uint32_t(value) << 8U) >> 8;
  return value & 0xFF'FFFF;
}
template <class T>
T multiply_24(T a, T b) {
  return static_cast<T>(low_24(a) * low_24(b));
}
template <class T>
T multiply_add_24(T a, T b, T c) {
  return add<T>(multiply_24<T>(a, b), c);
}

/// add.cc, addc, sub.cc, subc: immediate bit 0: takes the carry in, bit 1: sets it.
template <class T, bool Subtract>
const Instruction* with_carry(Thread& thread, const Instruction* i) {
  const T a = read_slot<T>(thread, i->slots[1]);
  const T b = read_slot<T>(thread, i->slots[2]);
  const T carry_in = (i->immediate & 1) != 0 && thread.carry ? 1 : 0;
  const Unsigned128 wide = Subtract ? Unsigned128{a} - b - carry_in : Unsigned128{a} + b + carry_in;
  if ((i->immediate & 2) != 0) thread.carry = (wide >> (8 * sizeof(T)) & 1U) != 0;
  write_slot(thread, i->slots[0], static_cast<T>(wide));
  return i + 1;
}

/// mad.cc and madc, .lo and .hi (bit 2 of the immediate).
template <class T>
const Instruction* multiply_add_with_carry(Thread& thread, const Instruction* i) {
  const T a = read_slot<T>(thread, i->slots[1]);
  const T b = read_slot<T>(thread, i->slots[2]);
  const T carry_in = (i->immediate & 1) != 0 && thread.carry ? 1 : 0;
  const T product = (i->immediate & 4) != 0 ? multiply_high<T>(a, b) : multiply_low<T>(a, b);
  using Bits = Unsigned<T>;
  const Unsigned128 wide = Unsigned128{static_cast<Bits>(product)} +
                           static_cast<Bits>(read_slot<T>(thread, i->slots[3])) +
                           static_cast<Bits>(carry_in);
  if ((i->immediate & 2) != 0) thread.carry = (wide >> (8 * sizeof(T)) & 1U) != 0;
  write_slot(thread, i->slots[0], static_cast<T>(wide));
  return i + 1;
}

/// dp4a and dp2a: bytes of a (dp2a: halves) times bytes of b. immediate: the first byte of b.
template <bool SignedA, bool SignedB, int Count>
const Instruction* dot_product(Thread& thread, const Instruction* i) {
  const auto a = read_slot<std::uint32_t>(thread, i->slots[1]);
  const auto b = read_slot<std::uint32_t>(thread, i->slots[2]);
  auto sum = read_slot<std::uint32_t>(thread, i->slots[3]);
  constexpr unsigned kBitsA = 32 / Count;
  for (unsigned k = 0; k < Count; ++k) {
    const std::uint32_t raw_a = a << (32 - kBitsA * (k + 1));
    const std::uint32_t raw_b = b << (24 - 8 * (k + static_cast<unsigned>(i->immediate)));
    const std::int64_t x = SignedA ? static_cast<std::int32_t>(raw_a) >> (32 - kBitsA)
                                   : std::int64_t{raw_a >> (32 - kBitsA)};
    const std::int64_t y =
        SignedB ? static_cast<std::int32_t>(raw_b) >> 24 : std::int64_t{raw_b >> 24U};
    sum += static_cast<std::uint32_t>(x * y);
  }
  write_slot(thread, i->slots[0], sum);
  return i + 1;
}

// Decoders.

bool is_floating(const Emission& e) {
  for (const std::string& modifier : e.left()) {
    const auto type = type_named(modifier);
    if (type && is_float(*type)) return true;
  }
  return false;
}

void emit_carry(Emission& e, bool subtraction, bool takes) {
  const bool sets = e.take("cc");
  const Type type = e.type();
  const Handler handler = for_width(type, [&]<class T>() -> Handler {
    return subtraction ? with_carry<T, true> : with_carry<T, false>;
  });
  emit_simple(e, handler, type, 2).immediate = (takes ? 1 : 0) | (sets ? 2 : 0);
}

void decode_sum(Emission& e, bool subtraction) {
  if (is_floating(e)) return decode_float_arithmetic(e);
  if (e.left().size() > 1 && e.left().front() == "cc") return emit_carry(e, subtraction, false);
  const bool saturating = e.take("sat");
  const Type type = e.type();
  if (type == Type::u16x2 || type == Type::s16x2) {
    emit_simple(e,
                subtraction
                    ? binary<std::uint32_t, both_halves<std::uint16_t, subtract<std::uint16_t>>>
                    : binary<std::uint32_t, both_halves<std::uint16_t, add<std::uint16_t>>>,
                type, 2);
    return;
  }
  if (saturating) {
    if (type != Type::s32) Emission::unsupported("sat of this type");
    emit_simple(e,
                subtraction ? binary<std::int32_t, subtract_saturating<std::int32_t>>
                            : binary<std::int32_t, add_saturating<std::int32_t>>,
                type, 2);
    return;
  }
  const Handler handler = for_width(type, [&]<class T>() -> Handler {
    return subtraction ? binary<T, subtract<T>> : binary<T, add<T>>;
  });
  emit_simple(e, handler, type, 2);
}
void decode_add(Emission& e) {
  decode_sum(e, false);
}
void decode_sub(Emission& e) {
  decode_sum(e, true);
}
void decode_addc(Emission& e) {
  emit_carry(e, false, true);
}
void decode_subc(Emission& e) {
  emit_carry(e, true, true);
}

void decode_mul(Emission& e) {
  if (is_floating(e)) return decode_float_arithmetic(e);
  const bool wide = e.take("wide");
  const bool high = e.take("hi");
  if (!wide && !high && !e.take("lo")) Emission::unsupported("it says none of lo, hi, wide");
  const Type type = e.type();
  const Handler handler = for_integer(type, [&]<class T>() -> Handler {
    if (high) return binary<T, multiply_high<T>>;
    if constexpr (sizeof(T) < 8) {
      if (wide) return binary<T, multiply_wide<T>>;
    }
    return binary<T, multiply_low<T>>;
  });
  emit_simple(e, handler, type, 2);
}

void decode_mad_carry(Emission& e, bool takes) {
  const bool sets = e.take("cc");
  const bool high = e.take("hi");
  if (!high) e.take("lo");
  const Type type = e.type();
  const Handler handler =
      for_integer(type, []<class T>() -> Handler { return multiply_add_with_carry<T>; });
  emit_simple(e, handler, type, 3).immediate = (takes ? 1 : 0) | (sets ? 2 : 0) | (high ? 4 : 0);
}
void decode_madc(Emission& e) {
  decode_mad_carry(e, true);
}

void decode_mad(Emission& e) {
  if (is_floating(e)) return decode_float_arithmetic(e);
  for (const std::string& modifier : e.left()) {
    if (modifier == "cc") return decode_mad_carry(e, false);
  }
  const bool wide = e.take("wide");
  const bool high = e.take("hi");
  if (!wide && !high && !e.take("lo")) Emission::unsupported("it says none of lo, hi, wide");
  const bool saturating = e.take("sat");
  const Type type = e.type();
  if (saturating && !(high && type == Type::s32)) Emission::unsupported("sat of this type");
  const Handler handler = for_integer(type, [&]<class T>() -> Handler {
    if constexpr (sizeof(T) < 8) {
      if (wide) return multiply_add_wide<T>;
      if (saturating) return ternary<T, multiply_add_high_saturating<T>>;
    }
    return high ? ternary<T, multiply_add_high<T>> : ternary<T, multiply_add_low<T>>;
  });
  emit_simple(e, handler, type, 3);
}

void decode_24(Emission& e, bool adds) {
  if (!e.take("lo")) Emission::unsupported("only lo is supported");
  const Type type = e.type();
  const Handler handler = for_integer(type, [&]<class T>() -> Handler {
    return adds ? ternary<T, multiply_add_24<T>> : binary<T, multiply_24<T>>;
  });
  emit_simple(e, handler, type, adds ? 3 : 2);
}
void decode_mul24(Emission& e) {
  decode_24(e, false);
}
void decode_mad24(Emission& e) {
  decode_24(e, true);
}

void decode_div(Emission& e) {
  if (is_floating(e)) return decode_float_arithmetic(e);
  const Type type = e.type();
  emit_simple(e, for_integer(type, []<class T>() -> Handler { return binary<T, divide<T>>; }), type,
              2);
}
void decode_rem(Emission& e) {
  const Type type = e.type();
  emit_simple(e, for_integer(type, []<class T>() -> Handler { return binary<T, remainder<T>>; }),
              type, 2);
}

void decode_extreme(Emission& e, bool largest) {
  if (is_floating(e)) return decode_float_arithmetic(e);
  const bool relu = e.take("relu");
  const Type type = e.type();
  if (type == Type::u16x2 || type == Type::s16x2) {
    if (relu) Emission::unsupported("relu of this type");
    const Handler handler =
        type == Type::u16x2
            ? (largest ? binary<std::uint32_t, both_halves<std::uint16_t, larger<std::uint16_t>>>
                       : binary<std::uint32_t, both_halves<std::uint16_t, smaller<std::uint16_t>>>)
            : (largest ? binary<std::uint32_t, both_halves<std::int16_t, larger<std::int16_t>>>
                       : binary<std::uint32_t, both_halves<std::int16_t, smaller<std::int16_t>>>);
    emit_simple(e, handler, type, 2);
    return;
  }
  const Handler handler = for_integer(type, [&]<class T>() -> Handler {
    if (relu) return largest ? binary<T, larger_relu<T>> : binary<T, smaller_relu<T>>;
    return largest ? binary<T, larger<T>> : binary<T, smaller<T>>;
  });
  emit_simple(e, handler, type, 2);
}
void decode_min(Emission& e) {
  decode_extreme(e, false);
}
void decode_max(Emission& e) {
  decode_extreme(e, true);
}

void decode_neg(Emission& e) {
  if (is_floating(e)) return decode_float_arithmetic(e);
  const Type type = e.type();
  emit_simple(e, for_integer(type, []<class T>() -> Handler { return unary<T, negate<T>>; }), type,
              1);
}
void decode_abs(Emission& e) {
  if (is_floating(e)) return decode_float_arithmetic(e);
  const Type type = e.type();
  emit_simple(e, for_integer(type, []<class T>() -> Handler { return unary<T, absolute<T>>; }),
              type, 1);
}
void decode_sad(Emission& e) {
  const Type type = e.type();
  emit_simple(
      e,
      for_integer(type,
                  []<class T>() -> Handler { return ternary<T, sum_of_absolute_difference<T>>; }),
      type, 3);
}

void decode_dot(Emission& e, bool four) {
  const bool high = e.take("hi");
  if (!four && !high && !e.take("lo")) Emission::unsupported("it says neither lo nor hi");
  const bool signed_a = is_signed(e.type());
  const bool signed_b = is_signed(e.type());
  const auto pick = [&]<int Count>() -> Handler {
    if (signed_a)
      return signed_b ? dot_product<true, true, Count> : dot_product<true, false, Count>;
    return signed_b ? dot_product<false, true, Count> : dot_product<false, false, Count>;
  };
  const Handler handler = four ? pick.operator()<4>() : pick.operator()<2>();
  emit_simple(e, handler, Type::b32, 3).immediate = high ? 2 : 0;
}
void decode_dp4a(Emission& e) {
  decode_dot(e, true);
}
void decode_dp2a(Emission& e) {
  decode_dot(e, false);
}

constexpr Opcode kOpcodes[] = {
    {"add", decode_add},     {"sub", decode_sub},   {"addc", decode_addc}, {"subc", decode_subc},
    {"mul", decode_mul},     {"mad", decode_mad},   {"madc", decode_madc}, {"mul24", decode_mul24},
    {"mad24", decode_mad24}, {"div", decode_div},   {"rem", decode_rem},   {"min", decode_min},
    {"max", decode_max},     {"neg", decode_neg},   {"abs", decode_abs},   {"sad", decode_sad},
    {"dp4a", decode_dp4a},   {"dp2a", decode_dp2a},
};

}  // namespace

std::span<const Opcode> integer_opcodes() {
  return kOpcodes;
}

}  // namespace assay::ptx_device
