#pragma once
/// One problem of the norms with its inputs, and the check of whatever computed it against the
/// definition: CPU levels (norm_test.cpp) and CUDA kernels (ptx/norm_cuda_test.cpp) alike.
#include <vector>

#include "kernels/norm/norm_workload.h"

namespace assay::norm {

template <class T>
struct Case {
  Kind kind;
  Shape shape;
  std::vector<T> x, residual, gamma, beta, dy, dsum;

  Case(Kind which, const Shape& problem)
      : kind(which),
        shape(problem),
        x(normal_input<T>(7, 1, shape.rows * shape.width, 0.5)),
        residual(normal_input<T>(7, 2, shape.rows * shape.width)),
        gamma(normal_input<T>(7, 3, shape.width, 1.0, 0.1)),
        beta(normal_input<T>(7, 4, shape.width)),
        dy(normal_input<T>(7, 5, shape.rows * shape.width)),
        dsum(normal_input<T>(7, 6, shape.rows * shape.width)) {}
};

template <class T>
struct Outputs {
  std::vector<T> sum, y, dx;
  std::vector<float> dgamma, dbeta;
};

template <class Real>
struct Defined {
  std::vector<Real> y, dx, dgamma, dbeta;
};

/// The definition's outputs. The stored sum is an operand of the backward pass, so it is also that
/// of the definition. `convert` widens inputs to Real.
template <class T, class Convert>
auto defined(const Case<T>& c, const std::vector<T>& sum, const Convert& convert) {
  using Real = typename decltype(convert(c.gamma))::value_type;
  Defined<Real> out{std::vector<Real>(sum.size()), std::vector<Real>(sum.size()),
                    std::vector<Real>(c.gamma.size()), std::vector<Real>(c.gamma.size())};
  const auto s = convert(sum), g = convert(c.gamma), b = convert(c.beta), d = convert(c.dy),
             through = convert(c.dsum);
  const ReferenceForward<Real> f{s.data(), nullptr, g.data(), b.data(), nullptr, out.y.data()};
  const ReferenceBackward<Real> r{d.data(),      s.data(),          g.data(),        through.data(),
                                  out.dx.data(), out.dgamma.data(), out.dbeta.data()};
  const bool layer = c.kind == Kind::layernorm;
  layer ? layernorm_forward_reference(c.shape, f) : rmsnorm_forward_reference(c.shape, f);
  layer ? layernorm_backward_reference(c.shape, r) : rmsnorm_backward_reference(c.shape, r);
  return out;
}

template <class T>
std::vector<Check> checks(const Case<T>& c, const Outputs<T>& output) {
  const auto exact = defined(c, output.sum, to_double<T>);
  const auto control = defined(c, output.sum, to_single<T>);
  std::vector<float> sum = to_single(c.x);
  std::vector<double> exact_sum = to_double(c.x);
  for (std::size_t i = 0; i < sum.size(); ++i) {
    sum[i] += to_float(c.residual[i]);
    exact_sum[i] += static_cast<double>(to_float(c.residual[i]));
  }
  std::vector<Check> all{
      compare_with_control("sum", to_double(output.sum), stored_as<T>(sum), exact_sum),
      compare_with_control("y", to_double(output.y), stored_as<T>(control.y), exact.y),
      compare_with_control("dx", to_double(output.dx), stored_as<T>(control.dx), exact.dx),
      compare_with_control("dgamma", to_double(output.dgamma), stored_as<float>(control.dgamma),
                           exact.dgamma)};
  if (c.kind == Kind::layernorm) {
    all.push_back(compare_with_control("dbeta", to_double(output.dbeta),
                                       stored_as<float>(control.dbeta), exact.dbeta));
  }
  return all;
}

}  // namespace assay::norm
