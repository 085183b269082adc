#include <type_traits>

#include "kernels/attention/tile_products.cuh"
#include "kernels/cuda/device_code/exponential.cuh"

namespace assay::attention {
namespace {

using cuda::exponential2;
using cuda::forgotten;
using cuda::SwizzledTile;

/// P = exp(S - L) from a sum of the first product; L in units of ln 2.
template <int HeadSize>
__device__ __forceinline__ float weight(float score, float log2_sum) {
  return exponential2(fmaf(score, kScale<HeadSize> * kLog2E, -log2_sum));
}

/// 1/sqrt(D) for every row of a result.
template <int HeadSize, int M>
__device__ __forceinline__ void fill_scale(float (&scale)[M][2], float value) {
#pragma unroll
  for (auto& pair : scale) pair[0] = pair[1] = value;
}

/// δ of this warp's rows: the diagonal of do·oᵀ, by the instructions that compute dP = do·vᵀ and in
/// their order. For a token that sees only itself o is v, and dP - δ is exactly 0.
template <class T, int M, int D>
__device__ __forceinline__ void row_products(const RowsInRegisters<M, D>& gradients,
                                             const SwizzledTile<D>& outputs, int row,
                                             float (&delta)[M][2]) {
  const int lane = static_cast<int>(threadIdx.x) % cuda::kWarp;
#pragma unroll
  for (int m = 0; m < M; ++m) {
    float products[2][4] = {};
#pragma unroll
    for (int k = 0; k < D / 16; ++k) {
      cuda::multiply_add<T>(products[0], products[1], gradients(m, k),
                            outputs.columns(row + 16 * m, 16 * k));
    }
    // Of the four lanes of row g, the one that holds column g.
    const int diagonal = lane / 4 * 4 + lane / 8;
    const bool odd = lane / 4 % 2 == 1;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float mine = odd ? products[half][2 * half + 1] : products[half][2 * half];
      delta[m][half] = __shfl_sync(cuda::kAllLanes, mine, diagonal);
    }
  }
}

/// dq of 128 queries, and δ: keys and values stream through two stages.
template <int D, class T>
__device__ __forceinline__ void backward_queries(const Shape& shape, const Backward<T>& operands,
                                                 const Schedule& schedule, float* all_delta) {
  using Tile = BackwardTile<D>;
  using Rows = SwizzledTile<D>;
  constexpr int kM = Tile::kRowsPerWarp / 16;
  constexpr int kKeys = Tile::kStreamedKeys;
  constexpr int kChunk = 1024 / Tile::kRowsPerWarp;  // keys of 32 registers of scores
  constexpr int kTileBytes = kKeys * Rows::kRowBytes;
  const int sequence = static_cast<int>(shape.sequence);
  const QueryBlock block(shape, schedule, Tile::kRows, blockIdx.x);
  const int first_query = block.first_query;
  const int tiles = (min(first_query + Tile::kRows, sequence) + kKeys - 1) / kKeys;
  const std::uint32_t memory = block_memory();
  const int warp_row = static_cast<int>(threadIdx.x) / cuda::kWarp * Tile::kRowsPerWarp;

  // A stage is as large as 128 rows, so the block's own operands pass through both on their way to
  // registers.
  const Rows first_stage{memory};
  const Rows second_stage{memory + 2 * kTileBytes};
  const auto stage_of = [=](int tile) -> Rows {
    return {memory + static_cast<std::uint32_t>((tile + 1) % 2 * 2 * kTileBytes)};
  };
  const auto start_tile = [&](int tile) {
    const Rows stage = stage_of(tile);
    const int first = tile * kKeys;
    const T* keys = operands.k + block.in_keys + first * shape.row_stride;
    const T* values = operands.v + block.in_keys + first * shape.row_stride;
    cuda::copy_rows_async<kKeys, Tile::kThreads>(stage, keys, shape.row_stride, sequence - first);
    cuda::copy_rows_async<kKeys, Tile::kThreads>(Rows{stage.address + kTileBytes}, values,
                                                 shape.row_stride, sequence - first);
    cuda::close_copy_group();
  };
  const int present = sequence - first_query;
  const std::int64_t out_stride = shape.heads * D;
  cuda::copy_rows_async<Tile::kRows, Tile::kThreads>(first_stage, operands.out + block.in_out,
                                                     out_stride, present);
  cuda::copy_rows_async<Tile::kRows, Tile::kThreads>(second_stage, operands.dout + block.in_out,
                                                     out_stride, present);
  cuda::close_copy_group();
  cuda::wait_for_copy_groups<0>();
  __syncthreads();
  const RowsInRegisters<kM, D> gradients(second_stage, warp_row);
  float delta[kM][2];
  row_products<T>(gradients, first_stage, warp_row, delta);
  __syncthreads();
  cuda::copy_rows_async<Tile::kRows, Tile::kThreads>(first_stage, operands.q + block.in_rows,
                                                     shape.row_stride, present);
  cuda::close_copy_group();
  start_tile(0);

  const std::int64_t statistics = block.in_statistics + warp_row;
  float log2_sum[kM][2];
#pragma unroll
  for (int m = 0; m < kM; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = 16 * m + 8 * half + lane_row();
      const bool is_present = warp_row + row < present;
      log2_sum[m][half] = is_present ? operands.log_sum[statistics + row] * kLog2E : 0.0F;
      if (is_present && lane_column() == 0) all_delta[statistics + row] = delta[m][half];
    }
  }
  cuda::wait_for_copy_groups<1>();
  __syncthreads();
  const RowsInRegisters<kM, D> queries(first_stage, warp_row);

