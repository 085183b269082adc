#include <type_traits>

#include "kernels/attention/tile_products.cuh"
#include "kernels/cuda/device_code/exponential.cuh"

namespace assay::attention {
namespace {

using cuda::exponential2;
using cuda::SwizzledTile;

/// Keys and values of one head on their way through shared memory: tile 0 of the keys, tile 0 of
/// the values, tile 1 of the keys, … each in the next slot of a ring. A tile is awaited kSlots - 1
/// products after its copy began, and its slot is written again when all warps are past it.
template <class T, class Tile>
class KeyValueRing {
 public:
  using Rows = SwizzledTile<Tile::kHeadSize>;

  /// `offset`: of the head's first key in k and v. The block sees keys before `end`.
  __device__ KeyValueRing(const Shape& shape, const Forward<T>& operands, std::int64_t offset,
                          int end, std::uint32_t memory)
      : shape_(shape), operands_(operands), offset_(offset), end_(end), memory_(memory) {}

  /// Starts the first copies: all but one slot's.
  __device__ __forceinline__ void start() {
#pragma unroll
    for (int i = 0; i < Tile::kSlots - 1; ++i) start_copy(i, 0, i);
  }

  /// The tile from that key on, complete; keys and values are taken in turn. The slot of the tile
  /// before it is free and receives the next copy.
  __device__ __forceinline__ Rows take_keys(int first_key) {
    return take(0, first_key);
  }
  __device__ __forceinline__ Rows take_values(int first_key) {
    return take(1, first_key);
  }

 private:
  __device__ __forceinline__ Rows take(int ahead, int first_key) {
    cuda::wait_for_copy_groups<Tile::kSlots - 2>();
    __syncthreads();
    start_copy(ahead + Tile::kSlots - 1, first_key, slot_ == 0 ? Tile::kSlots - 1 : slot_ - 1);
    const Rows tile = slot(slot_);
    slot_ = slot_ == Tile::kSlots - 1 ? 0 : slot_ + 1;
    return tile;
  }
  __device__ __forceinline__ Rows slot(int index) const {
    return {memory_ + static_cast<std::uint32_t>(index * Tile::kKeys * Rows::kRowBytes)};
  }
  /// Starts the copy of what is taken `ahead` tiles after the keys from `first_key` on. A copy
  /// group even where there is nothing left, so that groups count tiles.
  __device__ __forceinline__ void start_copy(int ahead, int first_key, int to_slot) {
    const int first = first_key + ahead / 2 * Tile::kKeys;
    if (first < end_) {
      const T* from =
          (ahead % 2 == 0 ? operands_.k : operands_.v) + offset_ + first * shape_.row_stride;
      // Read again for each tile: no register is held through the loop.
      const auto sequence = static_cast<int>(cuda::forgotten(shape_.sequence));
      cuda::copy_rows_async<Tile::kKeys, Tile::kThreads>(slot(to_slot), from, shape_.row_stride,
                                                         sequence - first);
    }
    cuda::close_copy_group();
  }

  const Shape& shape_;
  const Forward<T>& operands_;
  std::int64_t offset_;
  int end_;
  std::uint32_t memory_;
  int slot_ = 0;
};

/// One warp's rows: Σ P·v and Σ P so far, relative to the largest score so far.
template <class T, class Tile>
struct Rows {
  static constexpr int kM = Tile::kRowsPerWarp / 16;
  static constexpr int kKeyBlocks = Tile::kKeys / 8;
  static constexpr float kScaleLog2 = kScale<Tile::kHeadSize> * kLog2E;
  using Scores = float[kM][kKeyBlocks][4];

  float out[kM][Tile::kHeadSize / 8][4] = {};
  float largest[kM][2];
  float sum[kM][2] = {};  ///< of this lane's columns

  __device__ Rows() {
#pragma unroll
    for (auto& pair : largest) pair[0] = pair[1] = -INFINITY;
  }

  /// Replaces scores by weights relative to the largest score so far, and shrinks what was summed
  /// relative to a smaller one.
  __device__ __forceinline__ void weigh(Scores& scores) {
    float factor[kM][2];
    bool shrinks = false;
#pragma unroll
    for (int m = 0; m < kM; ++m) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float most = largest[m][half];
#pragma unroll
        for (int n = 0; n < kKeyBlocks; ++n) {
          most = fmaxf(most, fmaxf(scores[m][n][2 * half], scores[m][n][2 * half + 1]));
        }
        most = fmaxf(most, __shfl_xor_sync(cuda::kAllLanes, most, 1));
        most = fmaxf(most, __shfl_xor_sync(cuda::kAllLanes, most, 2));
        factor[m][half] = exponential2((largest[m][half] - most) * kScaleLog2);
        shrinks = shrinks || most != largest[m][half];
        largest[m][half] = most;
        const float offset = most * kScaleLog2;
        sum[m][half] *= factor[m][half];
#pragma unroll
        for (int n = 0; n < kKeyBlocks; ++n) {
#pragma unroll
          for (int i = 2 * half; i < 2 * half + 2; ++i) {
            scores[m][n][i] = exponential2(fmaf(scores[m][n][i], kScaleLog2, -offset));
            sum[m][half] += scores[m][n][i];
          }
        }
      }
    }
    if (__any_sync(cuda::kAllLanes, shrinks)) {
#pragma unroll
      for (int m = 0; m < kM; ++m) {
#pragma unroll
        for (auto& block : out[m]) {
#pragma unroll
          for (int i = 0; i < 4; ++i) block[i] *= factor[m][i / 2];
        }
      }
    }
  }

