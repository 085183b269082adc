#include "kernels/cuda/device_code/scan.cuh"
#include "kernels/cuda/device_code/swizzled_tile.cuh"
#include "kernels/moe/moe_cuda.h"
#include "kernels/moe/moe_products_cuda.h"

namespace assay::moe {
namespace {

using cuda::Fragment;
using cuda::kWarp;
using cuda::SwizzledTile;

constexpr int kWarpRows = 32;
constexpr int kWarpColumns = 64;
constexpr int kWarpsAcross = kProductTile / kWarpColumns;
static_assert(kProductTile / kWarpRows * kWarpsAcross * kWarp == kProductThreads);
static_assert(kMaxExperts <= kProductThreads);
constexpr int kM = kWarpRows / 16;
constexpr int kN = kWarpColumns / 8;
constexpr int kOperandBytes = kProductTile * kProductDepth * 2;
using Sums = float[kM][kN][4];

/// Where this thread's warp is in the block's tile of outputs.
__device__ __forceinline__ int warp_row() {
  return static_cast<int>(threadIdx.x) / kWarp / kWarpsAcross * kWarpRows;
}
__device__ __forceinline__ int warp_column() {
  return static_cast<int>(threadIdx.x) / kWarp % kWarpsAcross * kWarpColumns;
}

/// Starts the copy of Rows rows of a matrix to a tile; what is past `rows` or `columns` is zeros.
template <int Rows, int Columns>
__device__ __forceinline__ void copy_tile(const SwizzledTile<Columns>& tile, const Bf16* from,
                                          int stride, int rows, int columns) {
  constexpr int kPacks = SwizzledTile<Columns>::kPacks;
  constexpr int kRowsAtOnce = kProductThreads / kPacks;
  static_assert(kRowsAtOnce % 8 == 0 && Rows % kRowsAtOnce == 0);
  // Nothing here is kept through a loop: products want the registers.
  const int thread = static_cast<int>(cuda::forgotten(threadIdx.x));
  const int row = thread / kPacks;
  const int pack = thread % kPacks;
  const std::uint32_t to = tile.address + SwizzledTile<Columns>::place(row, pack);
  const Bf16* source = from + (row * stride + pack * 8);
#pragma unroll
  for (int i = 0; i < Rows; i += kRowsAtOnce) {
    const bool present = row + i < rows && pack * 8 < columns;
    cuda::start_copy_or_zeros<16>(to + i * SwizzledTile<Columns>::kRowBytes, source, present);
    source += kRowsAtOnce * stride;
  }
}

/// One operand of a tile of outputs: its `extent` rows (of A) or columns (of B), and `depth`
/// elements to sum over. Depth runs along the rows of memory, or (Across) from row to row.
template <bool Across>
struct Operand {
  using Tile = SwizzledTile<Across ? kProductTile : kProductDepth>;

  const Bf16* from;
  int stride;
  int extent;
  int depth;