  float dq[kM][D / 8][4] = {};
  for (int tile = 0; tile < tiles; ++tile) {
    cuda::wait_for_copy_groups<0>();
    __syncthreads();
    const Rows keys = stage_of(tile);
    const Rows values{keys.address + kTileBytes};
    if (tile + 1 < tiles) start_tile(tile + 1);
    const int first_row = first_query + warp_row;
#pragma unroll 1
    for (int chunk = 0; chunk < kKeys; chunk += kChunk) {
      const int first_key = tile * kKeys + chunk;
      if (first_key >= first_row + Tile::kRowsPerWarp) break;
      float p[kM][kChunk / 8][4];
      multiply_rows<T>(queries, keys, chunk, p);
      float ds[kM][kChunk / 8][4];
      multiply_rows<T>(gradients, values, chunk, ds);
#pragma unroll
      for (int m = 0; m < kM; ++m) {
#pragma unroll
        for (int n = 0; n < kChunk / 8; ++n) {
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            ds[m][n][i] =
                weight<D>(p[m][n][i], log2_sum[m][i / 2]) * (ds[m][n][i] - delta[m][i / 2]);
          }
        }
      }
      if (first_key + kChunk - 1 > first_row) {
        set_where_key_follows(ds, first_row, first_key, 0.0F);
      }
      add_weighted_rows<T>(ds, keys, chunk, dq);
    }
  }

  __syncthreads();
  float scale[kM][2];
  fill_scale<D>(scale, kScale<D>);
  cuda::store_sums<T>(first_stage, warp_row, dq, scale);
  __syncwarp();
  const QueryBlock again(shape, schedule, Tile::kRows, forgotten(blockIdx.x));
  cuda::copy_rows_out<Tile::kRowsPerWarp>(first_stage, warp_row,
                                          operands.dq + again.in_rows + warp_row * shape.row_stride,
                                          shape.row_stride, present - warp_row);
}

/// One stage of the key pass: queries, gradients, L and δ of some rows of one query head.
template <int D>
struct QueryStage {
  static constexpr int kRows = BackwardTile<D>::kStreamedQueries;
  std::uint32_t address;

  __device__ __forceinline__ SwizzledTile<D> queries() const { return {address}; }
  __device__ __forceinline__ SwizzledTile<D> gradients() const {
    return {address + kRows * SwizzledTile<D>::kRowBytes};
  }
  __device__ __forceinline__ std::uint32_t log_sums() const {
    return address + 2 * kRows * SwizzledTile<D>::kRowBytes;
  }
  __device__ __forceinline__ std::uint32_t deltas() const { return log_sums() + 4 * kRows; }
};

/// Two neighbouring floats of shared memory.
__device__ __forceinline__ float2 load_pair(std::uint32_t address) {
  float2 pair;
  asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];"
               : "=f"(pair.x), "=f"(pair.y)
               : "r"(address)
               : "memory");
  return pair;
}

