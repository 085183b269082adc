#include "results/edition/compute_unit.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"

namespace assay {
namespace {

const std::vector<double> kShares = {0.10, 0.20, 0.30, 0.25, 0.15};
const std::vector<double> kCard = {0.20, 0.35, 0.45, 0.50, 0.15};
const std::vector<double> kOther = {0.90, 0.10, 0.45, 0.05, 0.60};

TEST(ComputeUnit, OnePetaflopPerSecondForAnHourIsOne) {
  const std::vector<double> even(5, 1.0);
  EXPECT_DOUBLE_EQ(compute_units_per_hour(kShares, even), 1.0);
  EXPECT_DOUBLE_EQ(kFlopsPerComputeUnit, 1e15 * 3600.0);
}

TEST(ComputeUnit, IsTheTimeToDoTheBundle) {
  // K units of the bundle take the device one hour, whatever its strengths and weaknesses.
  for (const std::vector<double>& pflops : {kCard, kOther}) {
    const double rate = compute_units_per_hour(kShares, pflops);
    EXPECT_NEAR(hours_of_bundle(rate, kShares, pflops), 1.0, 1e-14);
    EXPECT_NEAR(hours_of_bundle(10.0, kShares, pflops), 10.0 / rate, 1e-12);
  }
}

TEST(ComputeUnit, AddsOverAFleet) {
  // Two devices working side by side for h hours do h·(K1 + K2) units of the bundle.
  const double first = compute_units_per_hour(kShares, kCard);
  const double second = compute_units_per_hour(kShares, kOther);
  const double hours = 100.0;
  const double done =
      hours / hours_of_bundle(1.0, kShares, kCard) + hours / hours_of_bundle(1.0, kShares, kOther);
  EXPECT_NEAR(done, hours * (first + second), 1e-9);
  // Means that do not keep the bundle's time do not: the arithmetic one promises more.
  double arithmetic = 0.0;
  for (std::size_t i = 0; i < kShares.size(); ++i) arithmetic += kShares[i] * kOther[i];
  EXPECT_GT(arithmetic, 1.2 * second);
}

TEST(ComputeUnit, TimeSharesSumToOne) {
  const double rate = compute_units_per_hour(kShares, kCard);
  double sum = 0.0;
  for (std::size_t i = 0; i < kShares.size(); ++i) {
    const double share = time_share(rate, kShares[i], kCard[i]);
    sum += share;
    // The sensitivity of ln K to ln T_i, by a difference.
    std::vector<double> raised = kCard;
    raised[i] *= 1.0 + 1e-6;
    const double slope = (compute_units_per_hour(kShares, raised) / rate - 1.0) / 1e-6;
    EXPECT_NEAR(share, slope, 1e-5);
  }
  EXPECT_NEAR(sum, 1.0, 1e-15);
}

TEST(ComputeUnit, RefusesWhatHasNoRate) {
  EXPECT_THROW((void)compute_units_per_hour(kShares, std::vector<double>{1.0}), Error);
  std::vector<double> dead = kCard;
  dead[2] = 0.0;
  EXPECT_THROW((void)compute_units_per_hour(kShares, dead), Error);
  EXPECT_THROW((void)hours_of_bundle(1.0, kShares, dead), Error);
}

}  // namespace
}  // namespace assay
