#pragma once
/// What the CPU's and CUDA's workloads of copy and triad share: inputs, the check of the output
/// against the definition, and the declaration without a back end.
#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/inputs.h"
#include "kernels/stream/stream.h"

namespace assay::stream {

enum class Operation { copy, triad };

inline constexpr double kScale = 3.0;

/// Elements of one array on CUDA: 512 MiB, four times the largest second-level cache there is (126
/// MB, a B200's), so the problem is the same on every device.
inline constexpr std::int64_t kCudaElements = std::int64_t{1} << 26;

/// Inputs: b[i] = ramp(seed, i), c[i] = ramp(c_seed(seed), i). They and the scale are such that
/// every triad is exact, fused or not.
constexpr double ramp(double seed, std::int64_t i) {
  return seed + static_cast<double>(i % 1021);
}
constexpr double c_seed(double seed) {
  return seed + 1.0;
}
inline double drawn_seed(const InputKey& key) {
  return static_cast<double>(integer_input(key.key, 1, 1, 1 << 20)[0]);
}

/// How many of a's n elements differ from the definition, recomputed a stretch at a time.
inline Check elements_that_differ(Operation operation, std::int64_t n, double seed,
                                  const double* a) {
  constexpr std::int64_t kStretch = 4096;
  std::vector<double> b(kStretch), c(kStretch), exact(kStretch);
  Check check{"elements that differ from the definition", 0.0, 0.0};
  for (std::int64_t first = 0; first < n; first += kStretch) {
    const std::int64_t count = std::min(kStretch, n - first);
    for (std::int64_t i = 0; i < count; ++i) {
      b[static_cast<std::size_t>(i)] = ramp(seed, first + i);
      c[static_cast<std::size_t>(i)] = ramp(c_seed(seed), first + i);
    }
    operation == Operation::triad ? triad_reference(count, kScale, b.data(), c.data(), exact.data())
                                  : copy_reference(count, b.data(), exact.data());
    for (std::int64_t i = 0; i < count; ++i) {
      const bool equal = a[first + i] == exact[static_cast<std::size_t>(i)];
      if (!equal) check.error += 1.0;
    }
  }
  return check;
}

/// The workload of that problem, with no back end yet.
inline Workload declare(Operation operation, std::int64_t n) {
  const bool triad = operation == Operation::triad;
  Workload w;
  w.family = "stream";
  w.operation = triad ? "triad" : "copy";
  w.problem = {{"n", n}};
  w.precision = Precision::fp64;
  w.flops = triad ? 2 * static_cast<std::uint64_t>(n) : 0;
  w.bytes = (triad ? 24 : 16) * static_cast<std::uint64_t>(n);
  w.inputs = "integers in a ramp of 1021 from a start drawn by the key";
  return named(std::move(w));
}

/// The CUDA workload of that problem.
[[nodiscard]] Workload cuda_workload(Operation operation, std::int64_t n);

}  // namespace assay::stream
