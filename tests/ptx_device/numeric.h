#pragma once
/// The numbers of PTX on the host: conversions, rounding, arithmetic and approximations of the
/// floating-point types, as the functional device computes them.
///
/// All functions are pure. f16 and bf16 values are std::uint16_t bit patterns, e4m3 and e5m2 are
/// std::uint8_t, tf32 is a 32-bit pattern whose low 13 bits are zero. Subnormal numbers are kept;
/// an instruction with .ftz passes its operands and its result through flush_denormal. Results
/// of 32 bits and fewer that are NaN are the canonical NaN; f64 keeps the host's payload.
///
/// Needs the host's floating-point environment in its initial state: nearest-even, no flushing.
/// Source: NVIDIA PTX ISA, "Floating Point Instructions", "Half Precision Floating Point
/// Instructions" and "Data Movement and Conversion Instructions: cvt"; for e4m3 and e5m2 the OCP
/// 8-bit Floating Point Specification (OFP8), revision 1.0, section 5.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace assay::ptx_device {

/// .rn .rz .rm .rp, and .rna, which only cvt to tf32 has. Also .rni .rzi .rmi .rpi.
enum class Rounding : std::uint8_t { nearest_even, toward_zero, down, up, nearest_away };

/// What a conversion makes of a value beyond the largest number: what IEEE 754 says for the
/// rounding, or, with .satfinite, the largest number of that sign (also for an infinite input).
enum class Overflow : std::uint8_t { ieee, satfinite };

inline constexpr std::uint32_t kCanonicalNan32 = 0x7fffffff;
inline constexpr std::uint16_t kCanonicalNan16 = 0x7fff;

/// NaN becomes the canonical NaN; any other value stays.
[[nodiscard]] inline float canonical(float value) {
  return value == value ? value : std::bit_cast<float>(kCanonicalNan32);
}
[[nodiscard]] inline double canonical(double value) {
  return value;
}

// ---- Conversions between floating-point formats ----

[[nodiscard]] float half_to_float(std::uint16_t bits);
[[nodiscard]] float bf16_to_float(std::uint16_t bits);
[[nodiscard]] float e4m3_to_float(std::uint8_t bits);
[[nodiscard]] float e5m2_to_float(std::uint8_t bits);

/// One rounding, from the exact value of the argument.
[[nodiscard]] std::uint16_t double_to_half(double value, Rounding rounding = Rounding::nearest_even,
                                           Overflow overflow = Overflow::ieee);
[[nodiscard]] std::uint16_t double_to_bf16(double value, Rounding rounding = Rounding::nearest_even,
                                           Overflow overflow = Overflow::ieee);
[[nodiscard]] std::uint16_t float_to_half(float value, Rounding rounding = Rounding::nearest_even,
                                          Overflow overflow = Overflow::ieee);
[[nodiscard]] std::uint16_t float_to_bf16(float value, Rounding rounding = Rounding::nearest_even,
                                          Overflow overflow = Overflow::ieee);
[[nodiscard]] std::uint32_t float_to_tf32(float value, Rounding rounding = Rounding::nearest_away,
                                          Overflow overflow = Overflow::ieee);
/// cvt.rn.satfinite. NaN gives 0x7f in both formats.
[[nodiscard]] std::uint8_t float_to_e4m3_satfinite(float value);
[[nodiscard]] std::uint8_t float_to_e5m2_satfinite(float value);
[[nodiscard]] float double_to_float(double value, Rounding rounding);

/// A subnormal number becomes zero of the same sign (.ftz).
[[nodiscard]] inline float flush_denormal(float value) {
  return std::fabs(value) < std::numeric_limits<float>::min() ? std::copysign(0.0F, value) : value;
}
/// .sat: into [+0, 1], NaN to +0.
template <class Real>
[[nodiscard]] Real saturate(Real value) {
  return value > Real{0} ? (value < Real{1} ? value : Real{1}) : Real{0};
}
/// .relu: negative values and -0 become +0, NaN the canonical NaN.
[[nodiscard]] inline float relu(float value) {
  return value <= 0.0F ? 0.0F : canonical(value);
}

// ---- Floating point and integers ----

/// The nearest integer in the direction asked for, as a floating-point number.
[[nodiscard]] float round_to_integer_value(float value, Rounding rounding);
[[nodiscard]] double round_to_integer_value(double value, Rounding rounding);

