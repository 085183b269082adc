#pragma once
/// The bias gradient on CUDA. The math is in bias.h; this is how it is laid out on a GPU. (There is
/// no forward kernel: the products add the bias in their epilogue, where it costs no pass over
/// memory.)
///
/// Memory-bound: dy is read once, an addition an element. As a ladder:
///   1. A thread a column: coalesced, but a width of 3,072 is 96 warps, a thirtieth of what an H100
///      holds, each waiting for one access of 2 bytes after another.
///   2. Rows cut into runs, a block each, with atomic additions at the end: fills the machine, but
///      the order of the additions, and so the bits, differ from run to run.
///   3. A block takes 32 packs of 16 bytes of a run of rows: warp w rows w, w + kWarps, …, each
///   lane
///      one pack of columns whose sums it keeps in registers; it asks for kRowsInFlight rows before
///      it adds (64 bytes a thread, 128 KB a full multiprocessor; 18 KB hide an H100's latency).
///      The warps' sums meet in shared memory, in order, and leave one partial row a run; a second
///      kernel adds these up in order (column_sum.cuh). Same bits in every run.
///
/// Widths or addresses that are no multiple of 16 bytes are served by packs of one element, which
/// no workload uses.
///
/// bytes_issued: dy once, the partial rows written and read, dbias read and written.
#include <cstdint>

#include "kernels/bf16.h"
#include "kernels/cuda/entry.h"

namespace assay::bias {

inline constexpr int kWarps = 8;
inline constexpr int kRowsInFlight = 4;

/// Entries, named bias_<what>_<type>; "_any" serves any width and alignment. Block (x, y) sums rows
/// [y · rows_per_block, …) of its columns to partial (gridDim.y, width).
extern "C" {
ASSAY_KERNEL bias_backward_bf16(std::int64_t rows, std::int64_t width, int rows_per_block,
                                const Bf16* dy, float* partial);
ASSAY_KERNEL bias_backward_fp32(std::int64_t rows, std::int64_t width, int rows_per_block,
                                const float* dy, float* partial);
ASSAY_KERNEL bias_backward_bf16_any(std::int64_t rows, std::int64_t width, int rows_per_block,
                                    const Bf16* dy, float* partial);
ASSAY_KERNEL bias_backward_fp32_any(std::int64_t rows, std::int64_t width, int rows_per_block,
                                    const float* dy, float* partial);
/// dbias[c] += Σ_rows partial[row · width + c].
ASSAY_KERNEL bias_column_sum(std::int64_t rows, std::int64_t width, const float* partial,
                             float* dbias);
}

}  // namespace assay::bias

#ifndef __CUDACC__
#include "kernels/cuda/device.h"

namespace assay::bias {

/// Launches on a stream; operands are device addresses: dy (rows, width); dbias (width), added to;
/// `workspace`: backward_workspace_floats(rows, width) floats. T = Bf16 or float.
template <class T>
void backward(const cuda::Stream& stream, std::int64_t rows, std::int64_t width, const T* dy,
              float* dbias, float* workspace);
[[nodiscard]] std::size_t backward_workspace_floats(std::int64_t rows, std::int64_t width);

/// What a launch asks of global memory.
[[nodiscard]] std::uint64_t backward_bytes_issued(std::int64_t rows, std::int64_t width,
                                                  std::size_t element_bytes);

}  // namespace assay::bias
#endif
