#pragma once
/// The token chain on CUDA (law and definition: base/token_law.h).
///
/// A handful of integers a token, bound by latency: what counts is the longest chain of dependent
/// loads. As a ladder:
///   1. One thread a row follows the chain: 1,024 positions, half of them with a binary search of
///      16 dependent loads, are milliseconds.
///   2. One warp a row draws 32 positions' words and searches at once, then resolves the chain
///      between them: 32 times shorter, but rows' warps still wait for one batch after another.
///   3. One thread a position. A token depends on the chain only back to the last fresh draw, one
///      position back on average: the thread draws the words of the positions before its own until
///      it finds that one (words are functions of their position), searches once, and follows the
///      permutation as many times as it went back. Twice the Philox draws of the first, and no
///      thread waits for another: about 16 + 6 dependent loads for a whole batch, from the
///      second-level cache, where the tables (12·V bytes) are.
///
/// The draw's number and its next row lie in device memory, so that a captured graph that advances
/// them draws fresh tokens at each replay.
///
/// bytes_issued: a token asks for the draw's place (16 bytes), a search of its own (8 · ⌈log2 V⌉),
/// one permuted step on average (4) and is written (4): 152 bytes at V = 50,257. The compulsory
/// bytes have the tables once and each token's 4, so the ratio is 38 where tokens are many (29.5
/// at the workload's 524,800). This is no memory-bound family, and is not held to 1.2 as those
/// are: the tables, 0.6 MB, stay in the second-level cache, so device memory moves little more
/// than what is compulsory. A first table of the search in shared memory would halve what is
/// asked of the cache; a step draws its tokens once, for milliseconds of products, so the simpler
/// search stays.
#include <cstdint>

#include "kernels/cuda/entry.h"
#include "kernels/token_chain/operands.h"

namespace assay::token_chain {

inline constexpr int kThreads = 256;

/// Which rows a draw names next.
struct Place {
  std::uint64_t draw = 0;
  std::uint64_t row = 0;
};

/// Entries. The law's pointers are device addresses.
extern "C" {
ASSAY_KERNEL token_chain_draw(TokenLawView law, const Place* place, std::int64_t rows,
                              std::int64_t length, std::int32_t* tokens);
/// inputs and targets: (rows, length - 1), all but the last and all but the first of each row.
ASSAY_KERNEL token_chain_split(std::int64_t rows, std::int64_t length, const std::int32_t* tokens,
                               std::int32_t* inputs, std::int32_t* targets);
/// One thread: `rows` further on.
ASSAY_KERNEL token_chain_advance(Place* place, std::uint64_t rows);
/// One thread: the next draw, from row `first_row` on.
ASSAY_KERNEL token_chain_next_draw(Place* place, std::uint64_t first_row);
}

}  // namespace assay::token_chain

#ifndef __CUDACC__
#include "kernels/cuda/device.h"

namespace assay::token_chain {

/// A law's tables on a device.
class DeviceLaw {
 public:
  DeviceLaw(const cuda::Stream& stream, const TokenLaw& law);
  /// With device addresses; refers to this object.
  [[nodiscard]] const TokenLawView& view() const { return view_; }

 private:
  cuda::Buffer<std::int32_t> permutation_;
  cuda::Buffer<std::uint64_t> zipf_cumulative_;
  TokenLawView view_;
};

/// Launches on a stream; place and tokens are device addresses. tokens: (rows, length); row r is
/// named (place->draw, place->row + r). Bit-identical to draw_token_row.
void draw(const cuda::Stream& stream, const TokenLawView& law, const Place* place,
          std::int64_t rows, std::int64_t length, std::int32_t* tokens);
/// What a step reads of the rows: inputs are all but a row's last token, targets all but its first;
/// (rows, length - 1) each.
void split(const cuda::Stream& stream, std::int64_t rows, std::int64_t length,
           const std::int32_t* tokens, std::int32_t* inputs, std::int32_t* targets);
void advance(const cuda::Stream& stream, Place* place, std::int64_t rows);
void next_draw(const cuda::Stream& stream, Place* place, std::uint64_t first_row);

/// What a draw asks of global memory, on average over draws.
[[nodiscard]] std::uint64_t draw_bytes_issued(std::int64_t tokens, std::int32_t vocabulary);

}  // namespace assay::token_chain
#endif
