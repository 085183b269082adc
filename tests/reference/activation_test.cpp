/// GELU and SwiGLU: the definition against finite differences, every CPU level against the
/// definition, and the number of threads against the bits.
#include "kernels/activation/activation.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

namespace assay::activation {
namespace {

constexpr double kStep = 1e-5;

TEST(ActivationReference, GeluBackwardEqualsFiniteDifferences) {
  const auto x = normal_input<double>(3, 1, 41, 0.0, 2.0);
  const auto dy = normal_input<double>(3, 2, 41);
  std::vector<double> dx(41);
  gelu_backward_reference(41, x.data(), dy.data(), dx.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double points[2] = {x[i] - kStep, x[i] + kStep};
    double values[2];
    gelu_forward_reference(2, points, values);
    EXPECT_NEAR(dx[i], dy[i] * (values[1] - values[0]) / (2 * kStep), 1e-8) << x[i];
  }
}

TEST(ActivationReference, SwigluBackwardEqualsFiniteDifferences) {
  constexpr std::int64_t kRows = 3;
  constexpr std::int64_t kWidth = 5;
  auto gate_up = normal_input<double>(3, 1, 2 * kRows * kWidth, 0.0, 2.0);
  const auto dy = normal_input<double>(3, 2, kRows * kWidth);
  std::vector<double> gradient(gate_up.size());
  std::vector<double> y(dy.size());
  swiglu_backward_reference(kRows, kWidth, gate_up.data(), dy.data(), gradient.data());
  const auto loss = [&] {
    swiglu_forward_reference(kRows, kWidth, gate_up.data(), y.data());
    double total = 0.0;
    for (std::size_t i = 0; i < y.size(); ++i) total += y[i] * dy[i];
    return total;
  };
  for (std::size_t i = 0; i < gate_up.size(); ++i) {
    const double kept = gate_up[i];
    gate_up[i] = kept + kStep;
    const double above = loss();
    gate_up[i] = kept - kStep;
    const double below = loss();
    gate_up[i] = kept;
    EXPECT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-8) << i;
  }
}

TEST(ActivationReference, KnownValues) {
  // ½(1 + tanh(√(2/π)·1.044715)) and σ(1)·2, from a desk calculator.
  const double x[2] = {1.0, -1.0};
  double y[2];
  gelu_forward_reference(2, x, y);
  EXPECT_NEAR(y[0], 0.8411919906, 1e-9);
  EXPECT_NEAR(y[1], -0.1588080094, 1e-9);
  const double gate_up[2] = {1.0, 2.0};
  swiglu_forward_reference(1, 1, gate_up, y);
  EXPECT_NEAR(y[0], 1.4621171573, 1e-9);
}

template <class Real>
struct Outputs {
  std::vector<Real> gelu, gelu_dx, swiglu, swiglu_dx;
};

template <class T>
struct Inputs {
  std::int64_t rows, width;
  std::vector<T> gate_up, dy;
  Inputs(std::int64_t row_count, std::int64_t row_width)
      : rows(row_count),
        width(row_width),
        gate_up(normal_input<T>(5, 1, 2 * rows * width, 0.0, 2.0)),
        dy(normal_input<T>(5, 2, rows * width)) {}
};

template <class T>
Outputs<T> run(const Inputs<T>& in, CpuLevel level) {
  const auto& kernels = kernels_for<CpuKernels<T>>(level);
  Outputs<T> out{std::vector<T>(in.dy.size()), std::vector<T>(in.dy.size()),
                 std::vector<T>(in.dy.size()), std::vector<T>(in.gate_up.size())};
  const std::int64_t n = in.rows * in.width;
  kernels.gelu_forward(n, in.gate_up.data(), out.gelu.data());
  kernels.gelu_backward(n, in.gate_up.data(), in.dy.data(), out.gelu_dx.data());
  kernels.swiglu_forward(in.rows, in.width, in.gate_up.data(), out.swiglu.data());
  kernels.swiglu_backward(in.rows, in.width, in.gate_up.data(), in.dy.data(), out.swiglu_dx.data());
  return out;
}

template <class Real>
Outputs<Real> reference(std::int64_t rows, std::int64_t width, const std::vector<Real>& gate_up,
                        const std::vector<Real>& dy) {
  Outputs<Real> out{std::vector<Real>(dy.size()), std::vector<Real>(dy.size()),
                    std::vector<Real>(dy.size()), std::vector<Real>(gate_up.size())};
  gelu_forward_reference(rows * width, gate_up.data(), out.gelu.data());
  gelu_backward_reference(rows * width, gate_up.data(), dy.data(), out.gelu_dx.data());
  swiglu_forward_reference(rows, width, gate_up.data(), out.swiglu.data());
  swiglu_backward_reference(rows, width, gate_up.data(), dy.data(), out.swiglu_dx.data());
  return out;
}

template <class T>
void expect_equals_definition(std::int64_t rows, std::int64_t width, CpuLevel level) {
  const Inputs<T> in(rows, width);
  const auto out = run(in, level);
  const auto exact = reference(rows, width, to_double(in.gate_up), to_double(in.dy));
  const auto control = reference(rows, width, to_single(in.gate_up), to_single(in.dy));
  for (const Check& check :
       {compare_with_control("gelu", to_double(out.gelu), stored_as<T>(control.gelu), exact.gelu),
        compare_with_control("gelu dx", to_double(out.gelu_dx), stored_as<T>(control.gelu_dx),
                             exact.gelu_dx),
        compare_with_control("swiglu", to_double(out.swiglu), stored_as<T>(control.swiglu),
                             exact.swiglu),
        compare_with_control("swiglu dx", to_double(out.swiglu_dx), stored_as<T>(control.swiglu_dx),
                             exact.swiglu_dx)}) {
    EXPECT_TRUE(check.passed()) << check.name << ' ' << rows << 'x' << width << ": " << check.error
                                << " > " << check.bound;
  }
}

class ActivationCpu : public testing::TestWithParam<CpuLevel> {};

TEST_P(ActivationCpu, EqualsDefinitionWithinControl) {
  for (const auto& [rows, width] : {std::pair{64, 96}, {7, 333}, {1, 64}, {1, 1}, {33, 3}}) {
    expect_equals_definition<float>(rows, width, GetParam());
    expect_equals_definition<Bf16>(rows, width, GetParam());
  }
}

TEST_P(ActivationCpu, TailsGoToTheirLimits) {
  const auto& kernels = kernels_for<CpuKernels<float>>(GetParam());
  const std::vector<float> x{-1e4F, -50.0F, 0.0F, 50.0F, 1e4F, std::nanf("")};
  const std::vector<float> one(x.size(), 1.0F);
  std::vector<float> y(x.size()), dx(x.size());
  kernels.gelu_forward(6, x.data(), y.data());
  kernels.gelu_backward(6, x.data(), one.data(), dx.data());
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    EXPECT_NEAR(y[i], 0.0F, 1e-30F);
    EXPECT_NEAR(dx[i], 0.0F, 1e-20F);
  }
  EXPECT_EQ(y[2], 0.0F);
  EXPECT_EQ(dx[2], 0.5F);
  for (const std::size_t i : {std::size_t{3}, std::size_t{4}}) {
    EXPECT_EQ(y[i], x[i]);
    EXPECT_EQ(dx[i], 1.0F);
  }
  EXPECT_TRUE(std::isnan(y[5]));
  EXPECT_TRUE(std::isnan(dx[5]));
}

