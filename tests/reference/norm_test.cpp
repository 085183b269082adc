/// Norms: the definition against finite differences, every CPU level against the definition, and
/// the gate against planted faults.
#include <gmock/gmock.h>
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

/// What faulty() gets wrong, one at a time.
struct Fault {
  double epsilon = static_cast<double>(kEpsilon);
  bool without_beta = false;
  std::int64_t shift = 0;  ///< rows that the output is off by
  bool last_row_dropped = false;
};

/// The outputs of a norm with a fault, from its definition written once more.
template <class T>
Buffers<T> faulty(Kind kind, Buffers<T> b, const Fault& fault) {
  const auto rows = static_cast<std::size_t>(b.shape.rows);
  const auto width = static_cast<std::size_t>(b.shape.width);
  const auto count = static_cast<double>(width);
  Vector dgamma(width), dbeta(width);
  const auto value = [](const std::vector<T>& of, std::size_t i) {
    return static_cast<double>(to_float(of[i]));
  };
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t to = (row + static_cast<std::size_t>(fault.shift)) % rows * width;
    const std::size_t from = row * width;
    double mean = 0.0;
    double squares = 0.0;
    Vector s(width);
    for (std::size_t i = 0; i < width; ++i) {
      b.sum[from + i] = from_float<T>(to_float(b.x[from + i]) + to_float(b.residual[from + i]));
      s[i] = value(b.sum, from + i);
      if (kind == Kind::layernorm) mean += s[i] / count;
    }
    for (std::size_t i = 0; i < width; ++i) squares += (s[i] - mean) * (s[i] - mean) / count;
    const double rstd = 1.0 / std::sqrt(squares + fault.epsilon);
    double mean_g = 0.0;
    double mean_gh = 0.0;
    for (std::size_t i = 0; i < width; ++i) {
      const double h = (s[i] - mean) * rstd;
      const double g = value(b.dy, from + i) * value(b.gamma, i);
      if (kind == Kind::layernorm) mean_g += g / count;
      mean_gh += g * h / count;
      if (fault.last_row_dropped && row + 1 == rows) continue;
      dgamma[i] += value(b.dy, from + i) * h;
      dbeta[i] += value(b.dy, from + i);
    }
    for (std::size_t i = 0; i < width; ++i) {
      const double h = (s[i] - mean) * rstd;
      const double g = value(b.dy, from + i) * value(b.gamma, i);
      const bool shifted = kind == Kind::layernorm && !fault.without_beta;
      const double y = value(b.gamma, i) * h + (shifted ? value(b.beta, i) : 0.0);
      b.y[to + i] = from_float<T>(static_cast<float>(y));
      b.dx[to + i] = from_float<T>(static_cast<float>(rstd * (g - mean_g - h * mean_gh)));
    }
  }
  for (std::size_t i = 0; i < width; ++i) {
    b.dgamma[i] = static_cast<float>(dgamma[i]);
    b.dbeta[i] = static_cast<float>(dbeta[i]);
  }
  return b;
}

/// Which checks of the workload's own refuse these outputs.
template <class T>
std::vector<std::string> refused(Kind kind, const Buffers<T>& b) {
  std::vector<std::string> names;
  for (const auto& checks : {verify(kind, Pass::forward, b), verify(kind, Pass::backward, b),
                             verify_parameters(kind, b)}) {
    for (const Check& check : checks) {
      if (!check.passed()) names.push_back(check.name);
    }
  }
  return names;
}

class NormGate : public testing::TestWithParam<Kind> {
 protected:
  template <class T>
  void refuses_planted_faults() {
    const Kind kind = GetParam();
    const Buffers<T> inputs({32, 256}, 42);
    const auto refused_with = [&](const Fault& fault) {
      return refused(kind, faulty(kind, inputs, fault));
    };
    using ::testing::ElementsAre;
    using ::testing::IsSupersetOf;
    EXPECT_THAT(refused_with({}), ElementsAre());
    for (const double epsilon : {1e-6, 1e-12, 1.2e-5}) {
      EXPECT_THAT(refused_with({.epsilon = epsilon}), IsSupersetOf({"y", "dx"})) << epsilon;
    }
    EXPECT_THAT(refused_with({.shift = 1}), ElementsAre("y", "dx"));
    std::vector<std::string> parameters{"dgamma"};
    if (kind == Kind::layernorm) parameters.emplace_back("dbeta");
    EXPECT_EQ(refused_with({.last_row_dropped = true}), parameters);
    Buffers<T> one = faulty(kind, inputs, {});
    one.sum.front() = from_float<T>(to_float(one.sum.front()) + 0.1F);
    EXPECT_THAT(refused(kind, one), ::testing::Contains("sum"));
    if (kind == Kind::layernorm) {
      EXPECT_THAT(refused_with({.without_beta = true}), ElementsAre("y"));
    }
  }
};

TEST_P(NormGate, RefusesPlantedFaultsInSingle) {
  refuses_planted_faults<float>();
}
TEST_P(NormGate, RefusesPlantedFaultsInBf16) {
  refuses_planted_faults<Bf16>();
}

INSTANTIATE_TEST_SUITE_P(Kinds, NormGate, testing::Values(Kind::layernorm, Kind::rmsnorm));

}  // namespace
}  // namespace assay::norm
