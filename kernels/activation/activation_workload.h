#pragma once
/// What the CPU's and CUDA's workloads of the activations share: host buffers, the check of the
/// output against the definition, and the declaration without a back end.
#include <utility>
#include <vector>

#include "kernels/activation/activation.h"
#include "kernels/compare.h"
#include "kernels/inputs.h"
#include "kernels/sampled_rows.h"

namespace assay::activation {

enum class Operation { gelu_forward, gelu_backward, swiglu_forward, swiglu_backward };

constexpr bool is_gelu(Operation operation) {
  return operation == Operation::gelu_forward || operation == Operation::gelu_backward;
}
constexpr bool is_forward(Operation operation) {
  return operation == Operation::gelu_forward || operation == Operation::swiglu_forward;
}

struct Shape {
  std::int64_t rows = 0;
  std::int64_t width = 0;
};

/// Host buffers of one workload.
template <class T>
struct Buffers {
  std::vector<T> input;   ///< x, or gate_up
  std::vector<T> dy;      ///< backward only
  std::vector<T> output;  ///< y, dx or dgate_up

  Buffers(Operation operation, const Shape& shape, std::uint64_t key)
      : input(normal_input<T>(key, 1, (is_gelu(operation) ? 1 : 2) * shape.rows * shape.width)) {
    const std::int64_t n = shape.rows * shape.width;
    if (!is_forward(operation)) dy = normal_input<T>(key, 2, n);
    output.resize(is_forward(operation) ? static_cast<std::size_t>(n) : input.size());
  }
};

template <class Real>
std::vector<Real> reference(Operation operation, const Shape& shape, const std::vector<Real>& input,
                            const std::vector<Real>& dy) {
  const std::int64_t n = shape.rows * shape.width;
  std::vector<Real> output(is_forward(operation) ? static_cast<std::size_t>(n) : input.size());
  switch (operation) {
    case Operation::gelu_forward:
      gelu_forward_reference(n, input.data(), output.data());
      break;
    case Operation::gelu_backward:
      gelu_backward_reference(n, input.data(), dy.data(), output.data());
      break;
    case Operation::swiglu_forward:
      swiglu_forward_reference(shape.rows, shape.width, input.data(), output.data());
      break;
    case Operation::swiglu_backward:
      swiglu_backward_reference(shape.rows, shape.width, input.data(), dy.data(), output.data());
      break;
  }
  return output;
}

/// Sampled rows of the output in the buffers against the definition, the float definition as
/// control.
template <class T>
std::vector<Check> verify(Operation operation, const Shape& shape, const Buffers<T>& b) {
  const std::int64_t halves = is_gelu(operation) ? 1 : 2;
  const Shape few{sampled_row_count(shape.rows), shape.width};
  const auto input = sampled_rows(b.input, shape.rows, halves * shape.width);
  const auto dy = is_forward(operation) ? b.dy : sampled_rows(b.dy, shape.rows, shape.width);
  const auto output =
      sampled_rows(b.output, shape.rows, (is_forward(operation) ? 1 : halves) * shape.width);
  const auto run = [&](const auto& convert) {
    return reference(operation, few, convert(input), convert(dy));
  };
  return {compare_with_control(is_forward(operation) ? "y" : "dx", to_double(output),
                               stored_as<T>(run(to_single<T>)), run(to_double<T>))};
}

/// The workload of that problem, with no back end yet.
inline Workload declare(Operation operation, const Shape& shape, Precision precision) {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  const auto n = static_cast<std::uint64_t>(shape.rows * shape.width);
  Workload w;
  w.family = "activation";
  w.precision = precision;
  w.problem = {{"rows", shape.rows}, {"width", shape.width}};
  switch (operation) {
    case Operation::gelu_forward:
      w.operation = "gelu_forward";
      w.flops = 9 * n;
      w.bytes = 2 * n * element;
      break;
    case Operation::gelu_backward:
      w.operation = "gelu_backward";
      w.flops = 18 * n;
      w.bytes = 3 * n * element;
      break;
    case Operation::swiglu_forward:
      w.operation = "swiglu_forward";
      w.flops = 3 * n;
      w.bytes = 3 * n * element;
      break;
    case Operation::swiglu_backward:
      w.operation = "swiglu_backward";
      w.flops = 8 * n;
      w.bytes = 5 * n * element;
      break;
  }
  w.inputs = "normal(0, 1) by Philox";
  return named(std::move(w));
}

/// The CPU workload of that problem.
[[nodiscard]] Workload cpu_workload(Operation operation, const Shape& shape, Precision precision);
/// The CUDA workload of that problem, in BF16.
[[nodiscard]] Workload cuda_workload(Operation operation, const Shape& shape);

}  // namespace assay::activation
