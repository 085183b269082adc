#pragma once
/// Token and position embedding. Forward: x[b,t] = tokens' row of wte (+ row t of wpe). Backward
/// adds rows of dx to the gradients; it is deterministic: each vocabulary row is summed in the
/// order of the tokens, whatever the number of threads.
#include <cstdint>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/workload.h"

namespace assay::embedding {

struct Shape {
  std::int64_t batch = 0;
  std::int64_t sequence = 0;
  std::int64_t width = 0;
  std::int64_t vocabulary = 0;
};

template <class T>
struct CpuKernels {
  /// tokens: (B, T); wte: (V, C); wpe: (T, C) or null; x: (B, T, C).
  void (*forward)(const Shape&, const std::int32_t* tokens, const T* wte, const T* wpe, T* x);
  /// dx: (B, T, C); dwte: (V, C) and dwpe: (T, C) or null are added to.
  void (*backward)(const Shape&, const std::int32_t* tokens, const T* dx, float* dwte, float* dwpe);
};

template <class Real>
void forward_reference(const Shape& shape, const std::int32_t* tokens, const Real* wte,
                       const Real* wpe, Real* x);
template <class Real>
void backward_reference(const Shape& shape, const std::int32_t* tokens, const Real* dx, Real* dwte,
                        Real* dwpe);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::embedding
