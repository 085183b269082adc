#pragma once
/// Bias gradient: dbias[i] += Σ_rows dy[row, i]. (The forward addition is fused into the products.)
/// It is the chain rule for y = x·W + b.
///
/// FLOPs: rows·width. Bytes: dy once, dbias read and written.
///
/// On CUDA: kernels/bias/bias_cuda.h.
/// Decomposition on a CPU: rows are cut into chunks of a fixed number, each summed in the order of
/// memory into a partial row that stays in the first-level cache; then each column is summed over
/// the chunks in order. The cut does not depend on the number of threads, so neither do the bits.
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
