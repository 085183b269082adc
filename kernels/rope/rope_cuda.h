#pragma once
/// RoPE on CUDA. The math is in rope.h; this is how it is laid out on a GPU.
///
/// Memory-bound: every rotated element is read and written once; the rest is three operations on
/// it. As a ladder:
///   1. A pair (i, i + D/2) a thread: 2-byte accesses, and 8 bytes of table for 8 bytes of x.
///   2. A pack of 16 bytes from each half of a head a thread (8 pairs in Bf16): 8 lanes cover a
///      half head of 64 with one line of 128 bytes. But its 8 cosines and sines are 64 bytes, as
///      many as it moves of x.
///   3. A thread keeps the table's values in 16 registers and rotates the same columns of up to
///      kMaxHeadsPerThread heads of its token: the table costs one sixteenth. It asks for
///      kHeadsInFlight heads before it rotates them: 128 bytes in flight for each thread, where 18
///      KB a multiprocessor hide the latency of an H100's memory.
/// More heads than a thread takes are shared out equally by the grid's second dimension.
///
/// Half heads, strides or addresses that are no multiple of 16 bytes are served by packs of one
/// element, which no workload uses.
///
/// bytes_issued: each rotated element read and written once; the table once for each batch entry
/// and share of heads.
#include <cstdint>

#include "kernels/cuda/entry.h"
#include "kernels/rope/operands.h"

namespace assay::rope {

inline constexpr int kThreads = 256;
inline constexpr int kMaxHeadsPerThread = 16;
inline constexpr int kHeadsInFlight = 4;

/// Entries, named rope_<what>_<type>; "_any" serves any width and alignment. A thread takes up to
/// `heads` heads.
extern "C" {
ASSAY_KERNEL rope_forward_bf16(Shape, int heads, const float* table, Bf16* x);
ASSAY_KERNEL rope_forward_fp32(Shape, int heads, const float* table, float* x);
ASSAY_KERNEL rope_forward_bf16_any(Shape, int heads, const float* table, Bf16* x);
ASSAY_KERNEL rope_forward_fp32_any(Shape, int heads, const float* table, float* x);
ASSAY_KERNEL rope_backward_bf16(Shape, int heads, const float* table, Bf16* dx);
ASSAY_KERNEL rope_backward_fp32(Shape, int heads, const float* table, float* dx);
ASSAY_KERNEL rope_backward_bf16_any(Shape, int heads, const float* table, Bf16* dx);
ASSAY_KERNEL rope_backward_fp32_any(Shape, int heads, const float* table, float* dx);
}

}  // namespace assay::rope

#ifndef __CUDACC__
#include "kernels/cuda/device.h"

namespace assay::rope {

/// Launches on a stream; `table` (make_table's) and x or dx are device addresses. T = Bf16 or
/// float.
template <class T>
void forward(const cuda::Stream& stream, const Shape& shape, const float* table, T* x);
template <class T>
void backward(const cuda::Stream& stream, const Shape& shape, const float* table, T* dx);

/// What a launch of either asks of global memory.
[[nodiscard]] std::uint64_t bytes_issued(const Shape& shape, std::size_t element_bytes);

}  // namespace assay::rope
#endif
