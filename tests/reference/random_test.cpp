/// Philox fills: every CPU level against the definition, and the distribution itself.
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>

#include "kernels/cpu/kernels_at.h"
#include "reference/random_case.h"

namespace assay::random {
namespace {

template <class T>
std::vector<T> drawn(float mean, float deviation, std::int64_t n, CpuLevel level) {
  std::vector<T> out(static_cast<std::size_t>(n));
  kernels_for<CpuKernels<T>>(level).normal(kDraw, mean, deviation, n, out.data());
  return out;
}

TEST(RandomReference, IsTheInputsOfEveryWorkload) {
  std::vector<double> out(101);
  normal_reference(kDraw, 0.5, 2.0, 0, 101, out.data());
  const auto inputs = normal_input<double>(kDraw.key, kDraw.stream, 101, 0.5, 2.0);
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_NEAR(out[i], inputs[i], 1e-14);
}

template <class T>
void expect_equals_definition(float mean, float deviation, std::int64_t n, CpuLevel level) {
  expect_right(normal_check(kDraw, mean, deviation, drawn<T>(mean, deviation, n, level)), n);
}

class RandomCpu : public testing::TestWithParam<CpuLevel> {};

TEST_P(RandomCpu, NormalEqualsDefinition) {
  for (const std::int64_t n : {100'000, 64, 63, 65, 3, 1}) {
    expect_equals_definition<float>(0.0F, 1.0F, n, GetParam());
    expect_equals_definition<float>(1.0F, 0.02F, n, GetParam());
    expect_equals_definition<Bf16>(0.0F, 1.0F, n, GetParam());
  }
}

TEST_P(RandomCpu, NormalIsAsExactAsFloatAllows) {
  // The control loses digits where u is near 1; the kernel must not.
  const auto out = drawn<float>(0.0F, 1.0F, 1'000'000, GetParam());
  expect_as_exact_as_float_allows(out);
}

TEST_P(RandomCpu, NormalHasTheMomentsOfANormal) {
  constexpr std::int64_t kCount = 1'000'000;
  const auto out = drawn<float>(0.0F, 1.0F, kCount, GetParam());
  double moments[4] = {};
  double neighbours = 0.0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto z = static_cast<double>(out[i]);
    for (int power = 0; power < 4; ++power) moments[power] += std::pow(z, power + 1);
    if (i % 2 == 1) neighbours += z * static_cast<double>(out[i - 1]);
  }
  // Standard errors of the means of z, z², z³, z⁴: √1, √2, √15, √96 over √n.
  const double root = std::sqrt(static_cast<double>(kCount));
  EXPECT_LT(std::abs(moments[0] / kCount), 5.0 / root);
  EXPECT_LT(std::abs(moments[1] / kCount - 1.0), 5.0 * std::sqrt(2.0) / root);
  EXPECT_LT(std::abs(moments[2] / kCount), 5.0 * std::sqrt(15.0) / root);
  EXPECT_LT(std::abs(moments[3] / kCount - 3.0), 5.0 * std::sqrt(96.0) / root);
  EXPECT_LT(std::abs(neighbours / (kCount / 2)), 5.0 * std::sqrt(2.0) / root);
}

TEST_P(RandomCpu, IntegersEqualDefinition) {
  for (const auto& [low, high] : kRanges) {
    for (const std::int64_t n : {10'000, 65, 1}) {
      std::vector<std::int32_t> out(static_cast<std::size_t>(n));
      kernels_for<CpuIntegerKernels>(GetParam()).integers(kDraw, low, high, n, out.data());
      expect_right(integers_check(kDraw, low, high, out), n);
    }
  }
}

TEST_P(RandomCpu, IntegersAreUniform) {
  std::vector<std::int32_t> out(511'000);
  kernels_for<CpuIntegerKernels>(GetParam()).integers(kDraw, -255, 255, 511'000, out.data());
  std::vector<double> counts(511);
  for (const std::int32_t value : out) {
    ASSERT_GE(value, -255);
    ASSERT_LE(value, 255);
    counts[static_cast<std::size_t>(value + 255)] += 1.0;
  }
  double chi_square = 0.0;
  for (const double count : counts) chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(std::abs(chi_square - 510.0), 5.0 * std::sqrt(2.0 * 510.0));
}

TEST_P(RandomCpu, ThreadsDoNotChangeBits) {
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const auto one = drawn<float>(0.0F, 1.0F, 1001, GetParam());
  omp_set_num_threads(2);
  const auto two = drawn<float>(0.0F, 1.0F, 1001, GetParam());
  omp_set_num_threads(threads);
  EXPECT_EQ(one, two);
}

INSTANTIATE_TEST_SUITE_P(Levels, RandomCpu, testing::ValuesIn(supported_cpu_levels()),
                         [](const auto& instance) { return std::string(name(instance.param)); });

TEST(RandomWorkloads, OutputsVerify) {
  for (const Workload& workload : workloads()) {
    const CpuDevice device{detect_cpu_level(), 2};
    // The levels' tests cover both precisions.
    if (!workload.on_cpu || workload.precision != Precision::fp32) continue;
    const Instance instance = workload.on_cpu(device, {42});
    instance.iterate();
    for (const Check& check : instance.verify()) {
      EXPECT_TRUE(check.passed()) << workload.name << ' ' << check.name << ' ' << check.error
                                  << " > " << check.bound;
    }
  }
}

}  // namespace
}  // namespace assay::random