/// Float to integer as cvt does: beyond the range gives the end of the range; NaN gives 0 unless
/// the source is f64 or the destination has 64 bits, where it gives 1 << (bits - 1).
template <class Integer, class Real>
[[nodiscard]] Integer float_to_integer(Real value, Rounding rounding) {
  using Range = std::numeric_limits<Integer>;
  if (std::isnan(value)) {
    constexpr bool kWide = sizeof(Real) == 8 || sizeof(Integer) == 8;
    constexpr auto kTopBit = static_cast<std::uint64_t>(1) << (8 * sizeof(Integer) - 1);
    return static_cast<Integer>(kWide ? kTopBit : 0);
  }
  const Real whole = round_to_integer_value(value, rounding);
  if (whole < static_cast<Real>(Range::min())) return Range::min();
  if (whole >= std::ldexp(Real{1}, Range::digits)) return Range::max();
  return static_cast<Integer>(whole);
}

[[nodiscard]] float integer_to_float(std::int64_t value, Rounding rounding);
[[nodiscard]] float integer_to_float(std::uint64_t value, Rounding rounding);
[[nodiscard]] double integer_to_double(std::int64_t value, Rounding rounding);
[[nodiscard]] double integer_to_double(std::uint64_t value, Rounding rounding);
[[nodiscard]] std::uint16_t integer_to_half(std::int64_t value, Rounding rounding);
[[nodiscard]] std::uint16_t integer_to_half(std::uint64_t value, Rounding rounding);
[[nodiscard]] std::uint16_t integer_to_bf16(std::int64_t value, Rounding rounding);
[[nodiscard]] std::uint16_t integer_to_bf16(std::uint64_t value, Rounding rounding);

// ---- f32 and f64 arithmetic, correctly rounded ----

/// The slow way of each operation for the roundings that the host is not in.
namespace directed {
[[nodiscard]] float add(float a, float b, Rounding rounding);
[[nodiscard]] double add(double a, double b, Rounding rounding);
[[nodiscard]] float multiply(float a, float b, Rounding rounding);
[[nodiscard]] double multiply(double a, double b, Rounding rounding);
[[nodiscard]] float fused_multiply_add(float a, float b, float c, Rounding rounding);
[[nodiscard]] double fused_multiply_add(double a, double b, double c, Rounding rounding);
}  // namespace directed

/// a + b rounded to odd: truncated, with the last bit set when anything was cut off. Rounding the
/// result again to a format of at most 51 bits gives what one rounding of the exact sum gives
/// (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using
/// rounding to odd", IEEE Transactions on Computers 57(4), 2008). The rest of the sum is exact by
/// Knuth's TwoSum.
[[nodiscard]] inline double sum_rounded_to_odd(double a, double b) {
  const double sum = a + b;
  const double b_part = sum - a;
  const double rest = (a - (sum - b_part)) + (b - b_part);
  const auto bits = std::bit_cast<std::uint64_t>(sum);
  const bool inexact = rest < 0.0 || rest > 0.0;  // not NaN, which an infinite sum leaves
  if (!inexact || (bits & 1U) != 0) return sum;
  const bool away_from_zero = (rest > 0.0) == (sum > 0.0);
  return std::bit_cast<double>(away_from_zero ? bits + 1 : bits - 1);
}

[[nodiscard]] inline float add(float a, float b, Rounding rounding) {
  if (rounding == Rounding::nearest_even) return canonical(a + b);
  return directed::add(a, b, rounding);
}
[[nodiscard]] inline double add(double a, double b, Rounding rounding) {
  if (rounding == Rounding::nearest_even) return a + b;
  return directed::add(a, b, rounding);
}
[[nodiscard]] inline float multiply(float a, float b, Rounding rounding) {
  if (rounding == Rounding::nearest_even) return canonical(a * b);
  return directed::multiply(a, b, rounding);
}
[[nodiscard]] inline double multiply(double a, double b, Rounding rounding) {
  if (rounding == Rounding::nearest_even) return a * b;
  return directed::multiply(a, b, rounding);
}
/// f32 in nearest-even needs no library call: the product of two f32 is exact in f64.
[[nodiscard]] inline float fused_multiply_add(float a, float b, float c, Rounding rounding) {
  if (rounding != Rounding::nearest_even) return directed::fused_multiply_add(a, b, c, rounding);
  const double product = static_cast<double>(a) * static_cast<double>(b);
  return canonical(static_cast<float>(sum_rounded_to_odd(product, static_cast<double>(c))));
}
[[nodiscard]] inline double fused_multiply_add(double a, double b, double c, Rounding rounding) {
  if (rounding == Rounding::nearest_even) return std::fma(a, b, c);
  return directed::fused_multiply_add(a, b, c, rounding);
}
[[nodiscard]] float divide(float a, float b, Rounding rounding);
[[nodiscard]] double divide(double a, double b, Rounding rounding);
[[nodiscard]] float square_root(float value, Rounding rounding);
[[nodiscard]] double square_root(double value, Rounding rounding);

