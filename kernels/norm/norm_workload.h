#pragma once
/// What the CPU's and CUDA's workloads of the norms share: host buffers, the check of the output
/// against the definition, and the declaration without a back end.
#include <string>
#include <utility>
#include <vector>

#include "kernels/compare.h"
#include "kernels/inputs.h"
#include "kernels/norm/norm.h"

namespace assay::norm {

enum class Kind { layernorm, rmsnorm };
enum class Pass { forward, backward };

/// Host buffers of one norm workload.
template <class T>
struct Buffers {
  Shape shape;
  std::vector<T> x, residual, gamma, beta, dy, sum, y, dx;
  std::vector<float> mean, rstd, dgamma, dbeta;

  Buffers(const Shape& problem, std::uint64_t key) : shape(problem) {
    const std::int64_t n = shape.rows * shape.width;
    x = normal_input<T>(key, 1, n);
    residual = normal_input<T>(key, 2, n);
    gamma = normal_input<T>(key, 3, shape.width, 1.0, 0.1);
    beta = normal_input<T>(key, 4, shape.width, 0.0, 0.1);
    dy = normal_input<T>(key, 5, n);
    sum.resize(x.size());
    y.resize(x.size());
    dx.resize(x.size());
    mean.resize(static_cast<std::size_t>(shape.rows));
    rstd.resize(static_cast<std::size_t>(shape.rows));
    dgamma.resize(gamma.size());
    dbeta.resize(gamma.size());
  }

  [[nodiscard]] Forward<T> forward() {
    return {x.data(),   residual.data(), gamma.data(), beta.data(),
            sum.data(), y.data(),        mean.data(),  rstd.data()};
  }
  [[nodiscard]] Backward<T> backward() {
    return {dy.data(), sum.data(), gamma.data(),  mean.data(), rstd.data(),
            nullptr,   dx.data(),  dgamma.data(), dbeta.data()};
  }
};

template <class Real>
std::vector<Real> reference_forward(Kind kind, const Shape& shape, const std::vector<Real>& x,
                                    const std::vector<Real>& residual,
                                    const std::vector<Real>& gamma, const std::vector<Real>& beta) {
  std::vector<Real> sum(x.size());
  std::vector<Real> y(x.size());
  const ReferenceForward<Real> operands{x.data(),    residual.data(), gamma.data(),
                                        beta.data(), sum.data(),      y.data()};
  kind == Kind::layernorm ? layernorm_forward_reference(shape, operands)
                          : rmsnorm_forward_reference(shape, operands);
  return y;
}

template <class Real>
std::vector<Real> reference_backward(Kind kind, const Shape& shape, const std::vector<Real>& dy,
                                     const std::vector<Real>& sum, const std::vector<Real>& gamma) {
  std::vector<Real> dx(dy.size());
  std::vector<Real> dgamma(gamma.size());
  std::vector<Real> dbeta(gamma.size());
  const ReferenceBackward<Real> operands{dy.data(), sum.data(),    gamma.data(), nullptr,
                                         dx.data(), dgamma.data(), dbeta.data()};
  kind == Kind::layernorm ? layernorm_backward_reference(shape, operands)
                          : rmsnorm_backward_reference(shape, operands);
  return dx;
}

/// The outputs in the buffers against the definition, with the float definition as control.
template <class T>
std::vector<Check> verify(Kind kind, Pass pass, const Buffers<T>& b) {
  if (pass == Pass::forward) {
    const auto run = [&](const auto& convert) {
      return reference_forward(kind, b.shape, convert(b.x), convert(b.residual), convert(b.gamma),
                               convert(b.beta));
    };
    return {compare_with_control("y", to_double(b.y), stored_as<T>(run(to_single<T>)),
                                 run(to_double<T>))};
  }
  const auto run = [&](const auto& convert) {
    return reference_backward(kind, b.shape, convert(b.dy), convert(b.sum), convert(b.gamma));
  };
  return {compare_with_control("dx", to_double(b.dx), stored_as<T>(run(to_single<T>)),
                               run(to_double<T>))};
}

/// The workload of that problem, with no back end yet.
inline Workload declare(Kind kind, Pass pass, const Shape& shape, Precision precision) {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  const auto rows = static_cast<std::uint64_t>(shape.rows);
  const auto width = static_cast<std::uint64_t>(shape.width);
  const std::uint64_t statistics = (kind == Kind::layernorm ? 8 : 4) * rows;
  const std::uint64_t affine = kind == Kind::layernorm ? 2 : 1;
  const bool forward = pass == Pass::forward;
  Workload w;
  w.family = "norm";
  w.operation = std::string(kind == Kind::layernorm ? "layernorm" : "rmsnorm") +
                (forward ? "_residual_forward" : "_backward");
  w.problem = {{"rows", shape.rows}, {"width", shape.width}};
  w.precision = precision;
  const std::uint64_t per_element =
      kind == Kind::layernorm ? (forward ? 9 : 14) : (forward ? 6 : 10);
  w.flops = per_element * rows * width;
  w.bytes = forward
                ? 4 * rows * width * element + affine * width * element + statistics
                : 3 * rows * width * element + width * element + statistics + affine * width * 4;
  w.inputs = "normal(0, 1) by Philox; gamma normal(1, 0.1), beta normal(0, 0.1)";
  return named(std::move(w));
}

/// The CUDA workload of that problem, in BF16.
[[nodiscard]] Workload cuda_workload(Kind kind, Pass pass, const Shape& shape);

}  // namespace assay::norm
/// The CPU workload of that problem.
[[nodiscard]] Workload cpu_workload(Kind kind, Pass pass, const Shape& shape, Precision precision);
