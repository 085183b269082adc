/// Gradient norm and AdamW: the definition on a case done by hand, every CPU level against the
/// definition over several steps, and the gate against planted faults.
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>

#include "kernels/cpu/kernels_at.h"
#include "reference/adamw_case.h"

namespace assay::adamw {
namespace {

TEST(AdamwReference, FirstStepMovesByTheRateAndTheDecay) {
  // At step 1 the corrected moments are g and g², so the step is lr·(sign(g) + λ·w).
  const double gradient[3] = {0.5, -2.0, 0.0};
  double master[3] = {1.0, 1.0, 1.0};
  double first[3] = {};
  double second[3] = {};
  const Hyperparameters h{0.01F, 0.9F, 0.95F, 0.0F, 0.1F};
  update_reference(h, 1, 1.0, 2, gradient, master, first, second);
  const double rate = static_cast<double>(h.learning_rate);
  const double decay = rate * static_cast<double>(h.weight_decay);
  EXPECT_NEAR(master[0], 1.0 - rate - decay, 1e-12);
  EXPECT_NEAR(master[1], 1.0 + rate - decay, 1e-12);
  EXPECT_EQ(master[2], 1.0);
  EXPECT_NEAR(first[0], 0.05, 1e-7);
  EXPECT_NEAR(second[1], 0.2, 1e-6);
}

TEST(AdamwReference, DescendsAParabola) {
  double w = 3.0;
  double m = 0.0;
  double v = 0.0;
  Hyperparameters h;
  h.learning_rate = 0.05F;
  h.weight_decay = 0.0F;
  for (std::int64_t step = 1; step <= 500; ++step) {
    const double gradient = 2.0 * (w - 1.0);
    update_reference(h, step, 1.0, 1, &gradient, &w, &m, &v);
  }
  EXPECT_NEAR(w, 1.0, 1e-3);
}

TEST(ClipFactor, BoundsTheNorm) {
  EXPECT_EQ(clip_factor(0.5, 1.0), 1.0F);
  EXPECT_EQ(clip_factor(1.0, 1.0), 1.0F);
  EXPECT_EQ(clip_factor(4.0, 1.0), 0.25F);
  EXPECT_EQ(clip_factor(0.0, 1.0), 1.0F);
  EXPECT_EQ(clip_factor(std::nan(""), 1.0), 1.0F);
  EXPECT_EQ(clip_factor(std::numeric_limits<double>::infinity(), 1.0), 0.0F);
}

template <class T>
Outputs<T> run(std::int64_t n, CpuLevel level, const Hyperparameters& h) {
  auto out = initial_outputs<T>(n);
  for (std::int64_t step = 1; step <= kSteps; ++step) {
    kernels_for<CpuKernels<T>>(level).update(
        h, step, kGradientScale, n, gradient_of(step, n).data(), out.master.data(),
        out.first.data(), out.second.data(), out.weight.data());
  }
  return out;
}

TEST(StochasticRounding, TakesOneOfTheNeighboursAndKeepsTheMean) {
  constexpr float kValue = 1.0F + 0x1p-7F * 0.3125F;  // between 1 and 1 + 2^-7
  double sum = 0.0;
  for (std::uint32_t word = 0; word < 65536; ++word) {
    const float rounded = to_float(rounded_stochastically(kValue, word | 0xABCD0000U));
    ASSERT_TRUE(rounded == 1.0F || rounded == 1.0F + 0x1p-7F);
    sum += static_cast<double>(rounded);
  }
  EXPECT_EQ(sum / 65536.0, static_cast<double>(kValue));  // every word once: exactly
  for (const float exact : {0.0F, -1.5F, std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(to_float(rounded_stochastically(exact, 0xFFFFU)), exact);
  }
  EXPECT_TRUE(std::isnan(to_float(rounded_stochastically(std::nanf(""), 0xFFFFU))));
  EXPECT_LT(to_float(rounded_stochastically(-kValue, 0xFFFFU)), -1.0F);
}

class AdamwCpu : public testing::TestWithParam<CpuLevel> {};

TEST_P(AdamwCpu, EqualsDefinitionOverSteps) {
  for (const std::int64_t n : {4096, 333, 17, 1}) {
    expect_right(run<float>(n, GetParam(), {}));
    expect_right(run<Bf16>(n, GetParam(), {}));
  }
}

TEST_P(AdamwCpu, PlantedFaultsFail) {
  const auto master_passes = [](const Hyperparameters& h) {
    return checks(run<float>(4096, GetParam(), h))[0].passed();
  };
  ASSERT_TRUE(master_passes({}));
  Hyperparameters wrong_epsilon;
  wrong_epsilon.epsilon = 1e-6F;
  EXPECT_FALSE(master_passes(wrong_epsilon));
  Hyperparameters wrong_decay;
  wrong_decay.weight_decay = 0.11F;
  EXPECT_FALSE(master_passes(wrong_decay));
  Hyperparameters wrong_beta;
  wrong_beta.beta2 = 0.951F;
  EXPECT_FALSE(master_passes(wrong_beta));
}

TEST_P(AdamwCpu, NormEqualsDefinition) {
  const auto sum_of_squares = kernels_for<CpuKernels<float>>(GetParam()).sum_of_squares;
  for (const std::int64_t n : {100'000, 8193, 8192, 31, 1, 0}) {
    const auto gradient = normal_input<float>(6, 3, n);
    const double exact = sum_of_squares_reference(n, to_double(gradient).data());
    EXPECT_NEAR(sum_of_squares(n, gradient.data()), exact, 1e-6 * exact) << n;
  }
}

TEST_P(AdamwCpu, ThreadsDoNotChangeBits) {
  const auto gradient = normal_input<float>(6, 3, 100'003);
  const auto sum_of_squares = kernels_for<CpuKernels<float>>(GetParam()).sum_of_squares;
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const double one = sum_of_squares(100'003, gradient.data());
  const auto updated_by_one = run<Bf16>(1003, GetParam(), {});
  omp_set_num_threads(2);
  const double two = sum_of_squares(100'003, gradient.data());
  const auto updated_by_two = run<Bf16>(1003, GetParam(), {});
  omp_set_num_threads(threads);
  EXPECT_EQ(one, two);
  EXPECT_EQ(updated_by_one.master, updated_by_two.master);
  EXPECT_EQ(updated_by_one.first, updated_by_two.first);
  EXPECT_EQ(updated_by_one.second, updated_by_two.second);
}

INSTANTIATE_TEST_SUITE_P(Levels, AdamwCpu, testing::ValuesIn(supported_cpu_levels()),
                         [](const auto& instance) { return std::string(name(instance.param)); });

}  // namespace
}  // namespace assay::adamw
