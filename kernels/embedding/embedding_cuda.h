#pragma once
/// The embedding on CUDA. The math is in embedding.h; this is how it is laid out on a GPU.
///
/// Forward is memory-bound and a gather of whole rows:
///   1. A thread an element: 2-byte accesses, and the token and the position's row read again for
///      every one of them.
///   2. A pack of 16 bytes a thread, neighbours side by side in a row.
///   3. A thread keeps its pack of a position's row and walks over the batch, kRowsInFlight rows
///      asked for at a time, so the position table is read once for kMaxBatchPerThread entries.
/// The gradient of the positions is the same walk, summed in registers in the order of the batch.
///
/// The gradient of the tokens is a sum over occurrences, whose number differs from token to token:
///   1. Atomic additions to dwte: one pass over dx, but frequent tokens queue up at their row, and
///      the order of the additions, and so the bits, differ from run to run.
///   2. A block for each row of dwte that looks for its token: O(V) blocks that find nothing.
///   3. Occurrences ordered first (embedding_order), then a block for each token that occurs: the
///      order of the sums is fixed, but text is Zipf's, and the block of the commonest token, some
///      6 % of all occurrences, runs long after the others have ended.
///   4. A block for each kTile occurrences, whatever their tokens: it adds up runs of one token in
///      registers and adds a run that begins and ends in its tile to dwte. Of a run that crosses a
///      border of tiles it leaves its part in the workspace: its head where it began before, its
///      tail where it began here. embedding_join then adds tail and heads in order, for each such
///      run, to dwte. All blocks do the same work; a token may occur everywhere.
///
/// embedding_order sorts occurrences by (token mod groups, token, position), with no key ever moved
/// twice and no count in global memory: block g reads all tokens, counts those of groups before its
/// own and, in shared memory, each of its own; the sums of these are where each token's run begins.
/// Then it reads the tokens again, a thread each, kOrderThreads at a time, keeps its own in order
/// (block_prefix), and its first warp sends them to the end of their run: lanes with the same token
/// find each other (match.any) and line up. There is a group for each kPositionsPerGroup positions,
/// at most 128, one wave on an H100: 16,384 tokens are read twice by 64 blocks, 8 MB from the
/// second-level cache, in a few microseconds, where a radix sort would start nine kernels. Frequent
/// tokens have small numbers in most vocabularies; mod spreads them over the groups.
///
/// Widths or addresses that are no multiple of 16 bytes are served by packs of one element, which
/// no workload uses. Vocabulary: at most 2^kMaxGroupBits · kMaxSlots (524,288); beyond is an input
/// error.
///
/// bytes_issued: forward each pack of x written, its row read, 4 bytes of token; the position table
/// once for each share of the batch. Backward: dx twice (positions, tokens), each token's row of
/// dwte read and written, dwpe read and written, the parts of runs that cross tiles, and the tokens
/// twice for each group.
#include <cstdint>

#include "kernels/cuda/entry.h"
#include "kernels/embedding/operands.h"

namespace assay::embedding {

inline constexpr int kThreads = 256;
inline constexpr int kMaxBatchPerThread = 16;
inline constexpr int kRowsInFlight = 4;

inline constexpr int kOrderThreads = 1024;
inline constexpr int kPositionsPerGroup = 256;
inline constexpr int kMaxGroupBits = 7;
inline constexpr int kMaxSlots = 4096;  ///< tokens of one group
inline constexpr int kTile = 32;        ///< occurrences that one block adds up

/// One place where a token occurs: position b·T + t.
struct alignas(8) Occurrence {
  std::int32_t token;
  std::int32_t position;
};

/// Entries; "_any" serves any width and alignment. Operands as in embedding.h.
extern "C" {
/// A thread takes up to `batches` batch entries.
ASSAY_KERNEL embedding_forward_bf16(Shape, int batches, const std::int32_t* tokens, const Bf16* wte,
                                    const Bf16* wpe, Bf16* x);
ASSAY_KERNEL embedding_forward_fp32(Shape, int batches, const std::int32_t* tokens,
                                    const float* wte, const float* wpe, float* x);
ASSAY_KERNEL embedding_forward_bf16_any(Shape, int batches, const std::int32_t* tokens,
                                        const Bf16* wte, const Bf16* wpe, Bf16* x);
ASSAY_KERNEL embedding_forward_fp32_any(Shape, int batches, const std::int32_t* tokens,
                                        const float* wte, const float* wpe, float* x);
ASSAY_KERNEL embedding_position_backward_bf16(Shape, const Bf16* dx, float* dwpe);
ASSAY_KERNEL embedding_position_backward_fp32(Shape, const float* dx, float* dwpe);
ASSAY_KERNEL embedding_position_backward_bf16_any(Shape, const Bf16* dx, float* dwpe);
ASSAY_KERNEL embedding_position_backward_fp32_any(Shape, const float* dx, float* dwpe);

/// ordered: (B·T), the occurrences of each token side by side, in the order of their positions.
/// 2^group_bits groups, a block each.
ASSAY_KERNEL embedding_order(Shape, int group_bits, const std::int32_t* tokens,
                             Occurrence* ordered);
/// parts: (tiles, 2, C): a tile's head and tail, where it has them.
ASSAY_KERNEL embedding_token_backward_bf16(Shape, const Occurrence* ordered, const Bf16* dx,
                                           float* dwte, float* parts);
ASSAY_KERNEL embedding_token_backward_fp32(Shape, const Occurrence* ordered, const float* dx,
                                           float* dwte, float* parts);
ASSAY_KERNEL embedding_token_backward_bf16_any(Shape, const Occurrence* ordered, const Bf16* dx,
                                               float* dwte, float* parts);
ASSAY_KERNEL embedding_token_backward_fp32_any(Shape, const Occurrence* ordered, const float* dx,
                                               float* dwte, float* parts);
ASSAY_KERNEL embedding_join(Shape, const Occurrence* ordered, const float* parts, float* dwte);
ASSAY_KERNEL embedding_join_any(Shape, const Occurrence* ordered, const float* parts, float* dwte);
}

}  // namespace assay::embedding

#ifndef __CUDACC__
#include "kernels/cuda/device.h"

namespace assay::embedding {

/// Device memory that the backward pass needs: ordered_size(shape) and parts_size(shape) elements.
struct Workspace {
  Occurrence* ordered = nullptr;
  float* parts = nullptr;
};
[[nodiscard]] std::size_t ordered_size(const Shape& shape);
[[nodiscard]] std::size_t parts_size(const Shape& shape);

/// Launches on a stream; operands are device addresses, laid out as in embedding.h. wpe and dwpe
/// may be null. T = Bf16 or float.
template <class T>
void forward(const cuda::Stream& stream, const Shape& shape, const std::int32_t* tokens,
             const T* wte, const T* wpe, T* x);
template <class T>
void backward(const cuda::Stream& stream, const Shape& shape, const std::int32_t* tokens,
              const T* dx, float* dwte, float* dwpe, const Workspace& workspace);

/// What the launches above ask of global memory, with positions. The backward pass depends on the
/// tokens: `distinct` is the number that occur, spread evenly.
[[nodiscard]] std::uint64_t forward_bytes_issued(const Shape& shape, std::size_t element_bytes);
[[nodiscard]] std::uint64_t backward_bytes_issued(const Shape& shape, std::size_t element_bytes,
                                                  double distinct);

}  // namespace assay::embedding
#endif
