#pragma once
/// Bias gradient: dbias += Σ_rows dy. (The forward addition is fused into the products.)
#include <cstdint>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/workload.h"

namespace assay::bias {

template <class T>
struct CpuKernels {
  /// dy: (rows, width); dbias: (width), added to. Independent of the number of threads.
  void (*backward)(std::int64_t rows, std::int64_t width, const T* dy, float* dbias);
};

template <class Real>
void backward_reference(std::int64_t rows, std::int64_t width, const Real* dy, Real* dbias);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::bias
