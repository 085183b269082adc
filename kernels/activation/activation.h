#pragma once
/// GELU (tanh form) and SwiGLU, forward and backward.
///
///   GELU(x) = x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))       D. Hendrycks, arXiv 1606.08415
///   SwiGLU(g, u) = g · σ(g) · u                                N. Shazeer, arXiv 2002.05202
///
/// Backward, with v = √(2/π)(x + 0.044715 x³), t = tanh(v), s = σ(g):
///   GELU:   dx = dy · (½(1 + t) + x/2 · (1 - t²) · √(2/π)(1 + 3·0.044715 x²))
///   SwiGLU: du = dy · g·s,   dg = dy · u · (s + g·s·(1 - s))
///
/// FLOPs per output element, an elementary function counting as one: GELU forward 9, backward 18;
/// SwiGLU forward 3, backward 8 (not model FLOPs). Bytes: each tensor once.
///
/// On CUDA: kernels/activation/activation_cuda.h.
/// Decomposition on a CPU: element-wise, so each thread takes one contiguous stretch (SwiGLU: whole
/// rows) and the loop is vectorised. The kernels use ½(1 + tanh v) = σ(2v): one exponential and one
/// division an element, and no cancellation where x is far below zero.
#include <cstdint>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/workload.h"

namespace assay::activation {

/// gate_up rows hold the gate's `width` elements, then the up projection's.
template <class T>
struct CpuKernels {
  void (*gelu_forward)(std::int64_t n, const T* x, T* y);
  void (*gelu_backward)(std::int64_t n, const T* x, const T* dy, T* dx);  ///< dx may be dy
  /// gate_up: (rows, 2·width), y: (rows, width).
  void (*swiglu_forward)(std::int64_t rows, std::int64_t width, const T* gate_up, T* y);
  void (*swiglu_backward)(std::int64_t rows, std::int64_t width, const T* gate_up, const T* dy,
                          T* dgate_up);
};

/// The definition (Real = double) and the control (Real = float), as kernels/norm/norm.h explains.
template <class Real>
void gelu_forward_reference(std::int64_t n, const Real* x, Real* y);
template <class Real>
void gelu_backward_reference(std::int64_t n, const Real* x, const Real* dy, Real* dx);
template <class Real>
void swiglu_forward_reference(std::int64_t rows, std::int64_t width, const Real* gate_up, Real* y);
template <class Real>
void swiglu_backward_reference(std::int64_t rows, std::int64_t width, const Real* gate_up,
                               const Real* dy, Real* dgate_up);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::activation
