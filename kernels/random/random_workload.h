#pragma once
/// What the CPU's and CUDA's workloads of the fills share: the checks of the output against the
/// definition, and the declarations without a back end.
#include <utility>
#include <vector>

#include "kernels/compare.h"
#include "kernels/inputs.h"
#include "kernels/random/random.h"

namespace assay::random {

// Integers that products hold exactly in BF16 and FP32.
inline constexpr std::int32_t kLow = -255;
inline constexpr std::int32_t kHigh = 255;

/// Calls visit(first, count) for the stretches of n elements that are checked: all of them, or
/// sixteen long ones, ends included.
template <class Visit>
void for_each_checked(std::int64_t n, const Visit& visit) {
  constexpr std::int64_t kStretch = 65536;
  constexpr std::int64_t kStretches = 16;
  if (n <= kStretch * kStretches) return visit(std::int64_t{0}, n);
  for (std::int64_t k = 0; k < kStretches; ++k) {
    visit((n - kStretch) * k / (kStretches - 1), kStretch);
  }
}

/// Normals drawn by `draw` against the definition, with the float definition as control.
template <class T>
Check normal_check(const Draw& draw, float mean, float deviation, const std::vector<T>& out) {
  std::vector<T> drawn;
  std::vector<double> exact;
  std::vector<float> control;
  for_each_checked(static_cast<std::int64_t>(out.size()), [&](std::int64_t first, auto count) {
    const std::size_t done = drawn.size();
    drawn.insert(drawn.end(), out.begin() + first, out.begin() + first + count);
    exact.resize(drawn.size());
    control.resize(drawn.size());
    normal_reference(draw, static_cast<double>(mean), static_cast<double>(deviation), first, count,
                     exact.data() + done);
    normal_reference(draw, mean, deviation, first, count, control.data() + done);
  });
  return compare_with_control("normal", to_double(drawn), stored_as<T>(control), exact);
}

inline Check integers_check(const Draw& draw, std::int32_t low, std::int32_t high,
                            const std::vector<std::int32_t>& out) {
  Check check{"integers that differ from the definition", 0.0, 0.0};
  for_each_checked(static_cast<std::int64_t>(out.size()), [&](std::int64_t first, auto count) {
    std::vector<std::int32_t> exact(static_cast<std::size_t>(count));
    integers_reference(draw, low, high, first, count, exact.data());
    for (std::int64_t i = 0; i < count; ++i) {
      const bool differs =
          out[static_cast<std::size_t>(first + i)] != exact[static_cast<std::size_t>(i)];
      check.error += differs ? 1.0 : 0.0;
    }
  });
  return check;
}

/// The workloads of n elements, with no back end yet.
inline Workload declare_normal(std::int64_t n, Precision precision) {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  Workload w;
  w.family = "random";
  w.operation = "normal";
  w.problem = {{"n", n}};
  w.precision = precision;
  w.flops = 8 * static_cast<std::uint64_t>(n);
  w.bytes = element * static_cast<std::uint64_t>(n);
  w.inputs = "Philox keyed by the run, another stream each iteration";
  return named(std::move(w));
}

inline Workload declare_integers(std::int64_t n) {
  Workload w;
  w.family = "random";
  w.operation = "integers";
  w.problem = {{"n", n}};
  w.bytes = 4 * static_cast<std::uint64_t>(n);
  w.inputs = "Philox keyed by the run, another stream each iteration; 32-bit, in [-255, 255]";
  return named(std::move(w));
}

/// The CUDA workloads of n elements.
[[nodiscard]] Workload cuda_normal_workload(std::int64_t n, Precision precision);
[[nodiscard]] Workload cuda_integers_workload(std::int64_t n);

}  // namespace assay::random
