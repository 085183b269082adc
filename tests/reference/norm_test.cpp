/// Norms: the definition against finite differences, and every CPU level against the definition.
#include "kernels/norm/norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <tuple>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

namespace assay::norm {
namespace {

using Vector = std::vector<double>;
enum class Kind { layernorm, rmsnorm };

Vector run_forward(Kind kind, const Shape& shape, const Vector& s, const Vector& gamma,
                   const Vector& beta) {
  Vector y(s.size());
  const ReferenceForward<double> operands{s.data(),    nullptr, gamma.data(),
                                          beta.data(), nullptr, y.data()};
  kind == Kind::layernorm ? layernorm_forward_reference(shape, operands)
                          : rmsnorm_forward_reference(shape, operands);
  return y;
}

/// d/dv of Σ y·dy at v[i], by a central difference.
double finite_difference(Vector& v, std::size_t i, const std::function<double()>& loss) {
  constexpr double kStep = 1e-5;
  const double kept = v[i];
  v[i] = kept + kStep;
  const double above = loss();
  v[i] = kept - kStep;
  const double below = loss();
  v[i] = kept;
  return (above - below) / (2.0 * kStep);
}

class NormReference : public testing::TestWithParam<Kind> {};

TEST_P(NormReference, BackwardEqualsFiniteDifferences) {
  const Shape shape{3, 7};
  auto s = normal_input<double>(11, 1, 21, 0.3);
  auto gamma = normal_input<double>(11, 2, 7, 1.0, 0.2);
  auto beta = normal_input<double>(11, 3, 7);
  const auto dy = normal_input<double>(11, 4, 21);
  const auto dsum = normal_input<double>(11, 5, 21);
  const auto loss = [&] {
    const Vector y = run_forward(GetParam(), shape, s, gamma, beta);
    double total = 0.0;
    for (std::size_t i = 0; i < y.size(); ++i) total += y[i] * dy[i] + s[i] * dsum[i];
    return total;
  };
  Vector dx(21), dgamma(7), dbeta(7);
  const ReferenceBackward<double> operands{dy.data(), s.data(),      gamma.data(), dsum.data(),
                                           dx.data(), dgamma.data(), dbeta.data()};
  GetParam() == Kind::layernorm ? layernorm_backward_reference(shape, operands)
                                : rmsnorm_backward_reference(shape, operands);
  for (std::size_t i = 0; i < s.size(); ++i) {
    EXPECT_NEAR(dx[i], finite_difference(s, i, loss), 1e-8) << i;
  }
  for (std::size_t i = 0; i < gamma.size(); ++i) {
    EXPECT_NEAR(dgamma[i], finite_difference(gamma, i, loss), 1e-8) << i;
    if (GetParam() == Kind::layernorm) {
      EXPECT_NEAR(dbeta[i], finite_difference(beta, i, loss), 1e-8) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, NormReference, testing::Values(Kind::layernorm, Kind::rmsnorm));

template <class Real>
struct Outputs {
  std::vector<Real> y, dx, dgamma, dbeta;
};

/// Runs one CPU level on a shape and compares each output with the definition by the control.
template <class T>
std::vector<Check> checks(Kind kind, const Shape& shape, CpuLevel level) {
  const std::int64_t n = shape.rows * shape.width;
  const auto x = normal_input<T>(7, 1, n, 0.5);
  const auto residual = normal_input<T>(7, 2, n);
  const auto gamma = normal_input<T>(7, 3, shape.width, 1.0, 0.1);
  const auto beta = normal_input<T>(7, 4, shape.width);
  const auto dy = normal_input<T>(7, 5, n);
  const auto dsum = normal_input<T>(7, 6, n);
  std::vector<T> sum(x.size()), y(x.size()), dx(x.size());
  std::vector<float> mean(static_cast<std::size_t>(shape.rows)), rstd(mean.size());
  std::vector<float> dgamma(gamma.size()), dbeta(gamma.size());
  const auto& kernels = kernels_for<CpuKernels<T>>(level);
  const bool layer = kind == Kind::layernorm;
  const Forward<T> forward{x.data(),   residual.data(), gamma.data(), beta.data(),
                           sum.data(), y.data(),        mean.data(),  rstd.data()};
  (layer ? kernels.layernorm_forward : kernels.rmsnorm_forward)(shape, forward);
  const Backward<T> backward{dy.data(),   sum.data(), gamma.data(),  mean.data(), rstd.data(),
                             dsum.data(), dx.data(),  dgamma.data(), dbeta.data()};
  (layer ? kernels.layernorm_backward : kernels.rmsnorm_backward)(shape, backward);

  const auto reference = [&](const auto& convert) {
    using Real = typename decltype(convert(gamma))::value_type;
    Outputs<Real> out{std::vector<Real>(y.size()), std::vector<Real>(y.size()),
                      std::vector<Real>(gamma.size()), std::vector<Real>(gamma.size())};
    // The stored sum is the operand of the backward pass, so it is also that of the definition.
    const auto s = convert(sum), g = convert(gamma), b = convert(beta), d = convert(dy),
               through = convert(dsum);
    const ReferenceForward<Real> f{s.data(), nullptr, g.data(), b.data(), nullptr, out.y.data()};
    const ReferenceBackward<Real> r{d.data(),        s.data(),      g.data(),
                                    through.data(),  out.dx.data(), out.dgamma.data(),
                                    out.dbeta.data()};
    layer ? layernorm_forward_reference(shape, f) : rmsnorm_forward_reference(shape, f);
    layer ? layernorm_backward_reference(shape, r) : rmsnorm_backward_reference(shape, r);
    return out;
  };
  const auto exact = reference(to_double<T>);
  const auto control = reference(to_single<T>);
  std::vector<Check> all{
      compare_with_control("y", to_double(y), stored_as<T>(control.y), exact.y),
      compare_with_control("dx", to_double(dx), stored_as<T>(control.dx), exact.dx),
      compare_with_control("dgamma", to_double(dgamma), stored_as<float>(control.dgamma),
                           exact.dgamma)};
  if (layer) {
    all.push_back(compare_with_control("dbeta", to_double(dbeta), stored_as<float>(control.dbeta),
                                       exact.dbeta));
  }
  return all;
}

class NormCpu : public testing::TestWithParam<std::tuple<Kind, CpuLevel>> {};

TEST_P(NormCpu, EqualsDefinitionWithinControl) {
  const auto [kind, level] = GetParam();
  for (const Shape& shape : {Shape{64, 768}, Shape{5, 333}, Shape{1, 64}, Shape{33, 3}}) {
    for (const auto& check : checks<float>(kind, shape, level)) {
      EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
    }
    for (const auto& check : checks<Bf16>(kind, shape, level)) {
      EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, NormCpu,
                         testing::Combine(testing::Values(Kind::layernorm, Kind::rmsnorm),
                                          testing::ValuesIn(supported_cpu_levels())));

}  // namespace
}  // namespace assay::norm