/// min and max: -0 is less than +0. With .NaN a NaN operand gives NaN; without, the other operand.
template <class Real>
[[nodiscard]] Real minimum(Real a, Real b, bool propagate_nan) {
  if (std::isnan(a) || std::isnan(b)) {
    if (propagate_nan) return canonical(a + b);
    return canonical(std::isnan(a) ? b : a);
  }
  if (a == b) return std::signbit(a) ? a : b;
  return a < b ? a : b;
}
template <class Real>
[[nodiscard]] Real maximum(Real a, Real b, bool propagate_nan) {
  return canonical(-minimum(-a, -b, propagate_nan));
}

// ---- f16 and bf16 arithmetic, one rounding (.rn, the only one that they have) ----

[[nodiscard]] std::uint16_t half_add(std::uint16_t a, std::uint16_t b);
[[nodiscard]] std::uint16_t half_subtract(std::uint16_t a, std::uint16_t b);
[[nodiscard]] std::uint16_t half_multiply(std::uint16_t a, std::uint16_t b);
[[nodiscard]] std::uint16_t half_fma(std::uint16_t a, std::uint16_t b, std::uint16_t c);
[[nodiscard]] std::uint16_t half_minimum(std::uint16_t a, std::uint16_t b, bool propagate_nan);
[[nodiscard]] std::uint16_t half_maximum(std::uint16_t a, std::uint16_t b, bool propagate_nan);
[[nodiscard]] std::uint16_t half_saturate(std::uint16_t bits);
[[nodiscard]] std::uint16_t half_flush_denormal(std::uint16_t bits);
[[nodiscard]] std::uint16_t bf16_add(std::uint16_t a, std::uint16_t b);
[[nodiscard]] std::uint16_t bf16_subtract(std::uint16_t a, std::uint16_t b);
[[nodiscard]] std::uint16_t bf16_multiply(std::uint16_t a, std::uint16_t b);
[[nodiscard]] std::uint16_t bf16_fma(std::uint16_t a, std::uint16_t b, std::uint16_t c);
[[nodiscard]] std::uint16_t bf16_minimum(std::uint16_t a, std::uint16_t b, bool propagate_nan);
[[nodiscard]] std::uint16_t bf16_maximum(std::uint16_t a, std::uint16_t b, bool propagate_nan);
[[nodiscard]] std::uint16_t half_relu(std::uint16_t bits);
[[nodiscard]] std::uint16_t bf16_relu(std::uint16_t bits);
/// neg and abs touch the sign bit alone, in f16 and bf16 alike.
[[nodiscard]] constexpr std::uint16_t negate16(std::uint16_t bits) {
  return static_cast<std::uint16_t>(bits ^ 0x8000U);
}
[[nodiscard]] constexpr std::uint16_t absolute16(std::uint16_t bits) {
  return static_cast<std::uint16_t>(bits & 0x7fffU);
}

/// The packed (x2) form of a 16-bit operation: low halves with low halves, high with high.
template <class Operation, class... Word>
[[nodiscard]] std::uint32_t packed(Operation operation, Word... words) {
  const std::uint32_t low = operation(static_cast<std::uint16_t>(words)...);
  const std::uint32_t high = operation(static_cast<std::uint16_t>(words >> 16U)...);
  return high << 16U | low;
}

// ---- Approximations (.approx, .full) ----
// Computed in f64 and rounded once to f32; a GPU may be a few units in the last place away.

[[nodiscard]] float exp2_approximate(float value);
[[nodiscard]] float log2_approximate(float value);
[[nodiscard]] float sine_approximate(float value);
[[nodiscard]] float cosine_approximate(float value);
[[nodiscard]] float tanh_approximate(float value);
[[nodiscard]] float reciprocal_approximate(float value);
[[nodiscard]] float reciprocal_square_root_approximate(float value);
[[nodiscard]] float square_root_approximate(float value);
/// div.approx: a times 1/b. For |b| beyond 2^126 that is zero, or NaN for an infinite a.
[[nodiscard]] float divide_approximate(float a, float b);
/// div.full: the whole range of b.
[[nodiscard]] float divide_full(float a, float b);
/// rcp.approx.ftz.f64 and rsqrt.approx.ftz.f64: only the upper 32 bits of the result are set.
[[nodiscard]] double reciprocal_approximate(double value);
[[nodiscard]] double reciprocal_square_root_approximate(double value);

}  // namespace assay::ptx_device
