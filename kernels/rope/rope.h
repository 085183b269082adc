#pragma once
/// Rotary position embedding, in place.
///
/// For position t and pair i < D/2 of a head: angle = t · θ^(-2i/D),
///   x'_i       = x_i · cos - x_(i+D/2) · sin
///   x'_(i+D/2) = x_(i+D/2) · cos + x_i · sin
/// Backward is the rotation by -angle. Source: J. Su et al., arXiv 2104.09864, section 3.2.2 (pairs
/// are i and i + D/2, as in Llama's released weights).
///
/// FLOPs: 3 per element (two products and a sum). Bytes: each rotated element read and written
/// once, the table read once. Memory-bound: only the bytes matter.
///
/// On CUDA: kernels/rope/rope_cuda.h.
/// Decomposition on a CPU, as a ladder:
///   1. Angles computed where they are used cost a sine and a cosine per pair and head: a table,
///      made once in double, costs 8 bytes per pair of a token.
///   2. One token per iteration of a parallel loop. Its (cos, sin) pairs are split into two rows of
///      scratch once, so that each of its heads is rotated by plain loads of whole vectors instead
///      of strided ones.
///   3. Both halves of a head are read and written in one sweep: no second pass over x.
#include <cstdint>
#include <vector>

#include "kernels/rope/operands.h"
#include "kernels/workload.h"

namespace assay::rope {

/// cos and sin, each (T, D/2), row after row: table[(t·D/2 + i)·2] = cos, +1 = sin.
[[nodiscard]] std::vector<float> make_table(std::int64_t sequence, std::int64_t head_size,
                                            double theta);

/// The CPU kernels of one instruction-set level: kernels_for<CpuKernels<T>>(level).
template <class T>
struct CpuKernels {
  /// x: (B, T, row_stride), the first heads·D elements of each row are rotated in place.
  void (*forward)(const Shape&, const float* table, T* x);
  void (*backward)(const Shape&, const float* table, T* dx);
};

/// The definition, with angles in double. Real = double is the definition, Real = float the control
/// from which tolerances are derived (kernels/compare.h).
template <class Real>
void forward_reference(const Shape& shape, double theta, Real* x);
template <class Real>
void backward_reference(const Shape& shape, double theta, Real* dx);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::rope
