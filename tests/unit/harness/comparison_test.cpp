// A/A and A/B comparisons on the simulated device, the whole way: sampler, result, rate,
// comparison.
#include "results/edition/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/error.h"
#include "results/edition/basket.h"
#include "simulated_device.h"
#include "support/sample_result.h"

namespace assay {
namespace {

constexpr double kStepSeconds = 0.02;
constexpr double kProcessSpread = 0.005;

/// One run of the suite quick's rules on a simulated device of that pace: its processes differ, and
/// steps within one are correlated.
Assessment simulated_run(ResultDocument result, double pace, std::uint64_t seed) {
  harness::SamplerOptions options;
  options.rule.estimator = harness::Estimator::ratio_of_sums;
  options.rule.target_relative = 0.02;
  options.rule.drift_max_relative = 1.0;
  options.warm_up_min_s = 0.0;
  options.warm_up_max_s = 0.1;
  options.item_seconds = 4.0;
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal;
  for (ProcessRecord& process : result.processes) {
    const double step_s = kStepSeconds / (pace * (1.0 + kProcessSpread * normal(generator)));
    for (ItemRecord& item : process.items) {
      if (item.basket_item.empty()) continue;
      harness::test::SimulatedDevice device(harness::test::noisy(step_s, 0.02, 0.3, generator()));
      item.sample_end_ns = harness::sample(device.subject(), options).sample_end_ns;
      // As many losses as there were steps.
      item.warm_up_iterations = 1;
      item.training->losses.resize(item.sample_end_ns.size() + 1, item.training->losses.back());
      item.training->gradient_norms.resize(item.training->losses.size(),
                                           item.training->gradient_norms.back());
    }
  }
  return derive_figures(result);
}

ResultDocument template_result() {
  return sample_result(sample_options_of(load_basket("tb1-lite")));
}

TEST(RateComparison, FalseAlarmsOfAaComparisonsStayUnderFivePercent) {
  const ResultDocument empty = template_result();
  constexpr int kPairs = 200;
  constexpr int kStatedEvery = 25;  // it takes longer than the comparison
  int alarms = 0;
  double stated = 0.0;
  for (int pair = 0; pair < kPairs; ++pair) {
    const auto seed = static_cast<std::uint64_t>(2 * pair);
    const Assessment a = simulated_run(empty, 1.0, seed);
    const Assessment b = simulated_run(empty, 1.0, seed + 1);
    alarms += compare_rates(a, b).differs() ? 1 : 0;
    if (pair % kStatedEvery == 0) stated += false_alarm_rate(a, b) * kStatedEvery / kPairs;
  }
  // Four standard errors of a share of 5 % over so many pairs. Far fewer alarms would be an
  // interval too wide to be of use.
  const double standard_error = std::sqrt(0.05 * 0.95 / kPairs);
  const double observed = static_cast<double>(alarms) / kPairs;
  EXPECT_LE(observed, 0.05 + 4.0 * standard_error);
  // What stands beside an interval is what was seen here.
  EXPECT_NEAR(stated, observed, 4.0 * standard_error);
  EXPECT_LE(stated, 0.05);
  RecordProperty("observed_false_alarm_rate", std::to_string(observed));
  RecordProperty("stated_false_alarm_rate", std::to_string(stated));
}

TEST(RateComparison, SeesADifferenceBeyondTheNoise) {
  const ResultDocument empty = template_result();
  int seen = 0;
  for (std::uint64_t pair = 0; pair < 20; ++pair) {
    const RateComparison comparison = compare_rates(simulated_run(empty, 1.0, 2 * pair),
                                                    simulated_run(empty, 1.05, 2 * pair + 1));
    EXPECT_GT(comparison.difference_cu_per_h, 0.0);
    seen += comparison.differs() ? 1 : 0;
  }
  EXPECT_GE(seen, 19);
}

TEST(RateComparison, NeedsRatesWithAnUncertainty) {
  ResultDocument one = template_result();
  one.processes.resize(1);
  const Assessment rated = derive_figures(template_result());
  try {
    static_cast<void>(compare_rates(rated, derive_figures(one)));
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_THAT(error.line(), ::testing::HasSubstr("the second result"));
    EXPECT_THAT(error.line(), ::testing::HasSubstr("one process"));
  }
}

}  // namespace
}  // namespace assay
