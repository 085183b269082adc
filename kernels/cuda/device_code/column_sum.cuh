#pragma once
/// out[c] += Σ_rows partial[row, c], the end of every gradient that sums over tokens: blocks leave
/// a few hundred partial rows, and this adds them up in an order that only their number decides.
///
/// A block of (32, kColumnSumGroups) threads owns 32 columns: a warp reads 128 bytes of one row;
/// group g sums rows g, g + G, …; then the first group adds the G sums in order. One thread a
/// column would be simpler, but it would wait for every row's memory latency in turn.
#include <cstdint>

#include "kernels/cuda/column_sum.h"

namespace assay::cuda {

/// partial: (rows, row_stride), of which columns [0, width) are summed; out: (width).
__device__ __forceinline__ void column_sum(std::int64_t rows, std::int64_t width,
                                           std::int64_t row_stride, const float* partial,
                                           float* out) {
  __shared__ float group_sum[kColumnSumGroups][kColumnSumColumns];
  const std::int64_t column = std::int64_t{blockIdx.x} * kColumnSumColumns + threadIdx.x;
  float sum = 0.0F;
  if (column < width) {
#pragma unroll 4
    for (std::int64_t row = threadIdx.y; row < rows; row += kColumnSumGroups) {
      sum += partial[row * row_stride + column];
    }
  }
  group_sum[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y == 0 && column < width) {
    float total = out[column];
    for (int group = 0; group < kColumnSumGroups; ++group) {
      total += group_sum[group][threadIdx.x];
    }
    out[column] = total;
  }
}

}  // namespace assay::cuda
