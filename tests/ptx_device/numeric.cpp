#include "ptx_device/numeric.h"

#include <algorithm>
#include <array>
#include <cfenv>

namespace assay::ptx_device {
namespace {

// ---- Formats narrower than f32 ----

struct Format {
  int exponent_bits;
  int fraction_bits;
  std::uint64_t largest;  // the code of the largest number
};

constexpr Format kHalf{5, 10, 0x7bff};
constexpr Format kBf16{8, 7, 0x7f7f};
constexpr Format kTf32{8, 10, 0x3fbff};
constexpr Format kE4m3{4, 3, 0x7e};  // 0x7f is NaN; there is no infinity
constexpr Format kE5m2{5, 2, 0x7b};

/// Does cutting `rest` off `kept` move the magnitude one step away from zero?
bool rounds_away(Rounding rounding, bool negative, bool kept_is_odd, std::uint64_t rest,
                 std::uint64_t half) {
  switch (rounding) {
    case Rounding::nearest_even:
      return rest > half || (rest == half && kept_is_odd);
    case Rounding::nearest_away:
      return rest >= half;
    case Rounding::toward_zero:
      return false;
    case Rounding::down:
      return negative && rest != 0;
    case Rounding::up:
      return !negative && rest != 0;
  }
  return false;
}

/// The code of `value` in `format`, with one rounding. NaN is all ones below the sign.
std::uint32_t encode(double value, const Format& format, Rounding rounding, Overflow overflow) {
  const int sign_position = format.exponent_bits + format.fraction_bits;
  if (std::isnan(value)) return (1U << sign_position) - 1U;

  const auto bits = std::bit_cast<std::uint64_t>(value);
  const bool negative = bits >> 63U != 0;
  const int biased = static_cast<int>(bits >> 52U & 0x7ffU);
  const int exponent = std::max(biased, 1) - 1023;
  const std::uint64_t implicit_bit = biased != 0 ? std::uint64_t{1} << 52U : 0;
  const std::uint64_t significand = (bits & ((std::uint64_t{1} << 52U) - 1)) | implicit_bit;

  const int least_exponent = 2 - (1 << (format.exponent_bits - 1));
  const int below_normal = std::max(0, least_exponent - exponent);
  // From 54 on all is cut off and is less than half a step, however much further the shift is.
  const int shift = std::min(52 - format.fraction_bits + below_normal, 60);
  std::uint64_t kept = significand >> shift;
  const std::uint64_t rest = significand - (kept << shift);
  const std::uint64_t half = std::uint64_t{1} << (shift - 1);
  if (rounds_away(rounding, negative, (kept & 1U) != 0, rest, half)) ++kept;

  // `kept` has the implicit bit where the exponent's lowest bit is, so that a carry out of the
  // fraction steps the exponent, and a subnormal number that rounds up becomes a normal one.
  const auto steps = static_cast<std::uint64_t>(std::max(0, exponent - least_exponent));
  std::uint64_t code = kept + (steps << format.fraction_bits);
  if (code > format.largest) {
    const bool stays_finite = !std::isinf(value) && (rounding == Rounding::toward_zero ||
                                                     (rounding == Rounding::down && !negative) ||
                                                     (rounding == Rounding::up && negative));
    const bool finite = overflow == Overflow::satfinite || stays_finite;
    code = format.largest + (finite ? 0 : 1);
  }
  const std::uint64_t sign = negative ? 1 : 0;
  return static_cast<std::uint32_t>(sign << sign_position | code);
}

/// All 256 numbers of an 8-bit format.
std::array<float, 256> table_of(const Format& format) {
  std::array<float, 256> table{};
  for (std::uint32_t code = 0; code < table.size(); ++code) {
    const std::uint32_t magnitude = code & 0x7fU;
    const int biased = static_cast<int>(magnitude >> format.fraction_bits);
    const int fraction = static_cast<int>(magnitude) - (biased << format.fraction_bits);
    const int implicit_bit = biased != 0 ? 1 << format.fraction_bits : 0;
    const int bias = (1 << (format.exponent_bits - 1)) - 1;
    float value = std::ldexp(static_cast<float>(fraction + implicit_bit),
                             std::max(biased, 1) - bias - format.fraction_bits);
    if (magnitude > format.largest) {
      const bool infinite = format.exponent_bits == 5 && fraction == 0;
      value =
          infinite ? std::numeric_limits<float>::infinity() : std::bit_cast<float>(kCanonicalNan32);
    }
    const bool negative = code >= 0x80U && !std::isnan(value);
    table[code] = negative ? -value : value;
  }
  return table;
}

// ---- The host in another rounding mode ----

int host_mode(Rounding rounding) {
  switch (rounding) {
    case Rounding::toward_zero:
      return FE_TOWARDZERO;
    case Rounding::down:
      return FE_DOWNWARD;
    case Rounding::up:
      return FE_UPWARD;
    case Rounding::nearest_even:
    case Rounding::nearest_away:
      break;
  }
  return FE_TONEAREST;
}

/// operation(operands) with the host in that mode. Operands and result are volatile, so that the
/// compiler can neither compute the result in advance nor move it across the changes of mode.
template <class Result, class Operand, class Operation>
Result in_mode(Rounding rounding, Operation operation, Operand a, Operand b = {}, Operand c = {}) {
  const volatile Operand operands[3] = {a, b, c};
  volatile Result result{};
  std::fesetround(host_mode(rounding));
  result = operation(operands);
  std::fesetround(FE_TONEAREST);
  return canonical(static_cast<Result>(result));
}

template <class Real>
Real add_in_mode(Real a, Real b, Rounding rounding) {
  return in_mode<Real>(
      rounding, [](const volatile Real* x) { return x[0] + x[1]; }, a, b);
}
template <class Real>
Real multiply_in_mode(Real a, Real b, Rounding rounding) {
  return in_mode<Real>(
      rounding, [](const volatile Real* x) { return x[0] * x[1]; }, a, b);
}
template <class Real>
Real fma_in_mode(Real a, Real b, Real c, Rounding rounding) {
  const auto fused = [](const volatile Real* x) {
    return std::fma(Real{x[0]}, Real{x[1]}, Real{x[2]});
  };
  return in_mode<Real>(rounding, fused, a, b, c);
}
template <class Real>
Real divide_in_mode(Real a, Real b, Rounding rounding) {
  if (rounding == Rounding::nearest_even) return canonical(a / b);
  return in_mode<Real>(
      rounding, [](const volatile Real* x) { return x[0] / x[1]; }, a, b);
}
template <class Real>
Real square_root_in_mode(Real value, Rounding rounding) {
  if (rounding == Rounding::nearest_even) return canonical(std::sqrt(value));
  return in_mode<Real>(
      rounding, [](const volatile Real* x) { return std::sqrt(Real{x[0]}); }, value);
}
template <class Real, class Integer>
Real integer_in_mode(Integer value, Rounding rounding) {
  if (rounding == Rounding::nearest_even) return static_cast<Real>(value);
  return in_mode<Real>(
      rounding, [](const volatile Integer* x) { return static_cast<Real>(x[0]); }, value);
}

template <class Real>
Real round_to_whole(Real value, Rounding rounding) {
  switch (rounding) {
    case Rounding::nearest_even:
      return canonical(std::nearbyint(value));
    case Rounding::toward_zero:
      return canonical(std::trunc(value));
    case Rounding::down:
      return canonical(std::floor(value));
    case Rounding::up:
      return canonical(std::ceil(value));
    case Rounding::nearest_away:
      return canonical(std::round(value));
  }
  return value;
}

/// An integer to f64, rounded to odd, so that one more rounding to 11 bits or fewer is the only
/// one that shows.
double to_double_rounded_to_odd(std::uint64_t magnitude, bool negative) {
  const int excess = std::max(0, static_cast<int>(std::bit_width(magnitude)) - 53);
  std::uint64_t kept = magnitude >> excess;
  if (kept << excess != magnitude) kept |= 1U;
  const double value = std::ldexp(static_cast<double>(kept), excess);
  return negative ? -value : value;
}
double to_double_rounded_to_odd(std::uint64_t value) {
  return to_double_rounded_to_odd(value, false);
}
double to_double_rounded_to_odd(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  return value < 0 ? to_double_rounded_to_odd(~bits + 1, true)
                   : to_double_rounded_to_odd(bits, false);
}

/// a b + c, to be rounded once more to f16 or bf16.
double exact_fma(float a, float b, float c) {
  return sum_rounded_to_odd(static_cast<double>(a) * static_cast<double>(b),
                            static_cast<double>(c));
}

/// With the low 32 bits cleared and subnormal numbers flushed.
double upper_word(double value) {
  if (std::isnan(value) || std::isinf(value)) return value;
  if (std::fabs(value) < std::numeric_limits<double>::min()) return std::copysign(0.0, value);
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) & 0xffffffff00000000U);
}

}  // namespace

