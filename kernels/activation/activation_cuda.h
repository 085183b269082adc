#pragma once
/// GELU and SwiGLU on CUDA. The math is in activation.h; this is how it is laid out on a GPU.
///
/// Memory-bound, provided that an element costs few instructions: an H100 moves 3.4 TB/s, so GELU
/// forward in BF16 must finish 3.7 elements a clock and multiprocessor, of 128 lanes. As a ladder:
///   1. An element a thread, by tanhf and a division that rounds correctly: 2-byte accesses, some
///      60 instructions an element, and one access in flight for each thread.
///   2. ½(1 + tanh v) = σ(2v): one exponential and one reciprocal, both of the special-function
///      unit, whose errors of 2^-22 are far below the storage's. About 20 instructions an element;
///      two of the unit, which has 16 lanes: 8 elements a clock.
///   3. Packs of 16 bytes (8 Bf16), and kPacksPerThread of each operand: a thread asks for all of
///      them before it computes, so 64 bytes and more are in flight for it, where 18 KB a
///      multiprocessor suffice to hide the memory's latency; and blocks live long enough that their
///      start costs nothing.
/// GELU sees one stretch of memory: a block of 256 threads takes 1,024 packs of it. SwiGLU's three
/// tensors have rows of their own: a thread keeps one column and takes kPacksPerThread rows, so no
/// index is divided by the width.
///
/// Lengths, widths or addresses that are no multiple of 16 bytes are served by packs of one
/// element, which no workload uses.
///
/// bytes_issued: each tensor once, so the compulsory bytes.
#include <cstdint>

#include "kernels/bf16.h"
#include "kernels/cuda/entry.h"

namespace assay::activation {

/// Threads of a block at most (SwiGLU: as many as a row has packs), and packs of each operand that
/// a thread takes.
inline constexpr int kMaxThreads = 256;
inline constexpr int kPacksPerThread = 4;

/// Entries, named activation_<what>_<type>; "_any" serves any width and alignment. Operands as in
/// activation.h.
extern "C" {
ASSAY_KERNEL activation_gelu_forward_bf16(std::int64_t n, const Bf16* x, Bf16* y);
ASSAY_KERNEL activation_gelu_forward_fp32(std::int64_t n, const float* x, float* y);
ASSAY_KERNEL activation_gelu_forward_bf16_any(std::int64_t n, const Bf16* x, Bf16* y);
ASSAY_KERNEL activation_gelu_forward_fp32_any(std::int64_t n, const float* x, float* y);
ASSAY_KERNEL activation_gelu_backward_bf16(std::int64_t n, const Bf16* x, const Bf16* dy, Bf16* dx);
ASSAY_KERNEL activation_gelu_backward_fp32(std::int64_t n, const float* x, const float* dy,
                                           float* dx);
ASSAY_KERNEL activation_gelu_backward_bf16_any(std::int64_t n, const Bf16* x, const Bf16* dy,
                                               Bf16* dx);
ASSAY_KERNEL activation_gelu_backward_fp32_any(std::int64_t n, const float* x, const float* dy,
                                               float* dx);
ASSAY_KERNEL activation_swiglu_forward_bf16(std::int64_t rows, std::int64_t width,
                                            const Bf16* gate_up, Bf16* y);
ASSAY_KERNEL activation_swiglu_forward_fp32(std::int64_t rows, std::int64_t width,
                                            const float* gate_up, float* y);
ASSAY_KERNEL activation_swiglu_forward_bf16_any(std::int64_t rows, std::int64_t width,
                                                const Bf16* gate_up, Bf16* y);
ASSAY_KERNEL activation_swiglu_forward_fp32_any(std::int64_t rows, std::int64_t width,
                                                const float* gate_up, float* y);
ASSAY_KERNEL activation_swiglu_backward_bf16(std::int64_t rows, std::int64_t width,
                                             const Bf16* gate_up, const Bf16* dy, Bf16* dgate_up);
ASSAY_KERNEL activation_swiglu_backward_fp32(std::int64_t rows, std::int64_t width,
                                             const float* gate_up, const float* dy,
                                             float* dgate_up);
ASSAY_KERNEL activation_swiglu_backward_bf16_any(std::int64_t rows, std::int64_t width,
                                                 const Bf16* gate_up, const Bf16* dy,
                                                 Bf16* dgate_up);
ASSAY_KERNEL activation_swiglu_backward_fp32_any(std::int64_t rows, std::int64_t width,
                                                 const float* gate_up, const float* dy,
                                                 float* dgate_up);
}

}  // namespace assay::activation

#ifndef __CUDACC__
#include "kernels/cuda/device.h"

namespace assay::activation {

/// Launches on a stream; operands are device addresses, laid out as in activation.h. T = Bf16 or
/// float. As there, dx may be dy.
template <class T>
void gelu_forward(const cuda::Stream& stream, std::int64_t n, const T* x, T* y);
template <class T>
void gelu_backward(const cuda::Stream& stream, std::int64_t n, const T* x, const T* dy, T* dx);
template <class T>
void swiglu_forward(const cuda::Stream& stream, std::int64_t rows, std::int64_t width,
                    const T* gate_up, T* y);
template <class T>
void swiglu_backward(const cuda::Stream& stream, std::int64_t rows, std::int64_t width,
                     const T* gate_up, const T* dy, T* dgate_up);

}  // namespace assay::activation
#endif