  __device__ __forceinline__ void start_copy(std::uint32_t address, int first) const {
    if constexpr (Across) {
      copy_tile<kProductDepth>(Tile{address}, from + std::int64_t{first} * stride, stride,
                               depth - first, extent);
    } else {
      copy_tile<kProductTile>(Tile{address}, from + first, stride, extent, depth - first);
    }
  }
  static __device__ __forceinline__ Fragment as_a(std::uint32_t address, int row, int depth) {
    const Tile tile{address};
    if constexpr (Across) return tile.columns_transposed(depth, row);
    return tile.rows(row, depth);
  }
  static __device__ __forceinline__ Fragment as_b(std::uint32_t address, int column, int depth) {
    const Tile tile{address};
    if constexpr (Across) return tile.rows_transposed(depth, column);
    return tile.columns(column, depth);
  }
};

__device__ __forceinline__ std::uint32_t block_memory() {
  extern __shared__ __align__(cuda::kTileAlignment) unsigned char memory[];
  return cuda::shared_address(memory);
}

/// The slot of a step's operands after that one.
__device__ __forceinline__ std::uint32_t next_slot(std::uint32_t slot) {
  constexpr std::uint32_t kLast = (kProductSteps - 1) * 2 * kOperandBytes;
  return slot == kLast ? 0 : slot + 2 * kOperandBytes;
}

/// This warp's sums of the block's tile.
template <bool AAcross, bool BAcross>
__device__ __forceinline__ void multiply(const Operand<AAcross>& a, const Operand<BAcross>& b,
                                         Sums& sums) {
  // A copy group even where there is nothing left, so that groups count steps.
  const auto start = [&](int first, std::uint32_t slot) {
    if (first < a.depth) {
      a.start_copy(block_memory() + slot, first);
      b.start_copy(block_memory() + slot + kOperandBytes, first);
    }
    cuda::close_copy_group();
  };
  std::uint32_t slot = 0;
#pragma unroll
  for (int step = 0; step < kProductSteps - 1; ++step) {
    start(step * kProductDepth, slot);
    slot = next_slot(slot);
  }
  for (int first = 0; first < a.depth; first += kProductDepth) {
    cuda::wait_for_copy_groups<kProductSteps - 2>();
    __syncthreads();
    // Into the slot that all warps are past; the one after it is the oldest.
    start(first + (kProductSteps - 1) * kProductDepth, slot);
    slot = next_slot(slot);
    const std::uint32_t memory = block_memory() + slot;
#pragma unroll 2
    for (int depth = 0; depth < kProductDepth; depth += 16) {
      Fragment rows[kM];
#pragma unroll
      for (int m = 0; m < kM; ++m) {
        rows[m] = Operand<AAcross>::as_a(memory, warp_row() + 16 * m, depth);
      }
#pragma unroll
      for (int n = 0; n < kN; n += 2) {
        const Fragment columns =
            Operand<BAcross>::as_b(memory + kOperandBytes, warp_column() + 8 * n, depth);
#pragma unroll
        for (int m = 0; m < kM; ++m) {
          cuda::multiply_add<Bf16>(sums[m][n], sums[m][n + 1], rows[m], columns);
        }
      }
    }
  }
  cuda::wait_for_copy_groups<0>();
}

/// The block's tile, rounded, to a matrix of rows of `stride`; `to`: its first element.
__device__ __forceinline__ void store_rounded(const Sums& sums, Bf16* to, std::int64_t stride,
                                              int rows, int columns) {
  using Tile = SwizzledTile<kWarpColumns>;
  __syncthreads();  // all warps are past the operands' tiles
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const auto warp = static_cast<std::uint32_t>(threadIdx.x) / kWarp;
  const Tile own{block_memory() + warp * kWarpRows * Tile::kRowBytes};
  const float one[kM][2] = {{1.0F, 1.0F}, {1.0F, 1.0F}};
  cuda::store_sums<Bf16, kM, kN, kWarpColumns>(own, 0, sums, one);
  __syncwarp();
  const int present = warp_column() + lane % Tile::kPacks * 8 < columns ? rows - warp_row() : 0;
  cuda::copy_rows_out<kWarpRows>(own, 0, to + warp_row() * stride + warp_column(), stride, present);
}

/// Adds the block's tile to a matrix in FP32.
__device__ __forceinline__ void add_to(const Sums& sums, float* to, std::int64_t stride, int rows,
                                       int columns) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = warp_row() + 16 * m + 8 * half + lane / 4;
      if (row >= rows) continue;
      float* const of_row = to + row * stride;
#pragma unroll
      for (int n = 0; n < kN; ++n) {
        const int column = warp_column() + 8 * n + lane % 4 * 2;
        if (column >= columns) continue;
        float2* const pair = reinterpret_cast<float2*>(of_row + column);
        const float2 before = *pair;
        *pair = {before.x + sums[m][n][2 * half], before.y + sums[m][n][2 * half + 1]};
      }
    }
  }
}

/// The slots of a row tile: at most kProductTile of one expert; none past the last tile.
struct RowTile {
  int expert;
  int rows;
  std::int64_t first;
};

/// The block's: read again after a product, whose sums leave no registers to keep it in.
__device__ __forceinline__ RowTile& block_tile() {
  __shared__ RowTile tile;
  return tile;
}