// ---- Conversions ----

float half_to_float(std::uint16_t bits) {
  const std::uint32_t magnitude = bits & 0x7fffU;
  const std::uint32_t sign = (bits & 0x8000U) << 16U;
  if (magnitude > 0x7c00U) return std::bit_cast<float>(kCanonicalNan32);
  if (magnitude == 0x7c00U) return std::bit_cast<float>(sign | 0x7f800000U);
  // In f32's place the exponent is 112 too small, for subnormal numbers as well.
  const float value = std::bit_cast<float>(magnitude << 13U) * 0x1p112F;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | sign);
}

float bf16_to_float(std::uint16_t bits) {
  return canonical(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U));
}

float e4m3_to_float(std::uint8_t bits) {
  static const std::array<float, 256> table = table_of(kE4m3);
  return table[bits];
}

float e5m2_to_float(std::uint8_t bits) {
  static const std::array<float, 256> table = table_of(kE5m2);
  return table[bits];
}

std::uint16_t double_to_half(double value, Rounding rounding, Overflow overflow) {
  return static_cast<std::uint16_t>(encode(value, kHalf, rounding, overflow));
}
std::uint16_t double_to_bf16(double value, Rounding rounding, Overflow overflow) {
  return static_cast<std::uint16_t>(encode(value, kBf16, rounding, overflow));
}
std::uint16_t float_to_half(float value, Rounding rounding, Overflow overflow) {
  return double_to_half(static_cast<double>(value), rounding, overflow);
}
std::uint16_t float_to_bf16(float value, Rounding rounding, Overflow overflow) {
  return double_to_bf16(static_cast<double>(value), rounding, overflow);
}
std::uint32_t float_to_tf32(float value, Rounding rounding, Overflow overflow) {
  if (std::isnan(value)) return kCanonicalNan32;
  return encode(static_cast<double>(value), kTf32, rounding, overflow) << 13U;
}
std::uint8_t float_to_e4m3_satfinite(float value) {
  return static_cast<std::uint8_t>(
      encode(static_cast<double>(value), kE4m3, Rounding::nearest_even, Overflow::satfinite));
}
std::uint8_t float_to_e5m2_satfinite(float value) {
  return static_cast<std::uint8_t>(
      encode(static_cast<double>(value), kE5m2, Rounding::nearest_even, Overflow::satfinite));
}
float double_to_float(double value, Rounding rounding) {
  if (rounding == Rounding::nearest_even) return canonical(static_cast<float>(value));
  return in_mode<float>(
      rounding, [](const volatile double* x) { return static_cast<float>(x[0]); }, value);
}

