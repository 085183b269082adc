#pragma once
/// Sums in double over a block, in an order that depends on nothing but the block's size: for the
/// few sums that must not lose digits (a loss, a norm), after which few values are left.
#include <cstdint>

#include "kernels/cuda/device_code/reduce.cuh"

namespace assay::cuda {

/// The sum over a one-dimensional block of whole warps, in every thread. `scratch`: 32 doubles of
/// shared memory that are free when the block comes here.
__device__ __forceinline__ double block_sum_in_double(double value, double* scratch) {
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(kAllLanes, value, distance);
  }
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  if (threadIdx.x % kWarp == 0) scratch[threadIdx.x / kWarp] = value;
  __syncthreads();
  double total = scratch[0];
  for (int warp = 1; warp < warps; ++warp) total += scratch[warp];
  return total;
}

/// Σ values[i] over n, by one block.
template <class T>
__device__ __forceinline__ double sum_in_double(std::int64_t n, const T* values, double* scratch) {
  double sum = 0.0;
#pragma unroll 4
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) sum += static_cast<double>(values[i]);
  return block_sum_in_double(sum, scratch);
}

}  // namespace assay::cuda