  /// Adds up the lanes of a row: 1 / Σ P, and L of the rows in `log_sum`.
  __device__ __forceinline__ void finish(float (&inverse)[kM][2], float (&log_sum)[kM][2]) const {
    constexpr float kLn2 = 0.6931471806F;
#pragma unroll
    for (int m = 0; m < kM; ++m) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float total = sum[m][half];
        total += __shfl_xor_sync(cuda::kAllLanes, total, 1);
        total += __shfl_xor_sync(cuda::kAllLanes, total, 2);
        inverse[m][half] = 1.0F / total;
        log_sum[m][half] = fmaf(largest[m][half] * kScaleLog2, kLn2, logf(total));
      }
    }
  }
};

template <class Tile, class T>
__device__ __forceinline__ void forward(const Shape& shape, const Forward<T>& operands,
                                        const Schedule& schedule) {
  constexpr int kHeadSize = Tile::kHeadSize;
  constexpr int kM = Tile::kRowsPerWarp / 16;
  // Fragments of the queries stay in registers where there are any left.
  using Queries = std::conditional_t<kM * kHeadSize <= 128, RowsInRegisters<kM, kHeadSize>,
                                     RowsInTile<kM, kHeadSize>>;
  const int sequence = static_cast<int>(shape.sequence);
  const QueryBlock block(shape, schedule, Tile::kQueries, blockIdx.x);
  const int first_query = block.first_query;
  const int end = min(first_query + Tile::kQueries, sequence);

  const SwizzledTile<kHeadSize> query_tile{block_memory()};
  cuda::copy_rows_async<Tile::kQueries, Tile::kThreads>(query_tile, operands.q + block.in_rows,
                                                        shape.row_stride, sequence - first_query);
  KeyValueRing<T, Tile> ring(shape, operands, block.in_keys, end,
                             query_tile.address + Tile::kQueries * kHeadSize * 2);
  ring.start();
  // The queries came with the first tile's group, and the first tile takes part in the loop.
  cuda::wait_for_copy_groups<Tile::kSlots - 2>();
  __syncthreads();

  const int warp_row = static_cast<int>(threadIdx.x) / cuda::kWarp * Tile::kRowsPerWarp;
  const Queries queries(query_tile, warp_row);
  Rows<T, Tile> rows;
  for (int first_key = 0; first_key < end; first_key += Tile::kKeys) {
    const int first_row = cuda::forgotten(first_query + warp_row);
    const bool sees_tile = first_key < first_row + Tile::kRowsPerWarp;
    typename Rows<T, Tile>::Scores scores;
    const auto keys = ring.take_keys(first_key);
    if (sees_tile) {
      multiply_rows<T>(queries, keys, 0, scores);
      if (first_key + Tile::kKeys - 1 > first_row) {
        set_where_key_follows(scores, first_row, first_key, -INFINITY);
      }
      rows.weigh(scores);
    }
    const auto values = ring.take_values(first_key);
    if (sees_tile) add_weighted_rows<T>(scores, values, 0, rows.out);
  }

  float inverse[kM][2];
  float log_sum[kM][2];
  rows.finish(inverse, log_sum);
  const QueryBlock again(shape, schedule, Tile::kQueries, cuda::forgotten(blockIdx.x));
  const int present = sequence - again.first_query - warp_row;
  if (lane_column() == 0) {
    float* const to = operands.log_sum + again.in_statistics + warp_row;
#pragma unroll
    for (int m = 0; m < kM; ++m) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int row = 16 * m + 8 * half + lane_row();
        if (row < present) to[row] = log_sum[m][half];
      }
    }
  }
  // Only this warp read its rows of the queries, so their place is free for its results.
  __syncwarp();
  cuda::store_sums<T>(query_tile, warp_row, rows.out, inverse);
  __syncwarp();
  const std::int64_t out_stride = shape.heads * kHeadSize;
  cuda::copy_rows_out<Tile::kRowsPerWarp>(query_tile, warp_row,
                                          operands.out + again.in_out + warp_row * out_stride,
                                          out_stride, present);
}

}  // namespace

extern "C" {
__launch_bounds__(ForwardD64::kThreads, 2) __global__
    void attention_forward_bf16_d64(Shape shape, Forward<Bf16> operands, Schedule schedule) {
  forward<ForwardD64>(shape, operands, schedule);
}
__launch_bounds__(ForwardD128::kThreads, 2) __global__
    void attention_forward_bf16_d128(Shape shape, Forward<Bf16> operands, Schedule schedule) {
  forward<ForwardD128>(shape, operands, schedule);
}
__launch_bounds__(ForwardD128Small::kThreads, 2) __global__
    void attention_forward_bf16_d128_small(Shape shape, Forward<Bf16> operands, Schedule schedule) {
  forward<ForwardD128Small>(shape, operands, schedule);
}
__launch_bounds__(ForwardD64::kThreads, 2) __global__
    void attention_forward_fp16_d64(Shape shape, Forward<Fp16> operands, Schedule schedule) {
  forward<ForwardD64>(shape, operands, schedule);
}
__launch_bounds__(ForwardD128::kThreads, 2) __global__
    void attention_forward_fp16_d128(Shape shape, Forward<Fp16> operands, Schedule schedule) {
  forward<ForwardD128>(shape, operands, schedule);
}
__launch_bounds__(ForwardD128Small::kThreads, 2) __global__
    void attention_forward_fp16_d128_small(Shape shape, Forward<Fp16> operands, Schedule schedule) {
  forward<ForwardD128Small>(shape, operands, schedule);
}
}

}  // namespace assay::attention
