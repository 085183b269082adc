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

/// Each eighth row is quiet: x, residual and dy are so much smaller there that epsilon is a good
/// part of the variance, or no output, least of all in BF16, would tell a wrong one. dy too, so
/// that dx is of one size in all rows and its tolerance as narrow.
inline constexpr std::int64_t kQuietRowEvery = 8;
inline constexpr float kQuiet = 0x1p-8F;

template <class T>
void quieten_rows(std::vector<T>& values, const Shape& shape) {
  for (std::int64_t row = kQuietRowEvery - 1; row < shape.rows; row += kQuietRowEvery) {
    for (std::int64_t i = row * shape.width; i < (row + 1) * shape.width; ++i) {
      T& value = values[static_cast<std::size_t>(i)];
      value = from_float<T>(kQuiet * to_float(value));
    }
  }
}

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
    for (std::vector<T>* values : {&x, &residual, &dy}) quieten_rows(*values, shape);
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

/// y of the stored sum, which is what the kernels norm.
template <class Real>
std::vector<Real> reference_forward(Kind kind, const Shape& shape, const std::vector<Real>& sum,
                                    const std::vector<Real>& gamma, const std::vector<Real>& beta) {
  std::vector<Real> y(sum.size());
  const ReferenceForward<Real> operands{sum.data(),  nullptr, gamma.data(),
                                        beta.data(), nullptr, y.data()};
  kind == Kind::layernorm ? layernorm_forward_reference(shape, operands)
                          : rmsnorm_forward_reference(shape, operands);
  return y;
}

template <class Real>
std::vector<Real> added(std::vector<Real> x, const std::vector<Real>& residual) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] += residual[i];
  return x;
}

template <class Real>
struct GradientsOf {
  std::vector<Real> dx, dgamma, dbeta;
};

template <class Real>
GradientsOf<Real> reference_backward(Kind kind, const Shape& shape, const std::vector<Real>& dy,
                                     const std::vector<Real>& sum, const std::vector<Real>& gamma) {
  GradientsOf<Real> d{std::vector<Real>(dy.size()), std::vector<Real>(gamma.size()),
                      std::vector<Real>(gamma.size())};
  const ReferenceBackward<Real> operands{dy.data(),   sum.data(),      gamma.data(),  nullptr,
                                         d.dx.data(), d.dgamma.data(), d.dbeta.data()};
  kind == Kind::layernorm ? layernorm_backward_reference(shape, operands)
                          : rmsnorm_backward_reference(shape, operands);
  return d;
}

/// The outputs in the buffers against the definition, with the float definition as control.
template <class T>
std::vector<Check> verify(Kind kind, Pass pass, const Buffers<T>& b) {
  if (pass == Pass::forward) {
    const auto run = [&](const auto& convert) {
      return reference_forward(kind, b.shape, convert(b.sum), convert(b.gamma), convert(b.beta));
    };
    return {compare_with_control("sum", to_double(b.sum),
                                 stored_as<T>(added(to_single(b.x), to_single(b.residual))),
                                 added(to_double(b.x), to_double(b.residual))),
            compare_with_control("y", to_double(b.y), stored_as<T>(run(to_single<T>)),
                                 run(to_double<T>))};
  }
  const auto run = [&](const auto& convert) {
    return reference_backward(kind, b.shape, convert(b.dy), convert(b.sum), convert(b.gamma));
  };
  return {compare_with_control("dx", to_double(b.dx), stored_as<T>(run(to_single<T>).dx),
                               run(to_double<T>).dx)};
}

/// The parameters' gradients of one backward pass that began with zeros, likewise.
template <class T>
std::vector<Check> verify_parameters(Kind kind, const Buffers<T>& b) {
  const auto run = [&](const auto& convert) {
    return reference_backward(kind, b.shape, convert(b.dy), convert(b.sum), convert(b.gamma));
  };
  const auto exact = run(to_double<T>);
  const auto control = run(to_single<T>);
  std::vector<Check> all{compare_with_control("dgamma", to_double(b.dgamma),
                                              stored_as<float>(control.dgamma), exact.dgamma)};
  if (kind == Kind::layernorm) {
    all.push_back(compare_with_control("dbeta", to_double(b.dbeta), stored_as<float>(control.dbeta),
                                       exact.dbeta));
  }
  return all;
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
  w.inputs =
      "normal(0, 1) by Philox, each eighth row by 2^-8, where epsilon counts; gamma normal(1, "
      "0.1), beta normal(0, 0.1)";
  return named(std::move(w));
}

/// The CPU workload of that problem.
[[nodiscard]] Workload cpu_workload(Kind kind, Pass pass, const Shape& shape, Precision precision);
/// The CUDA workload of that problem, in BF16.
[[nodiscard]] Workload cuda_workload(Kind kind, Pass pass, const Shape& shape);

}  // namespace assay::norm
