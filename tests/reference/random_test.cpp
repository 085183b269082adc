/// Philox fills: every CPU level against the definition, the distribution itself, and the gate
/// against planted faults.
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>

#include "base/philox.h"
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

/// Normals by the definition under another draw, mean or deviation, from another element on.
template <class T>
std::vector<T> defined_normals(const Draw& draw, double mean, double deviation,
                               std::int64_t first = 0) {
  constexpr std::int64_t kCount = 4096;
  std::vector<double> exact(kCount);
  normal_reference(draw, mean, deviation, first, kCount, exact.data());
  std::vector<T> stored;
  for (const double value : exact) stored.push_back(from_float<T>(static_cast<float>(value)));
  return stored;
}

template <class T>
void expect_normal_faults_refused() {
  const auto passes = [](const std::vector<T>& out) {
    return normal_check(kDraw, 0.0F, 1.0F, out).passed();
  };
  const auto right = defined_normals<T>(kDraw, 0.0, 1.0);
  EXPECT_TRUE(passes(right));
  EXPECT_FALSE(passes(defined_normals<T>({kDraw.key, kDraw.stream + 1}, 0.0, 1.0)))
      << "another stream";
  EXPECT_FALSE(passes(defined_normals<T>(kDraw, 0.0, 1.0, 4))) << "counted from block one";
  EXPECT_FALSE(passes(defined_normals<T>(kDraw, 0.0, 1.02))) << "a wrong deviation";
  EXPECT_FALSE(passes(defined_normals<T>(kDraw, 0.05, 1.0))) << "a wrong mean";
  auto exchanged = right;
  for (std::size_t i = 0; i < exchanged.size(); i += 2) std::swap(exchanged[i], exchanged[i + 1]);
  EXPECT_FALSE(passes(exchanged)) << "sine and cosine exchanged";
  auto tail = right;
  tail.back() = tail[tail.size() - 5];
  EXPECT_FALSE(passes(tail)) << "a wrong last element";
}

TEST(RandomGate, RefusesPlantedFaults) {
  expect_normal_faults_refused<float>();
  expect_normal_faults_refused<Bf16>();
}

TEST(RandomGate, RefusesWrongIntegers) {
  constexpr std::int64_t kCount = 4096;
  const auto drawn_in = [](std::int32_t low, std::int32_t high, std::int64_t first) {
    std::vector<std::int32_t> out(kCount);
    integers_reference(kDraw, low, high, first, kCount, out.data());
    return out;
  };
  const auto passes = [](const std::vector<std::int32_t>& out) {
    return integers_check(kDraw, -255, 255, out).passed();
  };
  EXPECT_TRUE(passes(drawn_in(-255, 255, 0)));
  EXPECT_FALSE(passes(drawn_in(-255, 254, 0))) << "the upper end left out";
  EXPECT_FALSE(passes(drawn_in(-255, 255, 1))) << "an element off";
  auto remainder = drawn_in(-255, 255, 0);
  for (std::size_t i = 0; i < remainder.size(); ++i) {
    const std::uint32_t word = philox(kDraw.key, i / 4, kDraw.stream).word[i % 4];
    remainder[i] = static_cast<std::int32_t>(word % 511) - 255;
  }
  EXPECT_FALSE(passes(remainder)) << "the remainder in place of the product's high word";
}

}  // namespace
}  // namespace assay::random
