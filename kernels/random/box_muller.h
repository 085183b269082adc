#pragma once
/// The two elementary functions of Box and Muller, straight from a word of Philox and by
/// polynomials alone, so that every CPU level and CUDA compute the same (but for fused roundings)
/// and a compiler vectorises them. C++17: device code shares this header.
#include <cstdint>
#include <cstring>

#include "base/host_device.h"

namespace assay::random {

/// The bits of a float as an integer, and back.
ASSAY_HOST_DEVICE float float_of_bits(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}
ASSAY_HOST_DEVICE std::uint32_t bits_of_float(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// -2 ln u with u = (word + ½) / 2^32, to 1e-7 of its value. u = 2^e · (1 + t) with 1 + t in
/// [√½, √2); where e = 0 and u > ½, t is -(1 - u), exact from the complement of the word. The
/// polynomial interpolates (ln(1 + t) - t + t²/2) / t³ at Chebyshev's nodes.
ASSAY_HOST_DEVICE float minus_two_log_uniform(std::uint32_t word) {
  constexpr std::uint32_t kRootHalf = 0x3F3504F3U;  // the bits of √½
  const bool upper = word >= 0x80000000U;
  const auto below = static_cast<std::int32_t>(upper ? ~word : word);
  const float f = (static_cast<float>(below) + 0.5F) * 2.3283064365386963e-10F;  // 2^-32
  const float u = upper ? 1.0F - f : f;
  const std::uint32_t shifted = bits_of_float(u) - kRootHalf;
  const std::int32_t exponent = static_cast<std::int32_t>(shifted) >> 23;
  const float rounded = float_of_bits((shifted & 0x007FFFFFU) + kRootHalf) - 1.0F;
  const float t = upper && exponent == 0 ? -f : rounded;
  float p = 6.971611471e-2F;
  p = p * t - 1.147973385e-1F;
  p = p * t + 1.168541992e-1F;
  p = p * t - 1.242568733e-1F;
  p = p * t + 1.424905765e-1F;
  p = p * t - 1.666780232e-1F;
  p = p * t + 2.000071575e-1F;
  p = p * t - 2.499999696e-1F;
  p = p * t + 3.333333118e-1F;
  const float square = t * t;
  const float log = t - 0.5F * square + t * square * p;
  return -2.0F * (log + static_cast<float>(exponent) * 6.931471806e-1F);
}

struct Turn {
  float cosine;
  float sine;
};

/// Cosine and sine of 2π(word + ½) / 2^32. The nearest quarter turn comes off the word; the rest is
/// x quarter turns, |x| <= ½, with polynomials in x² that interpolate at Chebyshev's nodes.
ASSAY_HOST_DEVICE Turn turn(std::uint32_t word) {
  const std::uint32_t quarter = (word + 0x20000000U) >> 30;
  const auto rest = static_cast<std::int32_t>(word - (quarter << 30));
  const float x = (static_cast<float>(rest) + 0.5F) * 9.313225746154785e-10F;  // 2^-30
  const float square = x * x;
  float s = -4.602149213e-3F;
  s = s * square + 7.968021765e-2F;
  s = s * square - 6.459634777e-1F;
  s = s * square + 1.570796322F;
  s = s * x;
  float c = 9.067398984e-4F;
  c = c * square - 2.086152834e-2F;
  c = c * square + 2.536694104e-1F;
  c = c * square - 1.233700549F;
  c = c * square + 1.0F;
  const bool odd = (quarter & 1U) != 0;
  const std::uint32_t cosine_sign = ((quarter + 1U) & 2U) << 30;
  const std::uint32_t sine_sign = (quarter & 2U) << 30;
  return {float_of_bits(bits_of_float(odd ? s : c) ^ cosine_sign),
          float_of_bits(bits_of_float(odd ? c : s) ^ sine_sign)};
}

}  // namespace assay::random
