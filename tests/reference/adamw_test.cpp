/// Gradient norm and AdamW: the definition on a case done by hand, every CPU level against the
/// definition over several steps, and the gate against planted faults.
#include "kernels/adamw/adamw.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

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

constexpr std::int64_t kSteps = 5;

template <class Real>
struct State {
  std::vector<Real> master, first, second;
};

std::vector<float> gradient_of(std::int64_t step, std::int64_t n) {
  return normal_input<float>(6, 10 + static_cast<std::uint64_t>(step), n, 0.0, 0.1);
}

template <class T>
State<float> run(std::int64_t n, CpuLevel level, const Hyperparameters& h, std::vector<T>& weight) {
  State<float> s{normal_input<float>(6, 1, n), std::vector<float>(static_cast<std::size_t>(n)),
                 std::vector<float>(static_cast<std::size_t>(n))};
  weight.resize(s.master.size());
  for (std::int64_t step = 1; step <= kSteps; ++step) {
    kernels_for<CpuKernels<T>>(level).update(h, step, 0.5F, n, gradient_of(step, n).data(),
                                             s.master.data(), s.first.data(), s.second.data(),
                                             weight.data());
  }
  return s;
}

template <class Real>
State<Real> reference(std::int64_t n, const auto& convert) {
  State<Real> s{convert(normal_input<float>(6, 1, n)),
                std::vector<Real>(static_cast<std::size_t>(n)),
                std::vector<Real>(static_cast<std::size_t>(n))};
  for (std::int64_t step = 1; step <= kSteps; ++step) {
    update_reference(Hyperparameters{}, step, static_cast<Real>(0.5), n,
                     convert(gradient_of(step, n)).data(), s.master.data(), s.first.data(),
                     s.second.data());
  }
  return s;
}

template <class T>
std::vector<Check> checks(std::int64_t n, CpuLevel level, const Hyperparameters& h) {
  std::vector<T> weight;
  const auto s = run<T>(n, level, h, weight);
  const auto exact = reference<double>(n, to_double<float>);
  const auto control = reference<float>(n, to_single<float>);
  return {compare_with_control("master", to_double(s.master), stored_as<float>(control.master),
                               exact.master),
          compare_with_control("first moment", to_double(s.first), stored_as<float>(control.first),
                               exact.first),
          compare_with_control("second moment", to_double(s.second),
                               stored_as<float>(control.second), exact.second),
          compare_with_control("weight", to_double(weight), stored_as<T>(control.master),
                               exact.master)};
}

class AdamwCpu : public testing::TestWithParam<CpuLevel> {};

TEST_P(AdamwCpu, EqualsDefinitionOverSteps) {
  for (const std::int64_t n : {4096, 333, 17, 1}) {
    for (const auto& check : checks<float>(n, GetParam(), {})) {
      EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
    }
    for (const auto& check : checks<Bf16>(n, GetParam(), {})) {
      EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
    }
  }
}

TEST_P(AdamwCpu, PlantedFaultsFail) {
  const auto master_passes = [](const Hyperparameters& h) {
    return checks<float>(4096, GetParam(), h)[0].passed();
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
  std::vector<Bf16> weight;
  omp_set_num_threads(1);
  const double one = sum_of_squares(100'003, gradient.data());
  const auto updated_by_one = run(1003, GetParam(), {}, weight);
  omp_set_num_threads(2);
  const double two = sum_of_squares(100'003, gradient.data());
  const auto updated_by_two = run(1003, GetParam(), {}, weight);
  omp_set_num_threads(threads);
  EXPECT_EQ(one, two);
  EXPECT_EQ(updated_by_one.master, updated_by_two.master);
  EXPECT_EQ(updated_by_one.first, updated_by_two.first);
  EXPECT_EQ(updated_by_one.second, updated_by_two.second);
}

INSTANTIATE_TEST_SUITE_P(Levels, AdamwCpu, testing::ValuesIn(supported_cpu_levels()),
                         [](const auto& instance) { return std::string(name(instance.param)); });

TEST(AdamwWorkloads, OutputsVerify) {
  for (const Workload& workload : workloads()) {
    const CpuDevice device{detect_cpu_level(), 2};
    if (workload.precision != Precision::fp32) continue;  // the levels' tests cover both
    const Instance instance = workload.on_cpu(device, {42});
    for (int i = 0; i < 3; ++i) instance.iterate();
    for (const Check& check : instance.verify()) {
      EXPECT_TRUE(check.passed()) << workload.name << ' ' << check.name << ' ' << check.error
                                  << " > " << check.bound;
    }
  }
}

}  // namespace
}  // namespace assay::adamw
