#pragma once
/// Sums and maxima over a warp and over a block, in an order that depends on nothing but the
/// block's size: the same bits in every run.
#include <cstdint>

namespace assay::cuda {

inline constexpr int kWarp = 32;
inline constexpr unsigned kAllLanes = 0xFFFFFFFFU;

struct Add {
  __device__ __forceinline__ float operator()(float a, float b) const { return a + b; }
};
struct Maximum {
  __device__ __forceinline__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

/// The combination of all 32 lanes' values, in every lane (a butterfly of five exchanges).
template <class Combine>
__device__ __forceinline__ float warp_reduce(float value, Combine combine) {
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    value = combine(value, __shfl_xor_sync(kAllLanes, value, distance));
  }
  return value;
}

/// The combination over a one-dimensional block of whole warps, in every thread. `scratch`: 32
/// floats of shared memory that are free when the block comes here; they are free again after the
/// next barrier that follows. A block of one warp needs neither.
template <class Combine>
__device__ __forceinline__ float block_reduce(float value, Combine combine, float* scratch) {
  value = warp_reduce(value, combine);
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  if (warps == 1) return value;
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  if (threadIdx.x % kWarp == 0) scratch[warp] = value;
  __syncthreads();
  float total = scratch[0];
  for (int other = 1; other < warps; ++other) total = combine(total, scratch[other]);
  return total;
}

}  // namespace assay::cuda
