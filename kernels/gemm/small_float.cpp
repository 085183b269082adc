#include "kernels/gemm/small_float.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace assay {
namespace {

/// An 8-bit format.
struct Format {
  int exponent_bits;
  int mantissa_bits;
  float largest;      ///< finite value
  bool has_infinity;  ///< the last exponent holds infinity and NaN, as in IEEE 754

  [[nodiscard]] constexpr int bias() const { return (1 << (exponent_bits - 1)) - 1; }
};

constexpr Format kE4m3{4, 3, 448.0F, false};
constexpr Format kE5m2{5, 2, 57344.0F, true};
constexpr unsigned kSign = 0x80;
constexpr unsigned kMagnitude = 0x7F;

float decode(const Format& format, unsigned bits) {
  const unsigned magnitude = bits & kMagnitude;
  const unsigned last_exponent = kMagnitude >> format.mantissa_bits << format.mantissa_bits;
  float value;
  if (format.has_infinity ? magnitude > last_exponent : magnitude == kMagnitude) {
    value = std::numeric_limits<float>::quiet_NaN();
  } else if (format.has_infinity && magnitude == last_exponent) {
    value = std::numeric_limits<float>::infinity();
  } else {
    const int exponent = static_cast<int>(magnitude >> format.mantissa_bits);
    const unsigned hidden = exponent == 0 ? 0U : 1U << format.mantissa_bits;
    const unsigned fraction = magnitude & ((1U << format.mantissa_bits) - 1);
    value = std::ldexp(static_cast<float>(hidden + fraction),
                       std::max(exponent, 1) - format.bias() - format.mantissa_bits);
  }
  return (bits & kSign) != 0 ? -value : value;
}

std::uint8_t encode(const Format& format, float value) {
  const unsigned sign = std::signbit(value) ? kSign : 0U;
  if (std::isnan(value)) return static_cast<std::uint8_t>(sign | kMagnitude);
  const float magnitude = std::min(std::abs(value), format.largest);
  if (magnitude == 0.0F) return static_cast<std::uint8_t>(sign);
  const int exponent = std::max(std::ilogb(magnitude), 1 - format.bias());
  // In units of the last place; exact but for the one rounding.
  const auto units =
      static_cast<unsigned>(std::nearbyint(std::ldexp(magnitude, format.mantissa_bits - exponent)));
  const unsigned hidden = 1U << format.mantissa_bits;
  if (units < hidden) return static_cast<std::uint8_t>(sign | units);  // subnormal
  // A mantissa that rounded up to 2.0 carries into the exponent.
  const unsigned biased = static_cast<unsigned>(exponent + format.bias()) << format.mantissa_bits;
  return static_cast<std::uint8_t>(sign | (biased + units - hidden));
}

}  // namespace

float to_float(Fp8E4m3 value) {
  return decode(kE4m3, value.bits);
}
float to_float(Fp8E5m2 value) {
  return decode(kE5m2, value.bits);
}

Fp8E4m3 to_fp8_e4m3(float value) {
  return {encode(kE4m3, value)};
}
Fp8E5m2 to_fp8_e5m2(float value) {
  return {encode(kE5m2, value)};
}

float to_tf32(float value) {
  if (!std::isfinite(value) || value == 0.0F) return value;
  constexpr int kMantissaBits = 10;
  constexpr int kLeastExponent = -126;
  const int scale = kMantissaBits - std::max(std::ilogb(value), kLeastExponent);
  return std::ldexp(std::nearbyint(std::ldexp(value, scale)), -scale);
}

}  // namespace assay
