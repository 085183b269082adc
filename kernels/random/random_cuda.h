#pragma once
/// The Philox fills on CUDA. The math is in random.h; this is how it is laid out on a GPU.
///
/// Nothing is read; a pack of 16 bytes is written for every one (FP32, integers) or two (BF16)
/// Philox blocks. As a ladder:
///   1. One element a thread repeats a Philox block four times and stores 4 or 2 bytes.
///   2. A thread draws a block and keeps its four words: Box and Muller use them in pairs, so a
///      logarithm, a root and a turn serve two elements, and stores are whole packs side by side.
///   3. The library's logarithm and sine take the slow path of large arguments with them, and lose
///      digits where u is near 1; the polynomials of box_muller.h take the word's bits instead.
/// About 70 PTX instructions an element, 25 of them Philox's: on an H100, where 4 bytes take as
/// long as 38, FP32 normals run at about half the memory's pace and BF16 ones at a quarter;
/// integers, with 35, at the memory's. No training step waits for a fill.
///
/// Key and stream lie in device memory, so that a captured graph that advances them draws anew at
/// each replay; one thread of a block reads them.
///
/// bytes_issued: the output, and 16 bytes a block of threads.
#include <cstdint>

#include "kernels/cuda/entry.h"
#include "kernels/random/operands.h"

namespace assay::random {

inline constexpr int kThreads = 256;
inline constexpr int kPacksPerThread = 4;

/// Entries, named random_<what>_<type>. Whole packs are written where `out` is at a multiple of 16
/// bytes, else single elements.
extern "C" {
ASSAY_KERNEL random_normal_bf16(const Draw*, float mean, float deviation, std::int64_t n,
                                Bf16* out);
ASSAY_KERNEL random_normal_fp32(const Draw*, float mean, float deviation, std::int64_t n,
                                float* out);
ASSAY_KERNEL random_integers(const Draw*, std::int32_t low, std::int32_t high, std::int64_t n,
                             std::int32_t* out);
/// One thread: the next stream.
ASSAY_KERNEL random_advance(Draw*);
}

}  // namespace assay::random

#ifndef __CUDACC__
#include "kernels/cuda/device.h"

namespace assay::random {

/// Launches on a stream; draw and out are device addresses. T = Bf16 or float.
template <class T>
void normal(const cuda::Stream& stream, const Draw* draw, float mean, float deviation,
            std::int64_t n, T* out);
/// Needs low <= high.
void integers(const cuda::Stream& stream, const Draw* draw, std::int32_t low, std::int32_t high,
              std::int64_t n, std::int32_t* out);
/// ++draw->stream.
void advance(const cuda::Stream& stream, Draw* draw);

/// What a fill of n elements and its advance ask of global memory.
[[nodiscard]] std::uint64_t fill_bytes_issued(std::int64_t n, std::size_t element_bytes);

}  // namespace assay::random
#endif
