/// Norms: the definition against finite differences, and every CPU level against the definition.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <tuple>

#include "kernels/cpu/kernels_at.h"
#include "reference/norm_case.h"

namespace assay::norm {
namespace {

using Vector = std::vector<double>;

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

/// Runs one CPU level on a case.
template <class T>
Outputs<T> run(const Case<T>& c, CpuLevel level) {
  const auto rows = static_cast<std::size_t>(c.shape.rows);
  const auto width = static_cast<std::size_t>(c.shape.width);
  Outputs<T> out{std::vector<T>(rows * width), std::vector<T>(rows * width),
                 std::vector<T>(rows * width), std::vector<float>(width),
                 std::vector<float>(width)};
  std::vector<float> mean(rows), rstd(rows);
  const auto& kernels = kernels_for<CpuKernels<T>>(level);
  const bool layer = c.kind == Kind::layernorm;
  const Forward<T> forward{c.x.data(),     c.residual.data(), c.gamma.data(), c.beta.data(),
                           out.sum.data(), out.y.data(),      mean.data(),    rstd.data()};
  (layer ? kernels.layernorm_forward : kernels.rmsnorm_forward)(c.shape, forward);
  const Backward<T> backward{c.dy.data(),   out.sum.data(),    c.gamma.data(),
                             mean.data(),   rstd.data(),       c.dsum.data(),
                             out.dx.data(), out.dgamma.data(), out.dbeta.data()};
  (layer ? kernels.layernorm_backward : kernels.rmsnorm_backward)(c.shape, backward);
  return out;
}

template <class T>
void expect_definition(Kind kind, const Shape& shape, CpuLevel level) {
  const Case<T> c(kind, shape);
  for (const auto& check : checks(c, run(c, level))) {
    EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
  }
}

class NormCpu : public testing::TestWithParam<std::tuple<Kind, CpuLevel>> {};

TEST_P(NormCpu, EqualsDefinitionWithinControl) {
  const auto [kind, level] = GetParam();
  for (const Shape& shape : {Shape{64, 768}, Shape{5, 333}, Shape{1, 64}, Shape{33, 3}}) {
    expect_definition<float>(kind, shape, level);
    expect_definition<Bf16>(kind, shape, level);
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, NormCpu,
                         testing::Combine(testing::Values(Kind::layernorm, Kind::rmsnorm),
                                          testing::ValuesIn(supported_cpu_levels())));

}  // namespace
}  // namespace assay::norm
