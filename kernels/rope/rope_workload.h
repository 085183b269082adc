#pragma once
/// What the CPU's and CUDA's workloads of RoPE share: host buffers, the check of the output against
/// the definition, and the declaration without a back end.
#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/compare.h"
#include "kernels/inputs.h"
#include "kernels/rope/rope.h"

namespace assay::rope {

enum class Pass { forward, backward };

inline constexpr double kTheta = 10000.0;  // of the paper; models choose their own

/// Host buffers of one workload. A rotation in place can be iterated for ever: it keeps lengths.
/// What is checked is one rotation of this input.
template <class T>
struct Buffers {
  Shape shape;
  std::vector<float> table;
  std::vector<T> input;

  Buffers(const Shape& problem, std::uint64_t key)
      : shape(problem),
        table(make_table(shape.sequence, shape.head_size, kTheta)),
        input(normal_input<T>(key, 1, shape.batch * shape.sequence * shape.row_stride)) {}
};

/// Up to kSampledHeads heads of `x`, spread evenly over batch entries and heads, the first and the
/// last included: (heads, T, D).
inline constexpr std::int64_t kSampledHeads = 40;
template <class T>
std::vector<T> sampled_heads(const Shape& shape, const std::vector<T>& x) {
  const std::int64_t all = shape.batch * shape.heads;
  const std::int64_t count = std::min(all, kSampledHeads);
  std::vector<T> sample;
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int64_t pick = count == 1 ? 0 : (all - 1) * k / (count - 1);
    const std::int64_t first_row = pick / shape.heads * shape.sequence;
    const std::int64_t column = pick % shape.heads * shape.head_size;
    for (std::int64_t row = first_row; row < first_row + shape.sequence; ++row) {
      const auto head = x.begin() + row * shape.row_stride + column;
      sample.insert(sample.end(), head, head + shape.head_size);
    }
  }
  return sample;
}

/// How many elements behind the rotated heads are not as they were.
template <class T>
Check elements_touched_beyond(const Shape& shape, const std::vector<T>& input,
                              const std::vector<T>& output) {
  Check check{"elements changed behind the rotated heads", 0.0, 0.0};
  for (std::int64_t row = 0; row < shape.batch * shape.sequence; ++row) {
    for (std::int64_t i = shape.heads * shape.head_size; i < shape.row_stride; ++i) {
      const auto at = static_cast<std::size_t>(row * shape.row_stride + i);
      if (to_float(input[at]) != to_float(output[at])) check.error += 1.0;
    }
  }
  return check;
}

/// One rotation of `input` against the definition, on sampled heads; the float definition is the
/// control.
template <class T>
std::vector<Check> checks(Pass pass, const Shape& shape, const std::vector<T>& input,
                          const std::vector<T>& output) {
  const std::vector<T> before = sampled_heads(shape, input);
  const std::int64_t heads = std::min(shape.batch * shape.heads, kSampledHeads);
  const Shape sample{heads, shape.sequence, 1, shape.head_size, shape.head_size};
  const auto reference = [&](auto x) {
    pass == Pass::forward ? forward_reference(sample, kTheta, x.data())
                          : backward_reference(sample, kTheta, x.data());
    return x;
  };
  return {compare_with_control("x", to_double(sampled_heads(shape, output)),
                               stored_as<T>(reference(to_single(before))),
                               reference(to_double(before))),
          elements_touched_beyond(shape, input, output)};
}

/// The workload of that problem, with no back end yet.
inline Workload declare(Pass pass, const Shape& shape, Precision precision) {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  const auto tokens = static_cast<std::uint64_t>(shape.batch * shape.sequence);
  const auto rotated = static_cast<std::uint64_t>(shape.heads * shape.head_size);
  Workload w;
  w.family = "rope";
  w.operation = pass == Pass::forward ? "rope_forward" : "rope_backward";
  w.problem = {{"batch", shape.batch},
               {"sequence", shape.sequence},
               {"heads", shape.heads},
               {"head_size", shape.head_size}};
  w.precision = precision;
  w.flops = 3 * tokens * rotated;
  w.bytes = 2 * tokens * rotated * element +
            4 * static_cast<std::uint64_t>(shape.sequence * shape.head_size);
  w.tokens = tokens;
  w.inputs = "normal(0, 1) by Philox";
  return named(std::move(w));
}

/// The CPU workload of that problem.
[[nodiscard]] Workload cpu_workload(Pass pass, const Shape& shape, Precision precision);
/// The CUDA workload of that problem, in BF16.
[[nodiscard]] Workload cuda_workload(Pass pass, const Shape& shape);

}  // namespace assay::rope