// ---- Integers ----

float round_to_integer_value(float value, Rounding rounding) {
  return round_to_whole(value, rounding);
}
double round_to_integer_value(double value, Rounding rounding) {
  return round_to_whole(value, rounding);
}
float integer_to_float(std::int64_t value, Rounding rounding) {
  return integer_in_mode<float>(value, rounding);
}
float integer_to_float(std::uint64_t value, Rounding rounding) {
  return integer_in_mode<float>(value, rounding);
}
double integer_to_double(std::int64_t value, Rounding rounding) {
  return integer_in_mode<double>(value, rounding);
}
double integer_to_double(std::uint64_t value, Rounding rounding) {
  return integer_in_mode<double>(value, rounding);
}
std::uint16_t integer_to_half(std::int64_t value, Rounding rounding) {
  return double_to_half(to_double_rounded_to_odd(value), rounding);
}
std::uint16_t integer_to_half(std::uint64_t value, Rounding rounding) {
  return double_to_half(to_double_rounded_to_odd(value), rounding);
}
std::uint16_t integer_to_bf16(std::int64_t value, Rounding rounding) {
  return double_to_bf16(to_double_rounded_to_odd(value), rounding);
}
std::uint16_t integer_to_bf16(std::uint64_t value, Rounding rounding) {
  return double_to_bf16(to_double_rounded_to_odd(value), rounding);
}

// ---- f32 and f64 ----

namespace directed {
float add(float a, float b, Rounding rounding) {
  return add_in_mode(a, b, rounding);
}
double add(double a, double b, Rounding rounding) {
  return add_in_mode(a, b, rounding);
}
float multiply(float a, float b, Rounding rounding) {
  return multiply_in_mode(a, b, rounding);
}
double multiply(double a, double b, Rounding rounding) {
  return multiply_in_mode(a, b, rounding);
}
float fused_multiply_add(float a, float b, float c, Rounding rounding) {
  return fma_in_mode(a, b, c, rounding);
}
double fused_multiply_add(double a, double b, double c, Rounding rounding) {
  return fma_in_mode(a, b, c, rounding);
}
}  // namespace directed

float divide(float a, float b, Rounding rounding) {
  return divide_in_mode(a, b, rounding);
}
double divide(double a, double b, Rounding rounding) {
  return divide_in_mode(a, b, rounding);
}
float square_root(float value, Rounding rounding) {
  return square_root_in_mode(value, rounding);
}
double square_root(double value, Rounding rounding) {
  return square_root_in_mode(value, rounding);
}

