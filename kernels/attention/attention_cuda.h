#pragma once
/// Causal attention on CUDA, in BF16 and FP16 with FP32 statistics and sums. The math is in
/// attention.h; this is how it is laid out on a GPU.
///
/// Forward, as a ladder; each step names what it improves on:
///   1. Three kernels, S = q·kᵀ, softmax, P·v, write and read T² scores a head: at T = 4096 and
///      D = 128 that is 16 times the bytes of q, k, v and out together. One kernel keeps a block of
///      queries and streams keys and values by it; the rows' maxima and sums run along (online
///      softmax), so no score leaves its registers.
///   2. Products are mma.m16n8k16. The sums of S lie in registers as P·v takes its left operand, so
///      P is rounded in place and never moves between lanes (mma.cuh).
///   3. A warp owns 32 queries: it uses each fragment of keys and values for two products. With 16
///      queries shared memory, 128 bytes a cycle, could feed an A100's tensor cores no faster than
///      they multiply (a fragment of 512 bytes, 4 cycles, for 4,096 multiply-adds, 4 cycles); with
///      32 it is busy for 75 % of that time, reads of the queries and copies included. The price is
///      registers: D floats a lane for the output, 64 for a tile of 64 keys' scores. At D = 64 the
///      queries' fragments, 32 registers, stay too; at D = 128 they are read from shared memory for
///      each tile. Either way up to 255 registers, two blocks of 4 warps a multiprocessor: while
///      one warp of a scheduler does its softmax the other multiplies.
///   4. Keys and values pass through a ring of slots (cp.async): three slots, so that a tile is on
///      its way for two products before it is needed and one barrier a product both hands it over
///      and frees the slot before it. Two slots would wait for memory twice as often; with four, at
///      D = 128, two blocks would not fit into an A100's 164 KiB (here 80 KiB a block).
///   5. Swizzled tiles: no bank conflict, no padding (swizzled_tile.cuh). The exponential is one
///      fused multiply-add and one instruction of the special-function unit. Sums shrink only when
///      some row's maximum grew, which is rare after the first tiles.
///   6. Tiles in the future are skipped, by warp; only tiles on the diagonal are masked. The
///   longest
///      blocks come first, so that short ones fill the end of the launch; heads come in sections
///      whose keys and values take half of the second-level cache (Schedule).
/// Devices with 99 KiB of shared memory a block (8.6, 8.9, 12.0) have half the tensor cores of an
/// A100 per multiprocessor or fewer, so there D = 128 takes 64 queries, 16 a warp, and two slots:
/// 48 KiB, again two blocks.
///
/// Backward, P and dS computed again from L; as a ladder:
///   1. One kernel over blocks of keys, five products a tile, adds its parts of dq by atomics:
///   other
///      bits in every run. Parts in a workspace, added in order: T/128 times dq in FP32, 2 GB for
///      32 heads at T = 4096 and D = 128. Blocks that wait for each other's parts: stalls.
///   2. Two passes: one over blocks of queries computes δ and dq (three products a tile), one over
///      blocks of keys dk and dv (four). Seven products instead of five, 40 % more work for the
///      tensor cores, but no other memory than δ, no order but a block's own: the same bits in
///      every run. dk and dv of a key head are sums over its query heads, one after another, in
///      registers.
///   3. The key pass transposes: keys by queries, so that Pᵀ and dSᵀ lie in registers as the
///   products
///      with do and q take them. P and dS never touch memory.
///   4. A warp's share of a gradient is 64 registers a lane: 32 rows at D = 64, 16 at D = 128. The
///      query pass holds dq, the fragments of q and do, S and dP of 1,024 elements: 192 registers;
///      the key pass dk, dv, S and dP, and at D = 128 the keys' fragments: the same. So 8 warps a
///      multiprocessor: two blocks of 4 warps at D = 64, one of 8 at D = 128. Shared memory: 32 and
///      64 KiB (query pass), 48.5 and 96.5 KiB (key pass), which every device since 8.0 has.
///   5. Streamed tiles have two stages: while one is multiplied the next is on its way; one barrier
///      a tile. δ is computed by the instructions that compute dP (row_products in the .cu).
///
/// FLOPs issued: the model's and the masked halves of the diagonal's tiles, 1 + 64/T times or so;
/// backward 7/4 of the model's.
/// Bytes issued: keys and values once a block of 128 queries that sees them (64 in the small tile,
/// which asks for twice as many); queries, do, L and δ once a block of 128 keys: T/256 times the
/// tensors themselves, nearly all served by the second-level cache. An input that is not finite
/// spreads to earlier rows of its tile: weight 0 of it is not a number.
#include <cstdint>

#include "kernels/attention/operands.h"
#include "kernels/cuda/entry.h"

