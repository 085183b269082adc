#pragma once
/// Fused softmax and cross-entropy, forward and backward in one pass over the logits.
///
///   loss_r = ln Σ_v exp(z_rv) - z_r,target,   dz_rv = scale · (softmax(z_r)_v - [v = target])
#include <cstdint>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/workload.h"

namespace assay::cross_entropy {

struct Shape {
  std::int64_t rows = 0;
  std::int64_t vocabulary = 0;
  std::int64_t row_stride = 0;  ///< elements between rows of logits, >= vocabulary
};

template <class T>
struct CpuKernels {
  /// logits: (rows, row_stride), replaced by their gradients (padding columns by zeros);
  /// targets: (rows); losses: (rows), nats.
  void (*forward_backward)(const Shape&, const std::int32_t* targets, float scale, T* logits,
                           float* losses);
};

template <class Real>
void forward_backward_reference(const Shape& shape, const std::int32_t* targets, Real scale,
                                Real* logits, Real* losses);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::cross_entropy