TEST_P(ActivationCpu, GeluBackwardMayWriteOverItsOperand) {
  const Inputs<float> in(9, 37);
  const auto apart = run(in, GetParam());
  auto shared = in.dy;
  kernels_for<CpuKernels<float>>(GetParam())
      .gelu_backward(9 * 37, in.gate_up.data(), shared.data(), shared.data());
  EXPECT_EQ(shared, apart.gelu_dx);
}

TEST_P(ActivationCpu, ThreadsDoNotChangeBits) {
  const Inputs<float> in(17, 101);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const auto one = run(in, GetParam());
  omp_set_num_threads(2);
  const auto two = run(in, GetParam());
  omp_set_num_threads(threads);
  EXPECT_EQ(one.gelu, two.gelu);
  EXPECT_EQ(one.gelu_dx, two.gelu_dx);
  EXPECT_EQ(one.swiglu, two.swiglu);
  EXPECT_EQ(one.swiglu_dx, two.swiglu_dx);
}

INSTANTIATE_TEST_SUITE_P(Levels, ActivationCpu, testing::ValuesIn(supported_cpu_levels()),
                         [](const auto& instance) { return std::string(name(instance.param)); });

TEST(ActivationWorkloads, OutputsVerify) {
  for (const Workload& workload : workloads()) {
    const CpuDevice device{detect_cpu_level(), 2};
    if (workload.precision != Precision::fp32) continue;  // the levels' tests cover both
    const Instance instance = workload.on_cpu(device, {42});
    instance.iterate();
    for (const Check& check : instance.verify()) {
      EXPECT_TRUE(check.passed()) << workload.name << ' ' << check.name << ' ' << check.error
                                  << " > " << check.bound;
    }
  }
}

}  // namespace
}  // namespace assay::activation
