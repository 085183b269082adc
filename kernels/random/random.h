#pragma once
/// Philox fills: normal(mean, deviation) by Box-Muller and integers uniform in [low, high].
/// Element i depends on (key, stream, i) alone: block i/4, word i%4 (base/philox.h).
#include <cstdint>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/workload.h"

namespace assay::random {

struct Draw {
  std::uint64_t key = 0;
  std::uint64_t stream = 0;
};

template <class T>
struct CpuKernels {
  void (*normal)(const Draw&, float mean, float deviation, std::int64_t n, T* out);
};
struct CpuIntegerKernels {
  void (*integers)(const Draw&, std::int32_t low, std::int32_t high, std::int64_t n,
                   std::int32_t* out);
};

template <class Real>
void normal_reference(const Draw& draw, Real mean, Real deviation, std::int64_t n, Real* out);
void integers_reference(const Draw& draw, std::int32_t low, std::int32_t high, std::int64_t n,
                        std::int32_t* out);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::random
