#include "results/edition/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "base/error.h"
#include "base/philox.h"

namespace assay {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Standard normal draws, keyed: the same on any machine up to the last digits of log and cos.
class Normal {
 public:
  explicit Normal(std::uint64_t key) : key_(key) {}
  double operator()() {
    const Philox4 words = philox(key_, counter_++, 0);
    const double radius = std::sqrt(-2.0 * std::log(philox_uniform(words.word[0])));
    return radius * std::cos(2.0 * std::numbers::pi * philox_uniform(words.word[1]));
  }

 private:
  std::uint64_t key_;
  std::uint64_t counter_ = 0;
};

/// An AR(1) series around `center` with standard deviation `sigma`, started in its stationary law.
std::vector<double> autoregression(Normal& draw, std::size_t size, double phi, double center,
                                   double sigma) {
  std::vector<double> series(size);
  double state = draw();
  for (double& sample : series) {
    sample = center + sigma * state;
    state = phi * state + std::sqrt(1.0 - phi * phi) * draw();
  }
  return series;
}

TEST(StudentT, QuantilesOfPublishedTables) {
  struct Row {
    double probability;
    double degrees;
    double t;
  };
  // Whole degrees: Abramowitz and Stegun, table 26.10, with more digits; fractional ones computed
  // once at 30 digits.
  const Row rows[] = {
      {0.975, 1, 12.706204736174694},        {0.975, 2, 4.302652729749464},
      {0.975, 4, 2.776445105197793},         {0.975, 5, 2.570581835636315},
      {0.975, 10, 2.228138851986273},        {0.975, 30, 2.042272456301238},
      {0.975, 100, 1.983971518523552},       {0.95, 1, 6.313751514675037},
      {0.95, 4, 2.131846786326649},          {0.95, 10, 1.812461122811676},
      {0.975, kInfinity, 1.959963984540054}, {0.95, kInfinity, 1.644853626951473},
      {0.975, 0.5, 164.5576734804882},       {0.95, 1.7, 3.303615143237929},
      {0.975, 3.3, 3.024874461840807},       {0.95, 7.25, 1.884795718084103},
      {0.975, 23.6, 2.06575131235835},       {0.999, 41.9, 3.296470663351904},
      {0.975, 250.5, 1.969479272051676},     {0.95, 10000.5, 1.645006010449357},
  };
  for (const Row& row : rows) {
    EXPECT_NEAR(student_t_quantile(row.probability, row.degrees) / row.t, 1.0, 1e-10)
        << row.probability << ' ' << row.degrees;
    EXPECT_NEAR(student_t_quantile(1.0 - row.probability, row.degrees) / -row.t, 1.0, 1e-10);
  }
}

TEST(StudentT, ClosedForms) {
  for (const double t : {-30.0, -1.5, -0.01, 0.0, 0.3, 2.0, 12.0, 400.0}) {
    EXPECT_NEAR(student_t_cdf(t, 1.0), 0.5 + std::atan(t) / std::numbers::pi, 1e-14) << t;
    EXPECT_NEAR(student_t_cdf(t, 2.0), 0.5 + 0.5 * t / std::sqrt(2.0 + t * t), 1e-14) << t;
  }
}

TEST(StudentT, QuantileUndoesDistribution) {
  for (const double degrees : {0.7, 1.0, 3.9, 4.0, 17.3, 39.9, 40.1, 999.5, 1e5, 9e5, 2e6, 1e12}) {
    for (const double probability : {1e-6, 0.025, 0.05, 0.4999, 0.6, 0.95, 0.975, 0.9995}) {
      const double t = student_t_quantile(probability, degrees);
      EXPECT_NEAR(student_t_cdf(t, degrees) / probability, 1.0, 1e-9)
          << probability << ' ' << degrees;
    }
  }
}

TEST(StudentT, ManyDegreesJoinTheContinuedFraction) {
  EXPECT_NEAR(student_t_quantile(0.975, 1.000001e6), student_t_quantile(0.975, 0.999999e6), 1e-10);
  EXPECT_NEAR(student_t_cdf(2.0, 1.000001e6), student_t_cdf(2.0, 0.999999e6), 1e-10);
  EXPECT_DOUBLE_EQ(normal_quantile(0.975), 1.959963984540054);
  EXPECT_NEAR(normal_cdf(normal_quantile(1e-9)) / 1e-9, 1.0, 1e-12);
}

TEST(StudentT, RefusesWhatHasNoMeaning) {
  EXPECT_THROW((void)student_t_quantile(0.0, 4.0), Error);
  EXPECT_THROW((void)student_t_quantile(1.0, 4.0), Error);
  EXPECT_THROW((void)student_t_quantile(0.975, 0.0), Error);
  EXPECT_THROW((void)student_t_quantile(std::nan(""), 4.0), Error);
}

TEST(Summaries, OrderStatistics) {
  const std::vector<double> samples = {9.0, 1.0, 4.0, 16.0};
  EXPECT_DOUBLE_EQ(median(samples), 6.5);
  EXPECT_DOUBLE_EQ(quantile(samples, 0.0), 1.0);
  EXPECT_DOUBLE_EQ(quantile(samples, 1.0), 16.0);
  EXPECT_DOUBLE_EQ(quantile(samples, 0.1), 1.0 + 0.3 * 3.0);
  EXPECT_DOUBLE_EQ(median_absolute_deviation(samples), 4.0);
  EXPECT_DOUBLE_EQ(mean(samples), 7.5);
  EXPECT_DOUBLE_EQ(standard_deviation(samples), std::sqrt((2.25 + 42.25 + 12.25 + 72.25) / 3.0));
  EXPECT_THROW((void)median({}), Error);
  EXPECT_THROW((void)standard_deviation(std::vector<double>{1.0}), Error);
}

TEST(Summaries, HarmonicIsTheTimeOfTheBundle) {
  const std::vector<double> shares = {0.25, 0.75};
  const std::vector<double> rates = {2.0, 4.0};
  EXPECT_DOUBLE_EQ(weighted_harmonic_mean(shares, rates), 1.0 / (0.125 + 0.1875));
  EXPECT_DOUBLE_EQ(
      weighted_geometric_mean(std::vector<double>{0.5, 0.5}, std::vector<double>{2.0, 8.0}), 4.0);
  EXPECT_THROW((void)weighted_geometric_mean(shares, std::vector<double>{2.0, 0.0}), Error);
  EXPECT_THROW((void)weighted_harmonic_mean(shares, std::vector<double>{1.0}), Error);
}

TEST(Slope, ExactOnLinesAndBlindToOutliers) {
  std::vector<double> line(101);
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = 5.0 + 0.25 * static_cast<double>(i);
  EXPECT_DOUBLE_EQ(theil_sen_slope(line), 0.25);
  EXPECT_DOUBLE_EQ(relative_drift(line), 25.0 / 17.5);
  for (std::size_t i = 0; i < 20; ++i) line[5 * i] = 1e6;
  EXPECT_NEAR(theil_sen_slope(line), 0.25, 0.05);
  EXPECT_EQ(theil_sen_slope(std::vector<double>{3.0}), 0.0);
}

TEST(Slope, LongSeriesInGroups) {
  std::vector<double> line(12345);
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = 1.0 + 1e-4 * static_cast<double>(i);
  EXPECT_NEAR(theil_sen_slope(line), 1e-4, 1e-15);
}

TEST(Autocorrelation, TimeOfAnAutoregression) {
  // τ of AR(1) is (1 + φ) / (1 − φ).
  Normal draw(11);
  EXPECT_NEAR(autocorrelation_time(autoregression(draw, 8000, 0.0, 1.0, 0.1)), 1.0, 0.15);
  EXPECT_NEAR(autocorrelation_time(autoregression(draw, 8000, 0.5, 1.0, 0.1)), 3.0, 0.6);
  EXPECT_NEAR(autocorrelation_time(autoregression(draw, 8000, 0.9, 1.0, 0.1)), 19.0, 5.0);
  // A folded series tells the same.
  EXPECT_NEAR(autocorrelation_time(autoregression(draw, 60000, 0.9, 1.0, 0.1)), 19.0, 3.0);
  EXPECT_EQ(autocorrelation_time(std::vector<double>(50, 2.0)), 1.0);
  std::vector<double> alternating(100);
  for (std::size_t i = 0; i < 100; ++i) alternating[i] = i % 2 == 0 ? 1.0 : 2.0;
  EXPECT_EQ(effective_samples(alternating), 100.0);
}

TEST(BatchMeans, RatioOfSumsByHand) {
  // Fewer than 10 effective samples: two blocks, of two samples each.
  const std::vector<double> time = {1.0, 1.0, 2.0, 2.0};
  const Uncertainty error = equal_work_rate_error(time);
  // R = 4/6; r = 2 − (4/6)·2 = 2/3 and −2/3; u/R = √(2/1·(4/9 + 4/9)) / 4.
  EXPECT_DOUBLE_EQ(error.u, std::sqrt(2.0 * 8.0 / 9.0) / 4.0);
  EXPECT_EQ(error.degrees, 1.0);
  EXPECT_THROW((void)equal_work_rate_error(std::vector<double>{1.0}), Error);
  EXPECT_THROW((void)equal_work_rate_error(std::vector<double>{1.0, -1.0}), Error);
  EXPECT_THROW((void)ratio_of_sums_error(std::vector<double>{1.0, 1.0}, time), Error);
}

TEST(BatchMeans, WorkInProportionToTimeHasNoError) {
  std::vector<double> work;
  std::vector<double> time;
  for (int i = 1; i <= 200; ++i) {
    time.push_back(1.0 + i % 7);
    work.push_back(3.0 * time.back());
  }
  EXPECT_NEAR(ratio_of_sums_error(work, time).u, 0.0, 1e-15);
}

/// Share of `trials` series of n_eff = 60 whose interval holds the truth.
template <class Interval95>
double coverage(double phi, int trials, const Interval95& holds_truth) {
  Normal draw(20261);
  const auto size = static_cast<std::size_t>(60.0 * (1.0 + phi) / (1.0 - phi));
  int covered = 0;
  for (int trial = 0; trial < trials; ++trial) {
    covered += holds_truth(autoregression(draw, size, phi, 1.0, 0.02)) ? 1 : 0;
  }
  return static_cast<double>(covered) / trials;
}

TEST(Coverage, RateOfACorrelatedSeries) {
  const double share = coverage(0.9, 2000, [](const std::vector<double>& time) {
    const Uncertainty error = equal_work_rate_error(time);
    const double rate = 1.0 / mean(time);
    return std::abs(rate - 1.0) <= student_t_quantile(0.975, error.degrees) * error.u * rate;
  });
  EXPECT_GE(share, 0.93);
  EXPECT_LE(share, 0.96);
}

TEST(Coverage, MedianOfACorrelatedSeries) {
  const double share = coverage(0.9, 1000, [](const std::vector<double>& time) {
    const Interval interval = median_interval(time, 0.95);
    return interval.lower <= 1.0 && 1.0 <= interval.upper;
  });
  EXPECT_GE(share, 0.93);
  EXPECT_LE(share, 0.965);
}

TEST(Coverage, BlindnessToCorrelationWouldShow) {
  // What the floor and the blocks are for: taken as independent, 95 % would cover about a third.
  const double share = coverage(0.9, 500, [](const std::vector<double>& time) {
    const double error = standard_deviation(time) / std::sqrt(static_cast<double>(time.size()));
    return std::abs(mean(time) - 1.0) <= 1.96 * error;
  });
  EXPECT_LT(share, 0.5);
}

TEST(Combining, WelchSatterthwaite) {
  const std::vector<Uncertainty> equal = {{1.0, 4.0}, {1.0, 4.0}};
  EXPECT_DOUBLE_EQ(combined_uncertainty(equal), std::sqrt(2.0));
  EXPECT_NEAR(effective_degrees(equal), 8.0, 1e-12);
  // GUM H.1.6: the length of an end gauge, ν_eff = 16.7.
  const std::vector<Uncertainty> gauge = {{25.0, 18.0}, {9.7, 25.6}, {2.9, 50.0}, {16.6, 2.0}};
  EXPECT_NEAR(effective_degrees(gauge), 16.7, 0.1);
  const std::vector<Uncertainty> exact = {{1.0, kInfinity}, {0.0, 3.0}};
  EXPECT_TRUE(std::isinf(effective_degrees(exact)));
}

}  // namespace
}  // namespace assay
