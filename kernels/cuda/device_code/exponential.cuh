#pragma once
/// The exponential by the special-function unit: a product and one instruction, where expf takes a
/// dozen.

namespace assay::cuda {

/// 2^x. Relative error below 2^-22. 0 for -infinity and where the result is no normal number; NaN
/// for NaN.
__device__ __forceinline__ float exponential2(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

/// e^x. Relative error below 2^-22 + 2^-24·|x|: the unit's own and the product's rounding. 0 for
/// -infinity and where the result is no normal number; NaN for NaN.
__device__ __forceinline__ float exponential(float x) {
  constexpr float kLog2E = 1.442695041F;
  return exponential2(x * kLog2E);
}

}  // namespace assay::cuda
