#include "harness/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <utility>

#include "simulated_device.h"

namespace assay::harness {
namespace {

using test::noisy;
using test::SimulatedDevice;
using test::throttling;

constexpr double kNever = std::numeric_limits<double>::infinity();

SamplerOptions usual() {
  SamplerOptions options;
  options.item_seconds = 60.0;
  options.warm_up_min_s = 0.2;
  options.warm_up_max_s = 1.0;
  options.rule.target_relative = 0.01;
  options.rule.drift_max_relative = 0.01;
  return options;
}

TEST(Sampler, QuietDeviceConvergesAtTheFirstLook) {
  SimulatedDevice device(noisy(0.01, 0.005, 0.0, 1));
  const Sampling sampling = sample(device.subject(), usual());
  EXPECT_TRUE(sampling.steady);
  EXPECT_TRUE(sampling.converged);
  EXPECT_EQ(sampling.stop_reason, "target");
  // A look may find just under 60 effective samples, as that is itself an estimate.
  EXPECT_GE(sampling.sample_end_ns.size(), 60U);
  EXPECT_LE(sampling.sample_end_ns.size(), 150U);
  EXPECT_GE(sampling.judgement.effective_samples, 60.0);
  EXPECT_NEAR(sampling.judgement.estimate_ns, 1e7, 1e5);
}

TEST(Sampler, KeepsEverySampleInOrder) {
  SimulatedDevice device(noisy(0.01, 0.05, 0.3, 2));
  const Sampling sampling = sample(device.subject(), usual());
  const auto& ends = sampling.sample_end_ns;
  for (std::size_t i = 1; i < ends.size(); ++i) ASSERT_LT(ends[i - 1], ends[i]);
  EXPECT_EQ(sampling.warm_up_iterations + static_cast<std::int64_t>(ends.size()) * sampling.batch,
            device.iterations());
  EXPECT_EQ(sampling.warm_up_ns + ends.back(),
            static_cast<std::int64_t>(std::llround(device.now_s() * 1e9)));
}

TEST(Sampler, RatioOfSumsSeesThrottlingThatTheMedianDoesNot) {
  SamplerOptions options = usual();
  options.fixed_time = true;
  options.item_seconds = 20.0;
  const auto measure = [&](Estimator estimator) {
    options.rule.estimator = estimator;
    SimulatedDevice device(throttling(0.01, 100, 30, 0.6));
    return sample(device.subject(), options).judgement;
  };
  const Judgement ratio = measure(Estimator::ratio_of_sums);
  const Judgement median = measure(Estimator::median);
  // 70 % of steps take 10 ms, 30 % take 10 / 0.6: the mean is 12 ms.
  EXPECT_NEAR(ratio.estimate_ns, 12e6, 0.1e6);
  EXPECT_NEAR(median.estimate_ns, 10e6, 0.01e6);
  // The median claims to be sure of a figure that is 20 % too high; the ratio does not.
  EXPECT_LT(median.half_width_relative, 0.001);
  EXPECT_GT(ratio.half_width_relative, 0.003);
}

TEST(Sampler, WindowGrowsForIterationsThatAreNeededButNotForEver) {
  SamplerOptions options = usual();
  options.item_seconds = 2.0;
  options.iterations_min = 20;
  const auto measure = [&](double iteration_s) {
    SimulatedDevice device([=](double) { return iteration_s; });
    const Sampling sampling = sample(device.subject(), options);
    EXPECT_EQ(sampling.stop_reason, "time");
    return std::pair(device.iterations(),
                     static_cast<double>(sampling.sample_end_ns.back()) * 1e-9);
  };
  const auto [slow_iterations, slow_window_s] = measure(0.3);
  EXPECT_EQ(slow_iterations, 20);
  EXPECT_GT(slow_window_s, 2.0);
  const auto [slower_iterations, slower_window_s] = measure(2.0);
  EXPECT_LT(slower_iterations, 20);
  EXPECT_NEAR(slower_window_s, 20.0, 1e-6);
}

TEST(Sampler, BimodalDeviceGivesItsMean) {
  SimulatedDevice device([generator = std::mt19937_64(4)](double) mutable {
    return (generator() & 1U) != 0 ? 0.010 : 0.015;
  });
  const Sampling sampling = sample(device.subject(), usual());
  EXPECT_TRUE(sampling.converged);
  EXPECT_NEAR(sampling.judgement.estimate_ns, 12.5e6, 2 * 0.01 * 12.5e6);
}

TEST(Sampler, DriftIsNeverConverged) {
  // 4 % slower over the 20 s of the window, hardly any noise.
  SimulatedDevice device([](double now_s) { return 0.01 * (1.0 + 0.002 * now_s); });
  SamplerOptions options = usual();
  options.item_seconds = 20.0;
  options.fixed_time = true;
  options.rule.target_relative = 0.02;
  options.rule.drift_max_relative = 0.02;
  options.rule.effective_samples_min = 2.0;
  const Sampling sampling = sample(device.subject(), options);
  EXPECT_NEAR(sampling.judgement.drift_relative, 0.04, 0.004);
  EXPECT_FALSE(sampling.converged);
  // It is the drift that speaks, whatever the interval.
  options.rule.target_relative = kNever;
  EXPECT_FALSE(judge(sampling.sample_end_ns, options.rule).enough);
  options.rule.drift_max_relative = 0.05;
  EXPECT_TRUE(judge(sampling.sample_end_ns, options.rule).enough);
}

TEST(Sampler, SlowWarmUpIsWaitedForOrSaid) {
  const auto warming = [](double now_s) { return 0.002 * (1.0 + 0.5 * std::exp(-now_s / 0.5)); };
  SamplerOptions options = usual();
  options.warm_up_max_s = 1.0;
  SimulatedDevice impatient(warming);
  const Sampling early = sample(impatient.subject(), options);
  EXPECT_FALSE(early.steady);
  EXPECT_GE(early.warm_up_ns, 1'000'000'000);

  options.warm_up_max_s = 20.0;
  SimulatedDevice patient(warming);
  const Sampling late = sample(patient.subject(), options);
  EXPECT_TRUE(late.steady);
  // When the last half of the warm-up is flat to 0.5 %, five time constants and more are over.
  EXPECT_GE(late.warm_up_ns, 2'500'000'000);
  EXPECT_NEAR(late.judgement.estimate_ns / static_cast<double>(late.batch), 2e6, 0.01 * 2e6);
}

TEST(Sampler, FixedTimeRunsItsTimeAndTargetStopsEarly) {
  SamplerOptions options = usual();
  options.item_seconds = 5.0;
  options.fixed_time = true;
  SimulatedDevice fixed(noisy(0.01, 0.002, 0.0, 6));
  const Sampling whole = sample(fixed.subject(), options);
  EXPECT_EQ(whole.stop_reason, "time");
  EXPECT_GE(whole.sample_end_ns.back(), 5'000'000'000);
  EXPECT_LE(whole.sample_end_ns.back(), 5'020'000'000);
  EXPECT_EQ(whole.looks, 1);
  EXPECT_TRUE(whole.converged);
  options.fixed_time = false;
  SimulatedDevice free(noisy(0.01, 0.002, 0.0, 6));
  EXPECT_LT(sample(free.subject(), options).sample_end_ns.back(), 2'000'000'000);
}

TEST(Sampler, TimeOverIsNotConverged) {
  SamplerOptions options = usual();
  options.item_seconds = 3.0;
  SimulatedDevice device(noisy(0.01, 0.3, 0.5, 7));
  const Sampling sampling = sample(device.subject(), options);
  EXPECT_EQ(sampling.stop_reason, "time");
  EXPECT_FALSE(sampling.converged);
}

TEST(Sampler, DeviceTooSlowForTheCapLeavesOneHonestSample) {
  SimulatedDevice device([](double) { return 10.0; });
  SamplerOptions options = usual();
  options.item_seconds = 1.0;
  const Sampling sampling = sample(device.subject(), options);
  EXPECT_EQ(sampling.warm_up_iterations, 1);
  EXPECT_EQ(sampling.sample_end_ns, std::vector<std::int64_t>{10'000'000'000});
  EXPECT_EQ(sampling.stop_reason, "time");
  EXPECT_FALSE(sampling.steady);
  EXPECT_FALSE(sampling.converged);
  EXPECT_EQ(sampling.judgement.half_width_relative, kNever);
}

TEST(Sampler, InterruptEndsAfterTheRunningSample) {
  SimulatedDevice device(noisy(0.01, 0.2, 0.0, 8));
  Subject subject = device.subject();
  bool timed = false;
  int asked = 0;
  subject.window_begins = [&] { timed = true; };
  subject.interrupted = [&] { return timed && ++asked == 5; };
  const Sampling sampling = sample(subject, usual());
  EXPECT_EQ(sampling.stop_reason, "interrupted");
  EXPECT_EQ(sampling.sample_end_ns.size(), 5U);
  EXPECT_FALSE(sampling.converged);

  SimulatedDevice another(noisy(0.01, 0.2, 0.0, 9));
  Subject early = another.subject();
  early.interrupted = [] { return true; };
  const Sampling none = sample(early, usual());
  EXPECT_EQ(none.stop_reason, "interrupted");
  EXPECT_TRUE(none.sample_end_ns.empty());
  EXPECT_EQ(none.warm_up_iterations, 1);
}

TEST(Sampler, ShortIterationsAreBatched) {
  SamplerOptions options = usual();
  options.item_seconds = 2.0;
  options.samples_max = 20'000;
  EXPECT_EQ(batch_size(1000.0, options), 500);  // 1 us up to 500 us
  EXPECT_EQ(batch_size(1e6, options), 1);       // 1 ms stays
  options.clock_step_ns = 2000.0;
  EXPECT_EQ(batch_size(1000.0, options), 2000);  // timer error: 2 us in 2 ms
  options.clock_step_ns = 50.0;
  options.item_seconds = 600.0;
  EXPECT_EQ(batch_size(1000.0, options), 30'000);  // at most 20,000 samples in 600 s
  options.item_seconds = 2.0;
  SimulatedDevice device(noisy(1e-6, 0.05, 0.0, 10));
  const Sampling sampling = sample(device.subject(), options);
  EXPECT_NEAR(static_cast<double>(sampling.batch), 500.0, 25.0);
  EXPECT_TRUE(sampling.converged);
}

TEST(Sampler, BatchesGrowToTheirLengthHoweverBusyTheHost) {
  // The device's clock sees 130 ns an iteration after 5 µs of launch; each batch costs the host
  // longer than the whole warm-up may take.
  constexpr double kIterationNs = 130.0;
  std::int64_t host_ns = 0;
  Subject subject;
  subject.now_ns = [&] { return host_ns; };
  subject.time_batch = [&](std::int64_t iterations) {
    host_ns += 20'000'000;
    return std::llround(5000.0 + kIterationNs * static_cast<double>(iterations));
  };
  SamplerOptions options = usual();
  options.warm_up_min_s = 0.0;
  options.warm_up_max_s = 0.01;
  options.sample_seconds_min = 5e-3;
  const Sampling sampling = sample(subject, options);
  EXPECT_FALSE(sampling.steady);
  EXPECT_TRUE(sampling.converged);
  EXPECT_GE(static_cast<double>(sampling.batch) * kIterationNs, 0.99 * 5e6);
  EXPECT_NEAR(sampling.judgement.estimate_ns / static_cast<double>(sampling.batch), kIterationNs,
              1.1e-3 * kIterationNs);
}

TEST(Sampler, ProgressComesAtMostTenTimesASecond) {
  SimulatedDevice device(noisy(0.001, 0.3, 0.0, 11));
  SamplerOptions options = usual();
  options.fixed_time = true;
  options.item_seconds = 3.0;
  Subject subject = device.subject();
  int timed = 0;
  subject.on_progress = [&](const Progress& progress) {
    timed += progress.phase == Phase::timed ? 1 : 0;
  };
  static_cast<void>(sample(subject, options));
  EXPECT_GE(timed, 25);
  EXPECT_LE(timed, 31);
}

TEST(Sampler, RefusesOptionsThatMakeNoSense) {
  SimulatedDevice device(noisy(0.01, 0.0, 0.0, 12));
  SamplerOptions options = usual();
  options.rule.look_factor = 1.0;
  EXPECT_THROW(static_cast<void>(sample(device.subject(), options)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(sample({}, usual())), std::invalid_argument);
}

TEST(StoppingRule, LooksAreSpacedByTheFactor) {
  const StoppingRule rule;
  EXPECT_EQ(next_look(0, rule), 60);
  EXPECT_EQ(next_look(60, rule), 75);
  EXPECT_EQ(next_look(75, rule), 94);
}

/// Share of runs whose interval at the stop covers the true mean.
double coverage(const StoppingRule& rule, double correlation, int runs, double deviation) {
  SamplerOptions options;
  options.rule = rule;
  options.item_seconds = 1e4;
  options.warm_up_min_s = 0.0;
  options.warm_up_max_s = 1.0;
  options.samples_max = 1'000'000;
  int covered = 0;
  for (int run = 0; run < runs; ++run) {
    SimulatedDevice device(
        noisy(0.05, deviation, correlation, 1000 + static_cast<std::uint64_t>(run)));
    const Judgement at_stop = sample(device.subject(), options).judgement;
    const double half_width = at_stop.half_width_relative * at_stop.estimate_ns;
    covered += std::abs(at_stop.estimate_ns - 0.05e9) <= half_width ? 1 : 0;
  }
  return static_cast<double>(covered) / runs;
}

TEST(StoppingRule, SpacedLooksWithAFloorCover) {
  StoppingRule spaced;
  spaced.target_relative = 0.02;
  spaced.drift_max_relative = kNever;
  EXPECT_GE(coverage(spaced, 0.9, 300, 0.1), 0.92);
}

TEST(StoppingRule, LookingAfterEachSampleDoesNot) {
  StoppingRule always;
  always.target_relative = 0.05;
  always.drift_max_relative = kNever;
  always.look_factor = 1.0 + 1e-9;
  always.effective_samples_min = 1.0;
  EXPECT_LE(coverage(always, 0.9, 200, 0.1), 0.8);
  // The same rule with the floor and spaced looks, for the same target.
  StoppingRule spaced;
  spaced.target_relative = always.target_relative;
  spaced.drift_max_relative = kNever;
  EXPECT_GE(coverage(spaced, 0.9, 200, 0.1), 0.92);
}

TEST(StoppingRule, MedianCoversToo) {
  StoppingRule rule;
  rule.estimator = Estimator::median;
  rule.target_relative = 0.02;
  rule.drift_max_relative = kNever;
  EXPECT_GE(coverage(rule, 0.7, 300, 0.08), 0.92);
}

}  // namespace
}  // namespace assay::harness
