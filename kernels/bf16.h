#pragma once
/// bfloat16 storage: the upper 16 bits of an IEEE binary32. Arithmetic is done in float; only
/// loads and stores convert. Rounding is to nearest, ties to even; NaNs stay NaNs (quieted).
/// Shared with device code: C++17.
#include <cstdint>
#include <cstring>

#include "base/host_device.h"

namespace assay {

struct Bf16 {
  std::uint16_t bits;
};

ASSAY_HOST_DEVICE float to_float(float value) {
  return value;
}

ASSAY_HOST_DEVICE float to_float(Bf16 value) {
  const std::uint32_t wide = std::uint32_t{value.bits} << 16;
  float result;
  std::memcpy(&result, &wide, sizeof result);
  return result;
}

ASSAY_HOST_DEVICE Bf16 to_bf16(float value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  Bf16 result;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
  return result;
#else
  std::uint32_t wide;
  std::memcpy(&wide, &value, sizeof wide);
  const std::uint32_t rounded = (wide + 0x7FFFU + ((wide >> 16) & 1U)) >> 16;
  const std::uint32_t quiet_nan = (wide >> 16) | 0x40U;
  const bool is_nan = (wide & 0x7FFFFFFFU) > 0x7F800000U;
  return {static_cast<std::uint16_t>(is_nan ? quiet_nan : rounded)};
#endif
}

/// Storage type chosen by a template argument: T = float or Bf16.
template <class T>
ASSAY_HOST_DEVICE T from_float(float value);
template <>
ASSAY_HOST_DEVICE float from_float<float>(float value) {
  return value;
}
template <>
ASSAY_HOST_DEVICE Bf16 from_float<Bf16>(float value) {
  return to_bf16(value);
}

}  // namespace assay