// ---- f16 and bf16 ----

std::uint16_t half_add(std::uint16_t a, std::uint16_t b) {
  return double_to_half(exact_fma(half_to_float(a), 1.0F, half_to_float(b)));
}
std::uint16_t half_subtract(std::uint16_t a, std::uint16_t b) {
  return half_add(a, negate16(b));
}
std::uint16_t half_multiply(std::uint16_t a, std::uint16_t b) {
  return double_to_half(static_cast<double>(half_to_float(a)) *
                        static_cast<double>(half_to_float(b)));
}
std::uint16_t half_fma(std::uint16_t a, std::uint16_t b, std::uint16_t c) {
  return double_to_half(exact_fma(half_to_float(a), half_to_float(b), half_to_float(c)));
}
std::uint16_t half_minimum(std::uint16_t a, std::uint16_t b, bool propagate_nan) {
  return float_to_half(minimum(half_to_float(a), half_to_float(b), propagate_nan));
}
std::uint16_t half_maximum(std::uint16_t a, std::uint16_t b, bool propagate_nan) {
  return float_to_half(maximum(half_to_float(a), half_to_float(b), propagate_nan));
}
std::uint16_t half_relu(std::uint16_t bits) {
  return float_to_half(relu(half_to_float(bits)));
}
std::uint16_t half_saturate(std::uint16_t bits) {
  return float_to_half(saturate(half_to_float(bits)));
}
std::uint16_t half_flush_denormal(std::uint16_t bits) {
  return (bits & 0x7c00U) == 0 ? static_cast<std::uint16_t>(bits & 0x8000U) : bits;
}

std::uint16_t bf16_add(std::uint16_t a, std::uint16_t b) {
  return double_to_bf16(exact_fma(bf16_to_float(a), 1.0F, bf16_to_float(b)));
}
std::uint16_t bf16_subtract(std::uint16_t a, std::uint16_t b) {
  return bf16_add(a, negate16(b));
}
std::uint16_t bf16_multiply(std::uint16_t a, std::uint16_t b) {
  return double_to_bf16(static_cast<double>(bf16_to_float(a)) *
                        static_cast<double>(bf16_to_float(b)));
}
std::uint16_t bf16_fma(std::uint16_t a, std::uint16_t b, std::uint16_t c) {
  return double_to_bf16(exact_fma(bf16_to_float(a), bf16_to_float(b), bf16_to_float(c)));
}
std::uint16_t bf16_minimum(std::uint16_t a, std::uint16_t b, bool propagate_nan) {
  return float_to_bf16(minimum(bf16_to_float(a), bf16_to_float(b), propagate_nan));
}
std::uint16_t bf16_maximum(std::uint16_t a, std::uint16_t b, bool propagate_nan) {
  return float_to_bf16(maximum(bf16_to_float(a), bf16_to_float(b), propagate_nan));
}
std::uint16_t bf16_relu(std::uint16_t bits) {
  return float_to_bf16(relu(bf16_to_float(bits)));
}

// ---- Approximations ----

float exp2_approximate(float value) {
  return canonical(static_cast<float>(std::exp2(static_cast<double>(value))));
}
float log2_approximate(float value) {
  return canonical(static_cast<float>(std::log2(static_cast<double>(value))));
}
float sine_approximate(float value) {
  return canonical(static_cast<float>(std::sin(static_cast<double>(value))));
}
float cosine_approximate(float value) {
  return canonical(static_cast<float>(std::cos(static_cast<double>(value))));
}
float tanh_approximate(float value) {
  return canonical(static_cast<float>(std::tanh(static_cast<double>(value))));
}
float reciprocal_approximate(float value) {
  return canonical(static_cast<float>(1.0 / static_cast<double>(value)));
}
float reciprocal_square_root_approximate(float value) {
  return canonical(static_cast<float>(1.0 / std::sqrt(static_cast<double>(value))));
}
float square_root_approximate(float value) {
  return canonical(static_cast<float>(std::sqrt(static_cast<double>(value))));
}
float divide_full(float a, float b) {
  return canonical(static_cast<float>(static_cast<double>(a) / static_cast<double>(b)));
}
float divide_approximate(float a, float b) {
  const bool huge_divisor = std::fabs(b) > 0x1p126F && std::isfinite(b);
  if (!huge_divisor) return divide_full(a, b);
  const float zero = std::copysign(0.0F, b);
  return canonical(a * zero);
}

double reciprocal_approximate(double value) {
  return upper_word(1.0 / upper_word(value));
}
double reciprocal_square_root_approximate(double value) {
  return upper_word(1.0 / std::sqrt(upper_word(value)));
}

}  // namespace assay::ptx_device
