#pragma once
/// What the forward and the backward kernels of attention share: products of a warp's rows with a
/// tile, and which rows a block takes.
#include "kernels/attention/attention_cuda.h"
#include "kernels/cuda/device_code/swizzled_tile.cuh"

namespace assay::attention {

inline constexpr float kLog2E = 1.442695041F;

/// 1/sqrt(D)
template <int HeadSize>
inline constexpr float kScale = HeadSize == 64 ? 0.125F : 0.08838834765F;

/// The block's dynamic shared memory.
__device__ __forceinline__ std::uint32_t block_memory() {
  extern __shared__ __align__(cuda::kTileAlignment) unsigned char memory[];
  return cuda::shared_address(memory);
}

/// A block's head and its place among the head's blocks, 0 for the longest.
struct Place {
  std::int64_t batch;
  int head;
  int block;
};

/// Of block `index` of the grid; `heads`: of one sequence.
__device__ __forceinline__ Place place_of(const Schedule& schedule, int heads,
                                          std::uint32_t index) {
  const int block = static_cast<int>(index);
  const int section_blocks = schedule.section_heads * schedule.blocks;
  const int section = block / section_blocks;
  const int first_head = section * schedule.section_heads;
  const int here = min(schedule.section_heads, schedule.heads - first_head);
  const int within = block - section * section_blocks;
  const int head = first_head + within % here;
  return {head / heads, head % heads, within / here};
}

/// Where the operands of a block of queries lie: the longest block is the last of its sequence.
struct QueryBlock {
  int first_query;
  std::int64_t in_rows;        ///< offset in q and dq
  std::int64_t in_keys;        ///< offset in k and v of the sequence's first key
  std::int64_t in_out;         ///< offset in out and dout
  std::int64_t in_statistics;  ///< offset in log_sum and δ

  __device__ __forceinline__ QueryBlock(const Shape& shape, const Schedule& schedule, int rows,
                                        std::uint32_t index) {
    const int heads = static_cast<int>(shape.heads);
    const Place place = place_of(schedule, heads, index);
    const int group = heads / static_cast<int>(shape.kv_heads);
    first_query = (schedule.blocks - 1 - place.block) * rows;
    const std::int64_t first_token = place.batch * shape.sequence;
    const std::int64_t token = first_token + first_query;
    in_rows = token * shape.row_stride + place.head * shape.head_size;
    in_keys = first_token * shape.row_stride + place.head / group * shape.head_size;
    in_out = (token * heads + place.head) * shape.head_size;
    in_statistics = (place.batch * heads + place.head) * shape.sequence + first_query;
  }
};

/// The lane's first row and first column of a C (mma.cuh).
__device__ __forceinline__ int lane_row() {
  return static_cast<int>(threadIdx.x) % cuda::kWarp / 4;
}
__device__ __forceinline__ int lane_column() {
  return static_cast<int>(threadIdx.x) % 4 * 2;
}

/// Sets the C's elements whose key comes after their query: rows are queries, columns are keys.
template <int M, int N>
__device__ __forceinline__ void set_where_key_follows(float (&sums)[M][N][4], int first_query,
                                                      int first_key, float value) {
  // Against constants, and from a lane that nothing keeps: no register is held through a loop.
  const int lane = static_cast<int>(cuda::forgotten(threadIdx.x)) % cuda::kWarp;
  const int distance = first_query - first_key + lane / 4 - lane % 4 * 2;
#pragma unroll
  for (int m = 0; m < M; ++m) {
#pragma unroll
    for (int n = 0; n < N; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (8 * n + i % 2 - (16 * m + i / 2 * 8) > distance) sums[m][n][i] = value;
      }
    }
  }
}

/// 16·M rows of D elements as left operand of a product, kept in registers …
template <int M, int D>
struct RowsInRegisters {
  cuda::Fragment fragment[M][D / 16];

  __device__ __forceinline__ RowsInRegisters(const cuda::SwizzledTile<D>& tile, int row) {
#pragma unroll
    for (int m = 0; m < M; ++m) {
#pragma unroll
      for (int k = 0; k < D / 16; ++k) fragment[m][k] = tile.rows(row + 16 * m, 16 * k);
    }
  }
  __device__ __forceinline__ const cuda::Fragment& operator()(int m, int k) const {
    return fragment[m][k];
  }
};

/// … or read from shared memory each time.
template <int M, int D>
struct RowsInTile {
  cuda::SwizzledTile<D> tile;

  __device__ __forceinline__ RowsInTile(const cuda::SwizzledTile<D>& in, int row)
      : tile{in.address + row * cuda::SwizzledTile<D>::kRowBytes} {}
  __device__ __forceinline__ cuda::Fragment operator()(int m, int k) const {
    return tile.rows(16 * m, 16 * k);
  }
  /// Keeps the compiler from holding a register for each fragment's address through a loop: where
  /// fragments have no room in registers, their addresses don't either.
  __device__ __forceinline__ void forget_addresses() {
    tile.address = cuda::forgotten(tile.address);
  }
};

/// sums = left · (rows [row, row + 8·N) of the tile)ᵀ
template <class T, int M, int N, int D, class Left>
__device__ __forceinline__ void multiply_rows(const Left& left, const cuda::SwizzledTile<D>& tile,
                                              int row, float (&sums)[M][N][4]) {
#pragma unroll
  for (int m = 0; m < M; ++m) {
#pragma unroll
    for (int n = 0; n < N; ++n) {
#pragma unroll
      for (float& sum : sums[m][n]) sum = 0.0F;
    }
  }
#pragma unroll
  for (int k = 0; k < D / 16; ++k) {
    cuda::Fragment a[M];
#pragma unroll
    for (int m = 0; m < M; ++m) a[m] = left(m, k);
#pragma unroll
    for (int n = 0; n < N; n += 2) {
      const cuda::Fragment b = tile.columns(row + 8 * n, 16 * k);
#pragma unroll
      for (int m = 0; m < M; ++m) cuda::multiply_add<T>(sums[m][n], sums[m][n + 1], a[m], b);
    }
  }
}

/// sums += (weights, rounded to T) · (rows [row, row + 8·N) of the tile)
template <class T, int M, int N, int D>
__device__ __forceinline__ void add_weighted_rows(const float (&weights)[M][N][4],
                                                  const cuda::SwizzledTile<D>& tile, int row,
                                                  float (&sums)[M][D / 8][4]) {
#pragma unroll
  for (int k = 0; k < N / 2; ++k) {
    cuda::Fragment a[M];
#pragma unroll
    for (int m = 0; m < M; ++m) {
      a[m] = cuda::as_operand<T>(weights[m][2 * k], weights[m][2 * k + 1]);
    }
#pragma unroll
    for (int n = 0; n < D / 8; n += 2) {
      const cuda::Fragment b = tile.rows_transposed(row + 16 * k, 8 * n);
#pragma unroll
      for (int m = 0; m < M; ++m) cuda::multiply_add<T>(sums[m][n], sums[m][n + 1], a[m], b);
    }
  }
}

}  // namespace assay::attention
