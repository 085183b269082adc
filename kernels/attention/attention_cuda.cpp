#include "kernels/attention/attention_cuda.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "kernels/cuda/alignment.h"

namespace assay::attention {
namespace {

using cuda::Geometry;

void require(bool holds, const char* what, std::int64_t value, const char* mend) {
  if (!holds) throw input_error(what, std::to_string(value), mend);
}

/// What the kernels need of a problem and of the device.
template <class T>
void check_operands(const cuda::Stream& stream, const Shape& shape,
                    std::initializer_list<const void*> tensors) {
  require(shape.head_size == 64 || shape.head_size == 128,
          "attention on CUDA does not know this head size", shape.head_size, "64 or 128");
  require(shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0,
          "attention's query heads are no multiple of its key heads", shape.heads,
          "a multiple of the number of key heads");
  require(cuda::rows_are_packed<T>(shape.row_stride, tensors),
          "attention on CUDA needs rows and tensors that begin at multiples of 16 bytes",
          shape.row_stride, "a row stride of a multiple of 8 elements, and aligned tensors");
  require(stream.device().facts().compute_capability >= kLeastComputeCapability,
          "attention on CUDA needs compute capability 8.0 (mma.m16n8k16, cp.async)",
          stream.device().facts().compute_capability, "an Ampere GPU or a newer one");
}

/// `streamed`: bytes that blocks of one key head stream through. A section's share of the
/// second-level cache is half: other tensors pass through it, too.
Schedule schedule_of(const cuda::Stream& stream, std::int64_t blocks, std::int64_t heads,
                     std::int64_t heads_per_kv_head, std::int64_t streamed) {
  const std::int64_t kv_heads =
      std::max<std::int64_t>(1, stream.device().facts().l2_cache_bytes / 2 / streamed);
  return {static_cast<int>(blocks), static_cast<int>(heads),
          static_cast<int>(std::min(heads, kv_heads * heads_per_kv_head))};
}

template <auto* Bf16Entry, auto* Fp16Entry, class Operands, class... More>
void launch_on(const cuda::Stream& stream, int threads, int shared_bytes, const Shape& shape,
               const Operands& operands, const Schedule& schedule, const More&... more) {
  const Geometry geometry{
      .grid = {static_cast<unsigned>(schedule.blocks) * static_cast<unsigned>(schedule.heads)},
      .block = {static_cast<unsigned>(threads)},
      .shared_bytes = static_cast<unsigned>(shared_bytes)};
  if constexpr (std::is_same_v<std::decay_t<decltype(*operands.q)>, Bf16>) {
    cuda::launch<Bf16Entry>(stream, geometry, shape, operands, schedule, more...);
  } else {
    cuda::launch<Fp16Entry>(stream, geometry, shape, operands, schedule, more...);
  }
}

/// Bytes of T rows of one head in each of `tensors` tensors.
std::int64_t head_bytes(const Shape& shape, int tensors) {
  constexpr std::int64_t kElementBytes = 2;
  return tensors * shape.sequence * shape.head_size * kElementBytes;
}

template <class Tile, auto* Bf16Entry, auto* Fp16Entry, class T>
void launch_forward(const cuda::Stream& stream, const Shape& shape, const Forward<T>& operands) {
  const Schedule schedule =
      schedule_of(stream, cuda::blocks_for(shape.sequence, Tile::kQueries),
                  shape.batch * shape.heads, shape.heads / shape.kv_heads, head_bytes(shape, 2));
  launch_on<Bf16Entry, Fp16Entry>(stream, Tile::kThreads, Tile::kSharedBytes, shape, operands,
                                  schedule);
}

template <int HeadSize, auto* QueriesBf16, auto* QueriesFp16, auto* KeysBf16, auto* KeysFp16,
          class T>
void launch_backward(const cuda::Stream& stream, const Shape& shape, const Backward<T>& operands,
                     float* delta) {
  using Tile = BackwardTile<HeadSize>;
  const std::int64_t blocks = cuda::blocks_for(shape.sequence, Tile::kRows);
  const std::int64_t group = shape.heads / shape.kv_heads;
  launch_on<QueriesBf16, QueriesFp16>(
      stream, Tile::kThreads, Tile::kQueryPassSharedBytes, shape, operands,
      schedule_of(stream, blocks, shape.batch * shape.heads, group, head_bytes(shape, 2)), delta);
  launch_on<KeysBf16, KeysFp16>(
      stream, Tile::kThreads, Tile::kKeyPassSharedBytes, shape, operands,
      schedule_of(stream, blocks, shape.batch * shape.kv_heads, 1, group * head_bytes(shape, 2)),
      static_cast<const float*>(delta));
}

/// Σ over blocks of `rows` rows of the keys that causal attention shows the block, in whole tiles.
std::int64_t keys_streamed(const Shape& shape, std::int64_t rows, std::int64_t tile) {
  std::int64_t keys = 0;
  for (std::int64_t first = 0; first < shape.sequence; first += rows) {
    const std::int64_t last = std::min(first + rows, shape.sequence);
    keys += std::min((last + tile - 1) / tile * tile, shape.sequence);
  }
  return keys;
}

/// Of ForwardD128, on a multiprocessor.
bool two_large_blocks_fit(const cuda::DeviceFacts& facts) {
  return 2 * ForwardD128::kSharedBytes <= facts.max_shared_memory_per_block_bytes;
}

template <class Tile>
std::uint64_t forward_bytes(const Shape& shape) {
  const std::int64_t streamed =
      2 * keys_streamed(shape, Tile::kQueries, Tile::kKeys) * shape.head_size * 2;
  const std::int64_t head = head_bytes(shape, 2) + streamed + 4 * shape.sequence;
  return static_cast<std::uint64_t>(shape.batch * shape.heads * head);
}

}  // namespace

template <class T>
void forward(const cuda::Stream& stream, const Shape& shape, const Forward<T>& operands) {
  check_operands<T>(stream, shape, {operands.q, operands.k, operands.v, operands.out});
  if (shape.head_size == 64) {
    launch_forward<ForwardD64, attention_forward_bf16_d64, attention_forward_fp16_d64>(
        stream, shape, operands);
  } else if (two_large_blocks_fit(stream.device().facts())) {
    launch_forward<ForwardD128, attention_forward_bf16_d128, attention_forward_fp16_d128>(
        stream, shape, operands);
  } else {
    launch_forward<ForwardD128Small, attention_forward_bf16_d128_small,
                   attention_forward_fp16_d128_small>(stream, shape, operands);
  }
}

template <class T>
void backward(const cuda::Stream& stream, const Shape& shape, const Backward<T>& operands,
              float* workspace) {
  check_operands<T>(stream, shape,
                    {operands.q, operands.k, operands.v, operands.out, operands.dout, operands.dq,
                     operands.dk, operands.dv});
  if (shape.head_size == 64) {
    launch_backward<64, attention_backward_queries_bf16_d64, attention_backward_queries_fp16_d64,
                    attention_backward_keys_bf16_d64, attention_backward_keys_fp16_d64>(
        stream, shape, operands, workspace);
  } else {
    launch_backward<128, attention_backward_queries_bf16_d128, attention_backward_queries_fp16_d128,
                    attention_backward_keys_bf16_d128, attention_backward_keys_fp16_d128>(
        stream, shape, operands, workspace);
  }
}

std::size_t backward_workspace_floats(const Shape& shape) {
  return static_cast<std::size_t>(shape.batch * shape.heads * shape.sequence);
}

std::uint64_t forward_bytes_issued(const cuda::DeviceFacts& facts, const Shape& shape) {
  if (shape.head_size == 64) return forward_bytes<ForwardD64>(shape);
  return two_large_blocks_fit(facts) ? forward_bytes<ForwardD128>(shape)
                                     : forward_bytes<ForwardD128Small>(shape);
}

std::uint64_t backward_bytes_issued(const Shape& shape) {
  using Tile = BackwardTile<64>;
  const std::int64_t keys = keys_streamed(shape, Tile::kRows, Tile::kStreamedKeys);
  // q, dout, out and dq; L once a lane of a quad, δ once.
  const std::int64_t query_head =
      head_bytes(shape, 4) + 2 * keys * shape.head_size * 2 + (4 * 4 + 4) * shape.sequence;
  // k, v, dk and dv; for each query head of the group, the queries from the block's first key on.
  std::int64_t queries = 0;
  for (std::int64_t first = 0; first < shape.sequence; first += Tile::kRows) {
    queries += shape.sequence - first;
  }
  const std::int64_t group = shape.heads / shape.kv_heads;
  const std::int64_t key_head =
      head_bytes(shape, 4) + group * queries * (2 * shape.head_size * 2 + 2 * 4);
  return static_cast<std::uint64_t>(shape.batch *
                                    (shape.heads * query_head + shape.kv_heads * key_head));
}

template void forward(const cuda::Stream&, const Shape&, const Forward<Bf16>&);
template void forward(const cuda::Stream&, const Shape&, const Forward<Fp16>&);
template void backward(const cuda::Stream&, const Shape&, const Backward<Bf16>&, float*);
template void backward(const cuda::Stream&, const Shape&, const Backward<Fp16>&, float*);

}  // namespace assay::attention