namespace assay::attention {

/// Of mma.m16n8k16, ldmatrix and cp.async together.
inline constexpr int kLeastComputeCapability = 80;

/// A block of the forward pass: 4 warps share `Queries` queries; tiles of 64 keys and of 64 values
/// pass through a ring of `Slots` slots.
template <int HeadSize, int Queries, int Slots>
struct ForwardTile {
  static constexpr int kHeadSize = HeadSize;
  static constexpr int kQueries = Queries;
  static constexpr int kKeys = 64;
  static constexpr int kSlots = Slots;
  static constexpr int kWarps = 4;
  static constexpr int kThreads = 32 * kWarps;
  static constexpr int kRowsPerWarp = Queries / kWarps;
  static constexpr int kSharedBytes = (kQueries + kSlots * kKeys) * kHeadSize * 2;
};
using ForwardD64 = ForwardTile<64, 128, 3>;
using ForwardD128 = ForwardTile<128, 128, 3>;
/// Where two blocks of the above don't fit.
using ForwardD128Small = ForwardTile<128, 64, 2>;

/// A block of either backward pass owns 128 rows: a warp's share of one gradient is 64 registers a
/// lane.
template <int HeadSize>
struct BackwardTile {
  static constexpr int kHeadSize = HeadSize;
  static constexpr int kRows = 128;
  static constexpr int kRowsPerWarp = 2048 / HeadSize;
  static constexpr int kThreads = 32 * kRows / kRowsPerWarp;
  static constexpr int kStreamedKeys = 64;     ///< of one of two stages of the query pass
  static constexpr int kStreamedQueries = 32;  ///< of one of two stages of the key pass
  static constexpr int kQueryPassSharedBytes = 2 * 2 * kStreamedKeys * kHeadSize * 2;
  static constexpr int kKeyPassStageBytes = kStreamedQueries * (2 * kHeadSize * 2 + 2 * 4);
  static constexpr int kKeyPassSharedBytes = 2 * kRows * kHeadSize * 2 + 2 * kKeyPassStageBytes;
};

/// Which head and which block of rows the n-th block of a grid takes: heads in sections whose
/// streamed operands stay in the second-level cache together; in a section the longest blocks of
/// all heads first.
struct Schedule {
  int blocks = 0;         ///< of a head
  int heads = 0;          ///< of all sequences together
  int section_heads = 0;  ///< of a section; the last one may have fewer
};

extern "C" {
ASSAY_KERNEL attention_forward_bf16_d64(Shape, Forward<Bf16>, Schedule);
ASSAY_KERNEL attention_forward_bf16_d128(Shape, Forward<Bf16>, Schedule);
ASSAY_KERNEL attention_forward_bf16_d128_small(Shape, Forward<Bf16>, Schedule);
ASSAY_KERNEL attention_forward_fp16_d64(Shape, Forward<Fp16>, Schedule);
ASSAY_KERNEL attention_forward_fp16_d128(Shape, Forward<Fp16>, Schedule);
ASSAY_KERNEL attention_forward_fp16_d128_small(Shape, Forward<Fp16>, Schedule);
/// dq, and δ for the key pass: (B, H, T) floats.
ASSAY_KERNEL attention_backward_queries_bf16_d64(Shape, Backward<Bf16>, Schedule, float* delta);
ASSAY_KERNEL attention_backward_queries_bf16_d128(Shape, Backward<Bf16>, Schedule, float* delta);
ASSAY_KERNEL attention_backward_queries_fp16_d64(Shape, Backward<Fp16>, Schedule, float* delta);
ASSAY_KERNEL attention_backward_queries_fp16_d128(Shape, Backward<Fp16>, Schedule, float* delta);
/// dk and dv.
ASSAY_KERNEL attention_backward_keys_bf16_d64(Shape, Backward<Bf16>, Schedule, const float* delta);
ASSAY_KERNEL attention_backward_keys_bf16_d128(Shape, Backward<Bf16>, Schedule, const float* delta);
ASSAY_KERNEL attention_backward_keys_fp16_d64(Shape, Backward<Fp16>, Schedule, const float* delta);
ASSAY_KERNEL attention_backward_keys_fp16_d128(Shape, Backward<Fp16>, Schedule, const float* delta);
}

}  // namespace assay::attention

#ifndef __CUDACC__
#include "kernels/cuda/device.h"

namespace assay::attention {

/// Launches on a stream; operands are device addresses. T = Bf16 or Fp16.
/// Errors: an input error for a head size other than 64 and 128, heads that are no multiple of
/// kv_heads, rows or addresses that are no multiple of 16 bytes, and compute capability below 8.0.
template <class T>
void forward(const cuda::Stream& stream, const Shape& shape, const Forward<T>& operands);
/// `workspace`: backward_workspace_floats(shape) floats.
template <class T>
void backward(const cuda::Stream& stream, const Shape& shape, const Backward<T>& operands,
              float* workspace);
[[nodiscard]] std::size_t backward_workspace_floats(const Shape& shape);

/// What the launches above ask of a device's global memory; all devices launch the same backward
/// pass.
[[nodiscard]] std::uint64_t forward_bytes_issued(const cuda::DeviceFacts& facts,
                                                 const Shape& shape);
[[nodiscard]] std::uint64_t backward_bytes_issued(const Shape& shape);

}  // namespace assay::attention
#endif
