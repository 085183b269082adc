#pragma once
/// Cross-entropy on CUDA. The math is in cross_entropy.h; this is how it is laid out on a GPU.
///
/// Memory-bound: a logit is read, its gradient written in its place; about 13 instructions hide
/// behind 4 bytes, which take an H100 as long as 37. As a ladder:
///   1. Softmax, loss and gradient as kernels of their own pass over the logits seven times.
///   2. One block a row with a sweep each for maximum, sum and gradient: four times. A running
///      maximum in each thread joins the first two sweeps: three times.
///   3. The row waits in shared memory between the sweeps: twice, which is compulsory. Up to
///      kResidentBytes of it are kept (50,257 BF16 logits fit), and only packs beyond those are
///      read again: of a row of 128,256 BF16 logits 61 %, 1.31 times the compulsory bytes in all,
///      and mostly from the second-level cache, where the 264 rows under way on an H100 (2 blocks
///      on each of 132 multiprocessors) leave 41 MB of such packs.
///   4. Rows reach shared memory by asynchronous copies of 16 bytes in four groups: 100 KB are in
///      flight from one multiprocessor (18 KB cover an H100's latency at 3.35 TB/s) without holding
///      a register, and the first group is summed while the others travel. A thread reads what it
///      copied itself, so no barrier stands before the sums.
/// 512 threads of at most 64 registers and 99 KB: two blocks on a multiprocessor of 9.0, so that
/// one's arithmetic hides behind the other's traffic; on 8.0 one, whose stores drain while the next
/// block loads. Exponentials are the special-function unit's: 2 · 50,257 / 16 a clock are 6,300
/// clocks a row, half of what its bytes take.
///
/// Rows begin anywhere: logits before the first multiple of 16 bytes and after the last whole pack
/// are single ones, one for each of the first threads.
///
/// Sums: a thread's own in a fixed order, then over lanes and warps in a fixed order.
///
/// bytes_issued: logits read and gradients written once, packs beyond the resident ones read again,
/// the target by every thread.
#include <cstdint>

#include "kernels/cross_entropy/operands.h"
#include "kernels/cuda/entry.h"

namespace assay::cross_entropy {

inline constexpr int kMaxThreads = 512;
/// Of a row that wait in shared memory, at most: with the sums' scratch, what compute capability
/// 8.6 offers a block (99 KB), the least of those from 8.0 on.
inline constexpr int kResidentBytes = 99 * 1024 - 512;
inline constexpr int kSumThreads = 1024;

/// Entries, named cross_entropy_<what>_<type>; one block a row. The first resident_packs packs of
/// a row are kept in dynamic shared memory.
extern "C" {
ASSAY_KERNEL cross_entropy_forward_backward_bf16(Shape, const std::int32_t* targets, float scale,
                                                 Bf16* logits, float* losses, int resident_packs);
ASSAY_KERNEL cross_entropy_forward_backward_fp32(Shape, const std::int32_t* targets, float scale,
                                                 float* logits, float* losses, int resident_packs);
/// total += factor · Σ losses, by one block of kSumThreads.
ASSAY_KERNEL cross_entropy_add_losses(std::int64_t rows, const float* losses, double factor,
                                      double* total);
}

}  // namespace assay::cross_entropy

#ifndef __CUDACC__
#include "kernels/cuda/device.h"

namespace assay::cross_entropy {

/// Launches on a stream; operands are device addresses, as CpuKernels::forward_backward has them.
/// T = Bf16 or float.
template <class T>
void forward_backward(const cuda::Stream& stream, const Shape& shape, const std::int32_t* targets,
                      float scale, T* logits, float* losses);
/// total += factor · Σ losses, in double and in a fixed order; factor = 1 / tokens makes means add
/// up over micro-batches.
void add_losses(const cuda::Stream& stream, std::int64_t rows, const float* losses, double factor,
                double* total);

/// What forward_backward asks of a device's global memory.
[[nodiscard]] std::uint64_t forward_backward_bytes_issued(const cuda::DeviceFacts& facts,
                                                          const Shape& shape,
                                                          std::size_t element_bytes);

}  // namespace assay::cross_entropy
#endif
