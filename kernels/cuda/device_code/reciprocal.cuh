#pragma once
/// The reciprocal by the special-function unit: one instruction, where a division that rounds
/// correctly takes a dozen.

namespace assay::cuda {

/// 1/x within 2^-23 of the result. 0 for infinities and where the result is no normal number; NaN
/// for NaN.
__device__ __forceinline__ float reciprocal(float x) {
  float result;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

}  // namespace assay::cuda
