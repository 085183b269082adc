#pragma once
/// FP8 storage on the host, as kernels/bf16.h has it for BF16: arithmetic is done in float, only
/// loads and stores convert. Rounding is to nearest, ties to even. And TF32's rounding.
/// Source: P. Micikevicius et al., "FP8 Formats for Deep Learning", arXiv 2209.05433, table 1
/// (E4M3 has no infinity, and NaN only with all bits set).
#include <cstdint>

#include "kernels/bf16.h"

namespace assay {

struct Fp8E4m3 {
  std::uint8_t bits;
};
struct Fp8E5m2 {
  std::uint8_t bits;
};

[[nodiscard]] float to_float(Fp8E4m3 value);
[[nodiscard]] float to_float(Fp8E5m2 value);

/// What is too large becomes the largest finite value, as in the conversions of training
/// frameworks. NaN stays NaN.
[[nodiscard]] Fp8E4m3 to_fp8_e4m3(float value);
[[nodiscard]] Fp8E5m2 to_fp8_e5m2(float value);

template <>
ASSAY_HOST_DEVICE Fp8E4m3 from_float<Fp8E4m3>(float value) {
  return to_fp8_e4m3(value);
}
template <>
ASSAY_HOST_DEVICE Fp8E5m2 from_float<Fp8E5m2>(float value) {
  return to_fp8_e5m2(value);
}

/// The float with 10 bits of mantissa that is nearest to `value`: what a TF32 multiplier takes in
/// whole.
[[nodiscard]] float to_tf32(float value);

}  // namespace assay
