/// Cross-entropy: the definition's gradient against finite differences, every CPU level against
/// the definition, and the gate against planted faults.
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>

#include "kernels/cpu/kernels_at.h"
#include "reference/cross_entropy_case.h"

namespace assay::cross_entropy {
namespace {

template <class Real>
struct Defined {
  std::vector<Real> gradients, losses;
};

template <class Real>
Defined<Real> define(const Shape& shape, const std::vector<std::int32_t>& targets, Real scale,
                     std::vector<Real> logits) {
  std::vector<Real> losses(targets.size());
  forward_backward_reference(shape, targets.data(), scale, logits.data(), losses.data());
  return {std::move(logits), std::move(losses)};
}

template <class T>
Outputs<T> compute(CpuLevel level, const Shape& shape, const std::vector<std::int32_t>& targets,
                   float scale, std::vector<T> logits) {
  std::vector<float> losses(targets.size());
  kernels_for<CpuKernels<T>>(level).forward_backward(shape, targets.data(), scale, logits.data(),
                                                     losses.data());
  return {std::move(logits), std::move(losses)};
}

TEST(CrossEntropyReference, GradientEqualsFiniteDifferences) {
  const Shape shape{3, 7, 9};
  constexpr double kScale = 0.25;
  const std::vector<std::int32_t> targets{0, 6, 3};
  auto z = normal_input<double>(3, 1, shape.rows * shape.row_stride, 0.5, 2.0);
  const auto loss = [&] {
    double total = 0.0;
    for (const double row : define(shape, targets, kScale, z).losses) total += kScale * row;
    return total;
  };
  const auto gradients = define(shape, targets, kScale, z).gradients;
  constexpr double kStep = 1e-5;
  for (std::size_t i = 0; i < z.size(); ++i) {
    const double kept = z[i];
    z[i] = kept + kStep;
    const double above = loss();
    z[i] = kept - kStep;
    const double below = loss();
    z[i] = kept;
    EXPECT_NEAR(gradients[i], (above - below) / (2.0 * kStep), 1e-9) << i;
  }
}

TEST(CrossEntropyReference, UniformLogitsCostLogOfVocabulary) {
  const Shape shape{1, 50, 50};
  const auto r = define<double>(shape, {7}, 1.0, std::vector<double>(50, 3.0));
  EXPECT_NEAR(r.losses[0], std::log(50.0), 1e-14);
}

class CrossEntropyCpu : public testing::TestWithParam<CpuLevel> {};

template <class T>
void expect_definition(CpuLevel level, const Shape& shape, double mean, double deviation) {
  const Case<T> c(shape, mean, deviation);
  expect_right(c, compute(level, shape, c.targets, c.scale, c.logits));
}

TEST_P(CrossEntropyCpu, EqualsDefinitionWithinControl) {
  for (const Shape& shape :
       {Shape{4, 50257, 50304}, Shape{2, 128256, 128256}, Shape{33, 4008, 4008},
        Shape{5, 2049, 2051}, Shape{1, 63, 67}, Shape{7, 1, 3}, Shape{3, 2, 2}}) {
    expect_definition<float>(GetParam(), shape, 0.0, 2.0);
    expect_definition<Bf16>(GetParam(), shape, 0.0, 2.0);
  }
  // Far from zero, where only the subtraction of the maximum keeps exponentials finite.
  expect_definition<float>(GetParam(), {3, 4100, 4100}, 300.0, 10.0);
  expect_definition<float>(GetParam(), {3, 4100, 4100}, -300.0, 10.0);
}

/// Rising logits raise the running maximum in every chunk.
TEST_P(CrossEntropyCpu, RescalesTheSumWhenTheMaximumRises) {
  const Shape shape{1, 10000, 10000};
  std::vector<float> z(10000);
  for (std::size_t i = 0; i < z.size(); ++i) z[i] = static_cast<float>(i) * 1e-3F;
  const auto kernel = compute(GetParam(), shape, {17}, 1.0F, z);
  const auto exact = define(shape, {17}, 1.0, to_double(z));
  EXPECT_NEAR(static_cast<double>(kernel.losses[0]), exact.losses[0], 1e-5);
}

TEST_P(CrossEntropyCpu, AdmitsMinusInfinityAndPassesNaNsOn) {
  const Shape shape{1, 5000, 5000};
  auto z = normal_input<float>(6, 1, shape.vocabulary);
  for (std::size_t i = 0; i < 3000; ++i) z[i] = -std::numeric_limits<float>::infinity();
  const auto masked = compute(GetParam(), shape, {4000}, 1.0F, z);
  EXPECT_TRUE(std::isfinite(masked.losses[0]));
  EXPECT_LT(masked.gradients[10], 1e-30F);
  z[4500] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(compute(GetParam(), shape, {4000}, 1.0F, z).losses[0]));
}

TEST_P(CrossEntropyCpu, BitsDoNotDependOnThreads) {
  const Shape shape{9, 3001, 3001};
  const int threads = omp_get_max_threads();
  const auto z = normal_input<float>(6, 1, shape.rows * shape.row_stride);
  const auto targets = integer_input(6, 2, shape.rows, 3001);
  const auto run = [&](int count) {
    omp_set_num_threads(count);
    auto results = compute(GetParam(), shape, targets, 1.0F, z);
    omp_set_num_threads(threads);
    return results;
  };
  const auto one = run(1);
  const auto two = run(2);
  EXPECT_EQ(one.gradients, two.gradients);
  EXPECT_EQ(one.losses, two.losses);
}

INSTANTIATE_TEST_SUITE_P(Levels, CrossEntropyCpu, testing::ValuesIn(supported_cpu_levels()));

TEST(CrossEntropyGate, FailsOnPlantedFaults) {
  const Shape shape{8, 1000, 1000};
  const auto stored = normal_input<Bf16>(7, 1, 8000);
  const auto targets = integer_input(7, 2, 8, 1000);
  const auto exact = define(shape, targets, 0.125, to_double(stored));
  const auto control = define(shape, targets, 0.125F, to_single(stored));
  const auto gradients_pass = [&](const std::vector<double>& output) {
    return compare_with_control("dlogits", output, stored_as<Bf16>(control.gradients),
                                exact.gradients)
        .passed();
  };
  EXPECT_TRUE(gradients_pass(exact.gradients));
  EXPECT_FALSE(gradients_pass(define(shape, targets, 0.126, to_double(stored)).gradients))
      << "a wrong scale";
  auto neighbours = targets;
  for (std::int32_t& target : neighbours) target = (target + 1) % 1000;
  EXPECT_FALSE(gradients_pass(define(shape, neighbours, 0.125, to_double(stored)).gradients))
      << "targets one off";
  // The last column left out of the sum.
  const Shape narrow{8, 999, 1000};
  const auto dropped = define(narrow, targets, 0.125, to_double(stored));
  EXPECT_FALSE(
      compare_with_control("loss", dropped.losses, stored_as<float>(control.losses), exact.losses)
          .passed())
      << "a column dropped";
}

}  // namespace
}  // namespace assay::cross_entropy
