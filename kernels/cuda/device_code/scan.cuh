#pragma once
/// Prefix sums of integers over a block: where each thread's share begins when every thread has
/// some of something.
#include "kernels/cuda/device_code/reduce.cuh"

namespace assay::cuda {

struct Prefix {
  int before;  ///< the sum over the threads before this one
  int total;   ///< the sum over all threads
};

/// The sum over the lanes up to and including this one.
__device__ __forceinline__ int warp_inclusive_sum(int value) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int distance = 1; distance < kWarp; distance *= 2) {
    const int other = __shfl_up_sync(kAllLanes, value, distance);
    if (lane >= distance) value += other;
  }
  return value;
}

/// Over a one-dimensional block of whole warps. `scratch`: 32 integers of shared memory that are
/// free when the block comes here; they are free again after the next barrier that follows.
__device__ __forceinline__ Prefix block_prefix(int value, int* scratch) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  const int inclusive = warp_inclusive_sum(value);
  if (lane == kWarp - 1) scratch[warp] = inclusive;
  __syncthreads();
  const int of_warps = warp_inclusive_sum(lane < warps ? scratch[lane] : 0);
  const int warps_before = __shfl_sync(kAllLanes, of_warps, warp == 0 ? 0 : warp - 1);
  return {(warp == 0 ? 0 : warps_before) + inclusive - value,
          __shfl_sync(kAllLanes, of_warps, kWarp - 1)};
}

}  // namespace assay::cuda
