/// Bits: logic, shifts, fields, permutations, counts.
#include <bit>
#include <type_traits>

#include "ptx_device/operations.h"

namespace assay::ptx_device {

namespace {

template <class T>
T bit_and(T a, T b) {
  return a & b;
}
template <class T>
T bit_or(T a, T b) {
  return a | b;
}
template <class T>
T bit_xor(T a, T b) {
  return a ^ b;
}
template <class T>
T bit_not(T a) {
  return static_cast<T>(~a);
}
template <class T>
T logical_not(T a) {
  return a == 0 ? 1 : 0;
}
std::uint64_t predicate_not(std::uint64_t a) {
  return a ^ 1U;
}

/// Shifts by the width and more give zeros, or copies of the sign.
template <class T>
T shift_left(T a, std::uint32_t amount) {
  return amount >= 8 * sizeof(T) ? T{0} : static_cast<T>(a << amount);
}
template <class T>
T shift_right(T a, std::uint32_t amount) {
  constexpr std::uint32_t kWidth = 8 * sizeof(T);
  if (amount >= kWidth) return std::is_signed_v<T> && a < 0 ? static_cast<T>(-1) : T{0};
  return static_cast<T>(a >> amount);
}

/// shf: the middle 32 bits of b:a shifted; clamped at 32 or taken modulo 32.
template <bool Left, bool Wrap>
std::uint32_t funnel_shift(std::uint32_t a, std::uint32_t b, std::uint32_t amount) {
  const std::uint32_t n = Wrap ? amount & 31U : std::min(amount, 32U);
  const std::uint64_t both = std::uint64_t{b} << 32U | a;
  return static_cast<std::uint32_t>(Left ? both << n >> 32U : both >> n);
}

template <class T>
const Instruction* bit_field_extract(Thread& thread, const Instruction* i) {
  constexpr std::uint32_t kWidth = 8 * sizeof(T);
  const T a = read_slot<T>(thread, i->slots[1]);
  const std::uint32_t position = read_slot<std::uint32_t>(thread, i->slots[2]) & 0xFFU;
  const std::uint32_t length = read_slot<std::uint32_t>(thread, i->slots[3]) & 0xFFU;
  const std::uint32_t top = std::min(position + length - 1, kWidth - 1);
  const bool fill = std::is_signed_v<T> && length > 0 &&
                    (static_cast<std::make_unsigned_t<T>>(a) >> top & 1U) != 0;
  std::make_unsigned_t<T> field = fill ? ~std::make_unsigned_t<T>{0} : 0;
  for (std::uint32_t k = 0; k < length && k < kWidth; ++k) {
    if (position + k >= kWidth) break;
    const auto bit = static_cast<std::make_unsigned_t<T>>(a) >> (position + k) & 1U;
    const auto mask = std::make_unsigned_t<T>{1} << k;
    field = bit != 0 ? field | mask : field & ~mask;
  }
  write_slot(thread, i->slots[0], static_cast<T>(field));
  return i + 1;
}

template <class T>
const Instruction* bit_field_insert(Thread& thread, const Instruction* i) {
  constexpr std::uint32_t kWidth = 8 * sizeof(T);
  const T a = read_slot<T>(thread, i->slots[1]);
  const T b = read_slot<T>(thread, i->slots[2]);
  const std::uint32_t position = read_slot<std::uint32_t>(thread, i->slots[3]) & 0xFFU;
  const std::uint32_t length = read_slot<std::uint32_t>(thread, i->slots[4]) & 0xFFU;
  T result = b;
  if (position < kWidth && length > 0) {
    const T ones = length >= kWidth ? static_cast<T>(~T{0}) : static_cast<T>((T{1} << length) - 1);
    const T mask = static_cast<T>(ones << position);
    result = static_cast<T>((b & ~mask) | (static_cast<T>(a << position) & mask));
  }
  write_slot(thread, i->slots[0], result);
  return i + 1;
}

/// prmt: immediate is the mode. Bytes 0 to 3 are of a, 4 to 7 of b; bit 3 of a selector replicates
/// the sign.
enum PermuteMode {
  kGeneral,
  kForward4,
  kBackward4,
  kReplicate8,
  kEdgeLeft,
  kEdgeRight,
  kReplicate16
};
unsigned selected_byte(int mode, unsigned control, unsigned k) {
  switch (mode) {
    case kForward4:
      return control + k;
    case kBackward4:
      return (control - k) & 7U;
    case kReplicate8:
      return control;
    case kEdgeLeft:
      return std::max(control, k);
    case kEdgeRight:
      return std::min(control, k);
    default:
      return 2 * (control & 1U) + (k & 1U);  // kReplicate16
  }
}
template <bool General>
const Instruction* permute(Thread& thread, const Instruction* i) {
  const auto a = read_slot<std::uint32_t>(thread, i->slots[1]);
  const auto b = read_slot<std::uint32_t>(thread, i->slots[2]);
  const auto control = read_slot<std::uint32_t>(thread, i->slots[3]);
  const std::uint64_t bytes = std::uint64_t{b} << 32U | a;
  std::uint32_t result = 0;
  for (unsigned k = 0; k < 4; ++k) {
    const unsigned selector = General
                                  ? control >> (4 * k)
                                  : selected_byte(static_cast<int>(i->immediate), control & 3U, k);
    auto byte = static_cast<std::uint32_t>(bytes >> (8 * (selector & 7U))) & 0xFFU;
    if (General && (selector & 8U) != 0) byte = (byte & 0x80U) != 0 ? 0xFFU : 0;
    result |= byte << (8 * k);
  }
  write_slot(thread, i->slots[0], result);
  return i + 1;
}

/// lop3: immediate is the truth table, indexed by the bits of a, b, c.
const Instruction* logic_of_three(Thread& thread, const Instruction* i) {
  const auto a = read_slot<std::uint32_t>(thread, i->slots[1]);
  const auto b = read_slot<std::uint32_t>(thread, i->slots[2]);
  const auto c = read_slot<std::uint32_t>(thread, i->slots[3]);
  const auto table = static_cast<std::uint32_t>(i->immediate);
  std::uint32_t result = 0;
  for (unsigned row = 0; row < 8; ++row) {
    if ((table >> row & 1U) == 0) continue;
    result |= ((row & 4U) != 0 ? a : ~a) & ((row & 2U) != 0 ? b : ~b) & ((row & 1U) != 0 ? c : ~c);
  }
  write_slot(thread, i->slots[0], result);
  return i + 1;
}

template <class T>
std::uint32_t population(T a) {
  return static_cast<std::uint32_t>(std::popcount(a));
}
template <class T>
std::uint32_t leading_zeros(T a) {
  return static_cast<std::uint32_t>(std::countl_zero(a));
}
template <class T>
T reversed(T a) {
  T result = 0;
  for (unsigned k = 0; k < 8 * sizeof(T); ++k) {
    result = static_cast<T>(result << 1U | (a >> k & 1U));
  }
  return result;
}
/// The highest bit that differs from the sign; as a shift amount, counted from the top.
template <class T, bool AsShift>
std::uint32_t find_highest(T a) {
  auto bits = static_cast<std::make_unsigned_t<T>>(a);
  if (std::is_signed_v<T> && a < 0) bits = ~bits;
  if (bits == 0) return ~0U;
  const auto zeros = static_cast<std::uint32_t>(std::countl_zero(bits));
  return AsShift ? zeros : 8 * sizeof(T) - 1 - zeros;
}
/// fns: the position of the n-th set bit from base, upwards for n > 0, downwards for n < 0.
const Instruction* find_nth_set(Thread& thread, const Instruction* i) {
  const auto mask = read_slot<std::uint32_t>(thread, i->slots[1]);
  const auto base = read_slot<std::uint32_t>(thread, i->slots[2]);
  auto n = read_slot<std::int32_t>(thread, i->slots[3]);
  std::uint32_t result = ~0U;
  const int step = n < 0 ? -1 : 1;
  int left = n < 0 ? -n : n;
  if (n == 0) {
    if ((mask >> (base & 31U) & 1U) != 0) result = base;
  }
  for (int at = static_cast<int>(base); left > 0 && at >= 0 && at < 32; at += step) {
    if ((mask >> static_cast<unsigned>(at) & 1U) != 0 && --left == 0) {
      result = static_cast<std::uint32_t>(at);
    }
  }
  write_slot(thread, i->slots[0], result);
  return i + 1;
}

// Decoders.

void decode_and(Emission& e) {
  const Type type = e.type();
  emit_simple(e, for_width(type, []<class T>() -> Handler { return binary<T, bit_and<T>>; }), type,
              2);
}
void decode_or(Emission& e) {
  const Type type = e.type();
  emit_simple(e, for_width(type, []<class T>() -> Handler { return binary<T, bit_or<T>>; }), type,
              2);
}
void decode_xor(Emission& e) {
  const Type type = e.type();
  emit_simple(e, for_width(type, []<class T>() -> Handler { return binary<T, bit_xor<T>>; }), type,
              2);
}
void decode_not(Emission& e) {
  const Type type = e.type();
  if (type == Type::predicate) {
    emit_simple(e, unary<std::uint64_t, predicate_not>, type, 1);
    return;
  }
  emit_simple(e, for_width(type, []<class T>() -> Handler { return unary<T, bit_not<T>>; }), type,
              1);
}
void decode_cnot(Emission& e) {
  const Type type = e.type();
  emit_simple(e, for_width(type, []<class T>() -> Handler { return unary<T, logical_not<T>>; }),
              type, 1);
}
void decode_shl(Emission& e) {
  const Type type = e.type();
  emit_simple(e, for_width(type, []<class T>() -> Handler { return binary_u32<T, shift_left<T>>; }),
              type, 2);
}
void decode_shr(Emission& e) {
  const Type type = e.type();
  emit_simple(e,
              for_integer(type, []<class T>() -> Handler { return binary_u32<T, shift_right<T>>; }),
              type, 2);
}
void decode_shf(Emission& e) {
  const bool left = e.take("l");
  if (!left && !e.take("r")) Emission::unsupported("it says neither l nor r");
  const bool wrap = e.take("wrap");
  if (!wrap && !e.take("clamp")) Emission::unsupported("it says neither wrap nor clamp");
  const Type type = e.type();
  const Handler handler = left ? (wrap ? ternary<std::uint32_t, funnel_shift<true, true>>
                                       : ternary<std::uint32_t, funnel_shift<true, false>>)
                               : (wrap ? ternary<std::uint32_t, funnel_shift<false, true>>
                                       : ternary<std::uint32_t, funnel_shift<false, false>>);
  emit_simple(e, handler, type, 3);
}
void decode_bfe(Emission& e) {
  const Type type = e.type();
  emit_simple(e, for_integer(type, []<class T>() -> Handler { return bit_field_extract<T>; }), type,
              3);
}
void decode_bfi(Emission& e) {
  const Type type = e.type();
  emit_simple(e, for_width(type, []<class T>() -> Handler { return bit_field_insert<T>; }), type,
              4);
}
void decode_prmt(Emission& e) {
  const Type type = e.type();
  constexpr std::string_view kModes[] = {"", "f4e", "b4e", "rc8", "ecl", "ecr", "rc16"};
  int mode = kGeneral;
  for (int candidate = kForward4; candidate <= kReplicate16; ++candidate) {
    if (e.take(kModes[candidate])) mode = candidate;
  }
  emit_simple(e, mode == kGeneral ? permute<true> : permute<false>, type, 3).immediate = mode;
}
void decode_lop3(Emission& e) {
  const Type type = e.type();
  const auto table = e.integer(4);
  if (!table) Emission::unsupported("a truth table that is no constant");
  emit_simple(e, logic_of_three, type, 3).immediate = *table;
}
void decode_popc(Emission& e) {
  const Type type = e.type();
  emit_simple(e, for_width(type, []<class T>() -> Handler { return unary<T, population<T>>; }),
              type, 1);
}
void decode_clz(Emission& e) {
  const Type type = e.type();
  emit_simple(e, for_width(type, []<class T>() -> Handler { return unary<T, leading_zeros<T>>; }),
              type, 1);
}
void decode_brev(Emission& e) {
  const Type type = e.type();
  emit_simple(e, for_width(type, []<class T>() -> Handler { return unary<T, reversed<T>>; }), type,
              1);
}
void decode_bfind(Emission& e) {
  const bool as_shift = e.take("shiftamt");
  const Type type = e.type();
  const Handler handler = for_integer(type, [&]<class T>() -> Handler {
    return as_shift ? unary<T, find_highest<T, true>> : unary<T, find_highest<T, false>>;
  });
  emit_simple(e, handler, type, 1);
}
void decode_fns(Emission& e) {
  emit_simple(e, find_nth_set, e.type(), 3);
}

constexpr Opcode kOpcodes[] = {
    {"and", decode_and},   {"or", decode_or},   {"xor", decode_xor},   {"not", decode_not},
    {"cnot", decode_cnot}, {"shl", decode_shl}, {"shr", decode_shr},   {"shf", decode_shf},
    {"bfe", decode_bfe},   {"bfi", decode_bfi}, {"prmt", decode_prmt}, {"lop3", decode_lop3},
    {"popc", decode_popc}, {"clz", decode_clz}, {"brev", decode_brev}, {"bfind", decode_bfind},
    {"fns", decode_fns},
};

}  // namespace

std::span<const Opcode> bit_opcodes() {
  return kOpcodes;
}

}  // namespace assay::ptx_device
