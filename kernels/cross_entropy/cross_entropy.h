#pragma once
/// Fused softmax and cross-entropy, forward and backward in one pass over the logits.
///
///   loss_r = ln Σ_v exp(z_rv) - z_r,target,   dz_rv = scale · (softmax(z_r)_v - [v = target])
///
/// Source: the softmax of C. M. Bishop, Pattern Recognition and Machine Learning, eq. 4.104 with
/// the gradient of eq. 4.109; the running maximum of M. Milakov and N. Gimelshein, arXiv
/// 1805.02867, algorithm 3.
///
/// FLOPs, counted per logit: 6 (comparison, subtraction, exponential, sum; the gradient's product,
/// and its share of the rescaling). Memory-bound: only the bytes matter. Bytes: each logit read
/// once and its gradient written once, targets read, losses written.
///
/// On CUDA: kernels/cross_entropy/cross_entropy_cuda.h.
/// Decomposition on a CPU, as a ladder:
///   1. Softmax, then loss, then gradient as kernels of their own read and write the logits seven
///      times. Here the gradient replaces the logits in place.
///   2. Maximum, sum and gradient in a row's own sweeps are three. A running maximum joins the
///      first two: a row is cut into chunks that stay in the first-level cache; each chunk is
///      searched for its maximum and then summed, and only a chunk that raises the maximum
///      rescales the sum. Two sweeps remain, and a row of 128,256 logits is still in the
///      second-level cache for the second one.
///   3. Rows in a parallel loop; inside, vectors as wide as the level has. A row's sums have a
///      fixed order, so results do not depend on the number of threads.
#include <cstdint>
#include <vector>

#include "kernels/cross_entropy/operands.h"
#include "kernels/workload.h"

namespace assay::cross_entropy {

/// The CPU kernels of one instruction-set level: kernels_for<CpuKernels<T>>(level).
template <class T>
struct CpuKernels {
  /// logits: (rows, row_stride), replaced by their gradients (padding columns by zeros);
  /// targets: (rows), each in [0, vocabulary); losses: (rows), nats.
  void (*forward_backward)(const Shape&, const std::int32_t* targets, float scale, T* logits,
                           float* losses);
};

/// The definition: loops that read like the math above. Real = double is the definition, Real =
/// float the control from which tolerances are derived (kernels/compare.h).
template <class Real>
void forward_backward_reference(const Shape& shape, const std::int32_t* targets, Real scale,
                                Real* logits, Real* losses);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::cross_entropy
