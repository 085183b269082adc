#pragma once
/// IEEE 754 binary16 storage: 1 sign, 5 exponent and 10 fraction bits. Arithmetic is done in float;
/// only loads and stores convert. Rounding is to nearest, ties to even; beyond 65,504 lies
/// infinity, below 2^-14 the numbers are subnormal; NaNs stay NaNs (quieted). Shared with device
/// code: C++17.
#include <cstdint>
#include <cstring>

#include "base/host_device.h"
#include "kernels/bf16.h"

namespace assay {

struct Fp16 {
  std::uint16_t bits;
};

ASSAY_HOST_DEVICE float to_float(Fp16 value) {
#if defined(__CUDA_ARCH__)
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(value.bits));
  return result;
#else
  const std::uint32_t sign = std::uint32_t{value.bits & 0x8000U} << 16;
  const std::uint32_t exponent = (value.bits >> 10) & 0x1FU;
  const std::uint32_t fraction = value.bits & 0x3FFU;
  if (exponent == 0) {  // zero or subnormal: fraction · 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide =
      sign | (exponent == 0x1FU ? 0x7F800000U : (exponent + 112U) << 23) | (fraction << 13);
  float result;
  std::memcpy(&result, &wide, sizeof result);
  return result;
#endif
}

ASSAY_HOST_DEVICE Fp16 to_fp16(float value) {
#if defined(__CUDA_ARCH__)
  Fp16 result;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
  return result;
#else
  std::uint32_t wide;
  std::memcpy(&wide, &value, sizeof wide);
  const std::uint32_t sign = (wide >> 16) & 0x8000U;
  const std::uint32_t magnitude = wide & 0x7FFFFFFFU;
  std::uint32_t bits = 0;
  if (magnitude > 0x7F800000U) {
    bits = 0x7E00U | ((magnitude >> 13) & 0x3FFU);
  } else if (magnitude >= 0x477FF000U) {  // 65,520 and more round to infinity
    bits = 0x7C00U;
  } else if (magnitude >= 0x38800000U) {  // 2^-14: normal
    const std::uint32_t rebased = magnitude - (112U << 23);
    bits = (rebased + 0xFFFU + ((rebased >> 13) & 1U)) >> 13;
  } else {  // a multiple of 2^-24: adding 1/2 leaves that multiple, rounded, in the last bits
    float shifted;
    std::memcpy(&shifted, &magnitude, sizeof shifted);
    shifted += 0.5F;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits -= 0x3F000000U;
  }
  return {static_cast<std::uint16_t>(sign | bits)};
#endif
}

template <>
ASSAY_HOST_DEVICE Fp16 from_float<Fp16>(float value) {
  return to_fp16(value);
}

}  // namespace assay
