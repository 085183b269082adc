#pragma once
/// Elementary functions that gcc vectorises inside `#pragma omp simd` loops, for `*_cpu.cpp` files
/// only. They are branch-free and always inlined, so each level gets its own instructions.
#include <cstdint>
#include <cstring>

#include "base/host_device.h"
#include "kernels/bf16.h"

namespace assay::simd {

/// e^x. Range reduction x = n·ln2 + r with |r| <= ln2/2, degree-6 polynomial for e^r (Cody-Waite
/// split of ln2). Relative error below 2e-7 on [-87, 88]; below -87 the result is about 1e-38,
/// above 88 about 2e38: enough for softmax, whose arguments are <= 0, and for sigmoids.
ASSAY_HOST_DEVICE float exp(float x) {
  x = x < -87.0F ? -87.0F : x;
  x = x > 88.0F ? 88.0F : x;
  constexpr float kRoundingMagic = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  const float shifted = x * 1.44269504F + kRoundingMagic;
  const float n = shifted - kRoundingMagic;
  float r = x - n * 0.693359375F;
  r = r - n * -2.12194440e-4F;
  float p = 1.3888889e-3F;
  p = p * r + 8.3333333e-3F;
  p = p * r + 4.1666666e-2F;
  p = p * r + 1.6666667e-1F;
  p = p * r + 0.5F;
  p = p * r + 1.0F;
  p = p * r + 1.0F;
  std::uint32_t bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  // The low bits of `shifted` hold n in two's complement; move n into the exponent field of p.
  std::uint32_t scaled;
  std::memcpy(&scaled, &p, sizeof scaled);
  scaled += bits << 23;
  float result;
  std::memcpy(&result, &scaled, sizeof result);
  return result;
}

/// 1 / (1 + e^-x).
ASSAY_HOST_DEVICE float sigmoid(float x) {
  return 1.0F / (1.0F + exp(-x));
}

/// tanh x = 2·sigmoid(2x) - 1. Absolute error below 3e-7, which is what GELU needs.
ASSAY_HOST_DEVICE float tanh(float x) {
  return 2.0F * sigmoid(2.0F * x) - 1.0F;
}

}  // namespace assay::simd