/// Finds block_tile() for the block's y. Returns whether there is one.
__device__ __forceinline__ bool find_block_tile(const ProductShape& shape,
                                                const std::int64_t* offset) {
  __shared__ int scratch[kWarp];
  const int expert = static_cast<int>(threadIdx.x);
  const int tile = static_cast<int>(blockIdx.y);
  const std::int64_t first = expert < shape.experts ? offset[expert] : 0;
  const int slots = expert < shape.experts ? static_cast<int>(offset[expert + 1] - first) : 0;
  const int tiles = (slots + kProductTile - 1) / kProductTile;
  const cuda::Prefix prefix = cuda::block_prefix(tiles, scratch);
  const int of_expert = tile - prefix.before;
  if (of_expert >= 0 && of_expert < tiles) {
    block_tile() = {expert, min(kProductTile, slots - of_expert * kProductTile),
                    first + of_expert * kProductTile};
  }
  __syncthreads();
  return tile < prefix.total;
}

/// The first column of the block's tile. Not kept in registers through a product.
__device__ __forceinline__ int block_column() {
  return static_cast<int>(cuda::forgotten(blockIdx.x)) * kProductTile;
}

__device__ __forceinline__ int remaining(std::int64_t whole, int first) {
  return static_cast<int>(whole) - first;
}

}  // namespace

extern "C" {

__global__ __launch_bounds__(kProductThreads, 2) void moe_products_forward_bf16(
    ProductShape shape, const std::int64_t* offset, const Bf16* x, const Bf16* w, Bf16* y) {
  if (!find_block_tile(shape, offset)) return;
  Sums sums = {};
  {
    const RowTile tile = block_tile();
    const int column = block_column();
    const int depth = static_cast<int>(shape.in);
    multiply(Operand<false>{x + tile.first * shape.in, depth, tile.rows, depth},
             Operand<false>{w + (tile.expert * shape.out + column) * shape.in, depth,
                            remaining(shape.out, column), depth},
             sums);
  }
  const RowTile tile = block_tile();
  const int column = block_column();
  store_rounded(sums, y + tile.first * shape.out + column, shape.out, tile.rows,
                remaining(shape.out, column));
}

__global__ __launch_bounds__(kProductThreads, 2) void moe_products_input_gradient_bf16(
    ProductShape shape, const std::int64_t* offset, const Bf16* dy, const Bf16* w, Bf16* dx) {
  if (!find_block_tile(shape, offset)) return;
  Sums sums = {};
  {
    const RowTile tile = block_tile();
    const int column = block_column();
    const int depth = static_cast<int>(shape.out);
    multiply(Operand<false>{dy + tile.first * shape.out, depth, tile.rows, depth},
             Operand<true>{w + tile.expert * shape.out * shape.in + column,
                           static_cast<int>(shape.in), remaining(shape.in, column), depth},
             sums);
  }
  const RowTile tile = block_tile();
  const int column = block_column();
  store_rounded(sums, dx + tile.first * shape.in + column, shape.in, tile.rows,
                remaining(shape.in, column));
}

__global__ __launch_bounds__(kProductThreads, 2) void moe_products_weight_gradient_bf16(
    ProductShape shape, const std::int64_t* offset, const Bf16* dy, const Bf16* x, float* dw) {
  const std::int64_t expert = blockIdx.z;
  const std::int64_t first = offset[expert];
  const int depth = static_cast<int>(offset[expert + 1] - first);
  if (depth == 0) return;
  const int row = static_cast<int>(blockIdx.y) * kProductTile;
  const int column = static_cast<int>(blockIdx.x) * kProductTile;
  const int rows = remaining(shape.out, row);
  const int columns = remaining(shape.in, column);
  Sums sums = {};
  multiply(Operand<true>{dy + first * shape.out + row, static_cast<int>(shape.out), rows, depth},
           Operand<true>{x + first * shape.in + column, static_cast<int>(shape.in), columns, depth},
           sums);
  add_to(sums, dw + (expert * shape.out + row) * shape.in + column, shape.in, rows, columns);
}

}  // extern "C"

}  // namespace assay::moe