/// dk and dv of 128 keys: for each query head of the group in turn, queries from the block's first
/// key on stream through two stages. Products are transposed, keys by queries, so that P and dS
/// leave one product in the registers in which the next takes them.
template <int D, class T>
__device__ __forceinline__ void backward_keys(const Shape& shape, const Backward<T>& operands,
                                              const Schedule& schedule, const float* delta) {
  using Tile = BackwardTile<D>;
  using Rows = SwizzledTile<D>;
  using Stage = QueryStage<D>;
  constexpr int kM = Tile::kRowsPerWarp / 16;
  constexpr int kQueries = Tile::kStreamedQueries;
  // Fragments of the keys stay in registers where there are any left.
  using Keys = std::conditional_t<kM == 1, RowsInRegisters<kM, D>, RowsInTile<kM, D>>;
  const int sequence = static_cast<int>(shape.sequence);
  const int kv_heads = static_cast<int>(shape.kv_heads);
  const int group = static_cast<int>(shape.heads) / kv_heads;
  const Place place = place_of(schedule, kv_heads, blockIdx.x);
  const int first_key = place.block * Tile::kRows;
  const auto offset = [&](const Place& at) {
    return (at.batch * shape.sequence + std::int64_t{at.block} * Tile::kRows) * shape.row_stride +
           at.head * D;
  };
  const std::int64_t kv = offset(place);
  const int warp_row = static_cast<int>(threadIdx.x) / cuda::kWarp * Tile::kRowsPerWarp;

  const Rows key_tile{block_memory()};
  const Rows value_tile{key_tile.address + Tile::kRows * Rows::kRowBytes};
  const std::uint32_t stages = value_tile.address + Tile::kRows * Rows::kRowBytes;
  const int present = sequence - first_key;
  cuda::copy_rows_async<Tile::kRows, Tile::kThreads>(key_tile, operands.k + kv, shape.row_stride,
                                                     present);
  cuda::copy_rows_async<Tile::kRows, Tile::kThreads>(value_tile, operands.v + kv, shape.row_stride,
                                                     present);
  // Statistics of rows beyond the sequence are zeros, as are queries and gradients: P is 1, what it
  // weighs is 0.
  const auto start_tile = [&](int head_in_group, int first_query, const Stage& stage) {
    // Offsets are computed again for each tile: held through the loop they would not fit.
    const std::int64_t batch = forgotten(static_cast<std::uint32_t>(place.batch));
    const std::int64_t head = place.head * group + head_in_group;
    const std::int64_t token = batch * shape.sequence + first_query;
    const int rows = sequence - first_query;
    cuda::copy_rows_async<kQueries, Tile::kThreads>(
        stage.queries(), operands.q + token * shape.row_stride + head * D, shape.row_stride, rows);
    const std::int64_t out_stride = shape.heads * D;
    cuda::copy_rows_async<kQueries, Tile::kThreads>(
        stage.gradients(), operands.dout + token * out_stride + head * D, out_stride, rows);
    const int row = static_cast<int>(threadIdx.x) % kQueries;
    if (threadIdx.x < 2 * kQueries) {
      const bool is_delta = threadIdx.x >= kQueries;
      const std::int64_t at = (batch * shape.heads + head) * shape.sequence + first_query + row;
      cuda::start_copy_or_zeros<4>(
          (is_delta ? stage.deltas() : stage.log_sums()) + 4 * static_cast<std::uint32_t>(row),
          (is_delta ? delta : operands.log_sum) + at, row < rows);
    }
    cuda::close_copy_group();
  };
  start_tile(0, first_key, Stage{stages});
  cuda::wait_for_copy_groups<0>();
  __syncthreads();

  const Keys keys(key_tile, warp_row);
  RowsInTile<kM, D> values(value_tile, warp_row);
  float dk[kM][D / 8][4] = {};
  float dv[kM][D / 8][4] = {};
  int query = first_key;
  int head = 0;
  std::uint32_t parity = 0;
  while (head < group) {
    cuda::wait_for_copy_groups<0>();
    __syncthreads();
    const Stage stage{stages + parity * Tile::kKeyPassStageBytes};
    parity ^= 1U;
    const int first_query = query;
    query += kQueries;
    if (query >= sequence) {
      query = first_key;
      ++head;
    }
    if (head < group) start_tile(head, query, Stage{stages + parity * Tile::kKeyPassStageBytes});
    const int first_row = forgotten(first_key + warp_row);
    if (first_query + kQueries <= first_row) continue;  // before all of this warp's keys

    values.forget_addresses();
    float p[kM][kQueries / 8][4];
    multiply_rows<T>(keys, stage.queries(), 0, p);
    float ds[kM][kQueries / 8][4];
    multiply_rows<T>(values, stage.gradients(), 0, ds);
#pragma unroll
    for (int n = 0; n < kQueries / 8; ++n) {
      const int column = 8 * n + lane_column();
      const float2 log_sum = load_pair(stage.log_sums() + 4 * column);
      const float2 row_delta = load_pair(stage.deltas() + 4 * column);
#pragma unroll
      for (int m = 0; m < kM; ++m) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const float l = (i % 2 == 0 ? log_sum.x : log_sum.y) * kLog2E;
          p[m][n][i] = weight<D>(p[m][n][i], l);
          if (first_query < first_row + Tile::kRowsPerWarp - 1 &&
              first_row + 16 * m + i / 2 * 8 + lane_row() > first_query + column + i % 2) {
            p[m][n][i] = 0.0F;
          }
          ds[m][n][i] = p[m][n][i] * (ds[m][n][i] - (i % 2 == 0 ? row_delta.x : row_delta.y));
        }
      }
    }
    add_weighted_rows<T>(p, stage.gradients(), 0, dv);
    add_weighted_rows<T>(ds, stage.queries(), 0, dk);
  }

  // Only this warp read its rows of the keys and values, so their place is free for its results.
  __syncwarp();
  float scale[kM][2];
  fill_scale<D>(scale, kScale<D>);
  cuda::store_sums<T>(key_tile, warp_row, dk, scale);
  fill_scale<D>(scale, 1.0F);
  cuda::store_sums<T>(value_tile, warp_row, dv, scale);
  __syncwarp();
  const std::int64_t to =
      offset(place_of(schedule, kv_heads, forgotten(blockIdx.x))) + warp_row * shape.row_stride;
  cuda::copy_rows_out<Tile::kRowsPerWarp>(key_tile, warp_row, operands.dk + to, shape.row_stride,
                                          present - warp_row);
  cuda::copy_rows_out<Tile::kRowsPerWarp>(value_tile, warp_row, operands.dv + to, shape.row_stride,
                                          present - warp_row);
}

}  // namespace

