#include "kernels/bias/bias_cuda.h"
#include "kernels/cuda/device_code/column_sum.cuh"
#include "kernels/cuda/device_code/pack.cuh"
#include "kernels/cuda/device_code/reduce.cuh"

namespace assay::bias {
namespace {

using cuda::kPackedElements;
using cuda::kWarp;
using cuda::load_pack;
using cuda::Pack;

/// sums[i] = the sum of column + i over this warp's rows of [first_row, last_row).
template <int N, class T>
__device__ __forceinline__ void sum_rows(std::int64_t first_row, std::int64_t last_row,
                                         std::int64_t width, std::int64_t column, const T* dy,
                                         float (&sums)[N]) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  for (std::int64_t row = first_row + warp; row < last_row; row += kWarps * kRowsInFlight) {
    Pack<T, N> values[kRowsInFlight];
#pragma unroll
    for (int k = 0; k < kRowsInFlight; ++k) {
      const std::int64_t at = row + k * kWarps;
      values[k] = at < last_row ? load_pack<N>(dy + at * width + column) : Pack<T, N>{};
    }
#pragma unroll
    for (int k = 0; k < kRowsInFlight; ++k) {
#pragma unroll
      for (int i = 0; i < N; ++i) sums[i] += to_float(values[k].element[i]);
    }
  }
}

template <int N, class T>
__device__ __forceinline__ void backward(std::int64_t rows, std::int64_t width, int rows_per_block,
                                         const T* dy, float* partial) {
  constexpr int kColumns = kWarp * N;
  __shared__ __align__(16) float warp_sums[kWarps][kColumns];
  const int warp = static_cast<int>(threadIdx.x) / kWarp;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t first_row = std::int64_t{blockIdx.y} * rows_per_block;
  const std::int64_t last_row =
      first_row + rows_per_block < rows ? first_row + rows_per_block : rows;
  const std::int64_t first_column = std::int64_t{blockIdx.x} * kColumns;

  float sums[N] = {};
  const std::int64_t column = first_column + lane * N;
  if (column < width) sum_rows<N>(first_row, last_row, width, column, dy, sums);
#pragma unroll
  for (int i = 0; i < N; ++i) warp_sums[warp][lane * N + i] = sums[i];
  __syncthreads();
  for (int c = static_cast<int>(threadIdx.x); c < kColumns; c += kWarps * kWarp) {
    if (first_column + c >= width) return;
    float total = 0.0F;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) total += warp_sums[w][c];
    partial[blockIdx.y * width + first_column + c] = total;
  }
}

}  // namespace

extern "C" {

__global__ __launch_bounds__(kWarps* kWarp) void bias_backward_bf16(
    std::int64_t rows, std::int64_t width, int rows_per_block, const Bf16* dy, float* partial) {
  backward<kPackedElements<Bf16>>(rows, width, rows_per_block, dy, partial);
}
__global__ __launch_bounds__(kWarps* kWarp) void bias_backward_fp32(
    std::int64_t rows, std::int64_t width, int rows_per_block, const float* dy, float* partial) {
  backward<kPackedElements<float>>(rows, width, rows_per_block, dy, partial);
}
__global__ __launch_bounds__(kWarps* kWarp) void bias_backward_bf16_any(
    std::int64_t rows, std::int64_t width, int rows_per_block, const Bf16* dy, float* partial) {
  backward<1>(rows, width, rows_per_block, dy, partial);
}
__global__ __launch_bounds__(kWarps* kWarp) void bias_backward_fp32_any(
    std::int64_t rows, std::int64_t width, int rows_per_block, const float* dy, float* partial) {
  backward<1>(rows, width, rows_per_block, dy, partial);
}
__global__ void bias_column_sum(std::int64_t rows, std::int64_t width, const float* partial,
                                float* dbias) {
  cuda::column_sum(rows, width, width, partial, dbias);
}

}  // extern "C"

}  // namespace assay::bias
