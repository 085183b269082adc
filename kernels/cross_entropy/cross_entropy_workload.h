#pragma once
/// What the CPU's and CUDA's workloads of the cross-entropy share: host buffers, the check of the
/// output against the definition, and the declaration without a back end.
#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/compare.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/inputs.h"

namespace assay::cross_entropy {

/// Inputs of one workload. The kernels work in place, so later iterations start from gradients: the
/// same work on other values. What is checked is a run on the first rows of the first input.
template <class T>
struct Buffers {
  static constexpr std::int64_t kCheckedRows = 16;

  Shape shape;
  std::vector<T> logits;
  std::vector<std::int32_t> targets;
  std::vector<float> losses;

  Buffers(const Shape& problem, std::uint64_t key)
      : shape(problem),
        logits(normal_input<T>(key, 1, shape.rows * shape.row_stride, 0.0, 2.0)),
        targets(integer_input(key, 2, shape.rows, static_cast<std::int32_t>(shape.vocabulary))),
        losses(static_cast<std::size_t>(shape.rows)) {}

  /// Of the mean over all rows.
  [[nodiscard]] float scale() const { return 1.0F / static_cast<float>(shape.rows); }

  /// The problem of the checked rows.
  [[nodiscard]] Buffers checked() const {
    Buffers few = *this;
    few.shape.rows = std::min(kCheckedRows, shape.rows);
    const auto rows = static_cast<std::size_t>(few.shape.rows);
    few.logits.resize(rows * static_cast<std::size_t>(shape.row_stride));
    few.targets.resize(rows);
    few.losses.resize(rows);
    return few;
  }
};

/// Gradients and losses of the given logits against the definition, the float definition as
/// control.
template <class T>
std::vector<Check> checks(const Shape& shape, const std::vector<std::int32_t>& targets, float scale,
                          const std::vector<T>& logits, const std::vector<T>& gradients,
                          const std::vector<float>& losses) {
  const auto reference = [&](auto z) {
    using Real = typename decltype(z)::value_type;
    std::vector<Real> loss(losses.size());
    forward_backward_reference(shape, targets.data(), static_cast<Real>(scale), z.data(),
                               loss.data());
    return std::pair(std::move(z), std::move(loss));
  };
  const auto exact = reference(to_double(logits));
  const auto control = reference(to_single(logits));
  return {compare_with_control("dlogits", to_double(gradients), stored_as<T>(control.first),
                               exact.first),
          compare_with_control("loss", to_double(losses), stored_as<float>(control.second),
                               exact.second)};
}

/// The workload of that problem, with no back end yet.
inline Workload declare(const Shape& shape, Precision precision) {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  const auto rows = static_cast<std::uint64_t>(shape.rows);
  const auto vocabulary = static_cast<std::uint64_t>(shape.vocabulary);
  const auto padding = static_cast<std::uint64_t>(shape.row_stride - shape.vocabulary);
  Workload w;
  w.family = "cross_entropy";
  w.operation = "softmax_cross_entropy_forward_backward";
  w.problem = {{"rows", shape.rows}, {"vocabulary", shape.vocabulary}};
  w.precision = precision;
  w.flops = 6 * rows * vocabulary;
  w.bytes = rows * ((2 * vocabulary + padding) * element + 4 + 4);
  w.tokens = rows;
  w.inputs = "normal(0, 2) by Philox; targets uniform";
  return named(std::move(w));
}

/// The CPU workload of that problem.
[[nodiscard]] Workload cpu_workload(const Shape& shape, Precision precision);
/// The CUDA workload of that problem, in BF16.
[[nodiscard]] Workload cuda_workload(const Shape& shape);

}  // namespace assay::cross_entropy