extern "C" {
__launch_bounds__(BackwardTile<64>::kThreads, 2) __global__
    void attention_backward_queries_bf16_d64(Shape shape, Backward<Bf16> operands,
                                             Schedule schedule, float* delta) {
  backward_queries<64>(shape, operands, schedule, delta);
}
__launch_bounds__(BackwardTile<128>::kThreads, 1) __global__
    void attention_backward_queries_bf16_d128(Shape shape, Backward<Bf16> operands,
                                              Schedule schedule, float* delta) {
  backward_queries<128>(shape, operands, schedule, delta);
}
__launch_bounds__(BackwardTile<64>::kThreads, 2) __global__
    void attention_backward_queries_fp16_d64(Shape shape, Backward<Fp16> operands,
                                             Schedule schedule, float* delta) {
  backward_queries<64>(shape, operands, schedule, delta);
}
__launch_bounds__(BackwardTile<128>::kThreads, 1) __global__
    void attention_backward_queries_fp16_d128(Shape shape, Backward<Fp16> operands,
                                              Schedule schedule, float* delta) {
  backward_queries<128>(shape, operands, schedule, delta);
}
__launch_bounds__(BackwardTile<64>::kThreads, 2) __global__
    void attention_backward_keys_bf16_d64(Shape shape, Backward<Bf16> operands, Schedule schedule,
                                          const float* delta) {
  backward_keys<64>(shape, operands, schedule, delta);
}
__launch_bounds__(BackwardTile<128>::kThreads, 1) __global__
    void attention_backward_keys_bf16_d128(Shape shape, Backward<Bf16> operands, Schedule schedule,
                                           const float* delta) {
  backward_keys<128>(shape, operands, schedule, delta);
}
__launch_bounds__(BackwardTile<64>::kThreads, 2) __global__
    void attention_backward_keys_fp16_d64(Shape shape, Backward<Fp16> operands, Schedule schedule,
                                          const float* delta) {
  backward_keys<64>(shape, operands, schedule, delta);
}
__launch_bounds__(BackwardTile<128>::kThreads, 1) __global__
    void attention_backward_keys_fp16_d128(Shape shape, Backward<Fp16> operands, Schedule schedule,
                                           const float* delta) {
  backward_keys<128>(shape, operands, schedule, delta);
}
}

}  // namespace assay::attention
