#include "harness/stopping_rule.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "results/edition/statistics.h"

namespace assay::harness {
namespace {

constexpr double kConfidence = 0.95;
constexpr std::size_t kDriftGroupsMax = 64;

std::vector<double> differences(std::span<const std::int64_t> ends) {
  std::vector<double> samples;
  samples.reserve(ends.size());
  std::int64_t previous = 0;
  for (const std::int64_t end : ends) {
    samples.push_back(static_cast<double>(end - previous));
    previous = end;
  }
  return samples;
}

/// The wider of two: batch means, and the series' own deviation with its autocorrelation time.
/// Each alone is sometimes too narrow by chance, which is when a stopping rule believes it: at a
/// correlation of 0.9 batch means cover 89 % to 93 % at the stop, the wider of both 93 % to 95 %.
double half_width_of_ratio(std::span<const double> samples, double effective) {
  constexpr double kUpper = 0.5 * (1.0 + kConfidence);
  const Uncertainty blocks = equal_work_rate_error(samples);
  const double by_blocks = student_t_quantile(kUpper, blocks.degrees) * blocks.u;
  // The autocorrelation time is estimated from the same samples: half of the degrees of freedom.
  const double degrees = std::max(1.0, 0.5 * effective - 1.0);
  const double by_time = student_t_quantile(kUpper, degrees) * standard_deviation(samples) /
                         std::sqrt(effective) / mean(samples);
  return std::max(by_blocks, by_time);
}

double half_width_of_median(std::span<const double> samples, double center) {
  const Interval interval = median_interval(samples, kConfidence);
  return 0.5 * (interval.upper - interval.lower) / center;
}

}  // namespace

std::string_view name(Estimator estimator) {
  return estimator == Estimator::median ? "median" : "ratio_of_sums";
}

double drift_relative(std::span<const double> samples) {
  if (samples.size() < 3) return 0.0;
  const std::size_t groups = std::min(samples.size(), kDriftGroupsMax);
  std::vector<double> means(groups);
  for (std::size_t group = 0; group < groups; ++group) {
    const std::size_t begin = group * samples.size() / groups;
    const std::size_t end = (group + 1) * samples.size() / groups;
    means[group] = mean(samples.subspan(begin, end - begin));
  }
  // relative_drift spans groups - 1 steps; the window is `groups` groups long.
  return relative_drift(means) * static_cast<double>(groups) / static_cast<double>(groups - 1);
}

Judgement judge(std::span<const std::int64_t> sample_end_ns, const StoppingRule& rule) {
  Judgement judgement;
  judgement.half_width_relative = std::numeric_limits<double>::infinity();
  if (sample_end_ns.empty()) return judgement;
  const std::vector<double> samples = differences(sample_end_ns);
  const bool by_median = rule.estimator == Estimator::median;
  const double center = by_median ? median(samples) : mean(samples);
  judgement.estimate_ns = center;
  judgement.effective_samples =
      by_median ? effective_samples_of_median(samples) : effective_samples(samples);
  judgement.drift_relative = drift_relative(samples);
  // A sample of no length is one that the clock could not see: no interval is formed of such.
  const bool all_positive =
      std::all_of(samples.begin(), samples.end(), [](double sample) { return sample > 0.0; });
  if (samples.size() >= 2 && all_positive) {
    judgement.half_width_relative = by_median
                                        ? half_width_of_median(samples, center)
                                        : half_width_of_ratio(samples, judgement.effective_samples);
  }
  judgement.enough = judgement.effective_samples >= rule.effective_samples_min &&
                     judgement.half_width_relative <= rule.target_relative &&
                     std::abs(judgement.drift_relative) <= rule.drift_max_relative;
  return judgement;
}

std::int64_t next_look(std::int64_t samples, const StoppingRule& rule) {
  const double floor = std::ceil(rule.effective_samples_min);
  const double spaced = std::ceil(static_cast<double>(samples) * rule.look_factor);
  return std::max(
      {static_cast<std::int64_t>(floor), static_cast<std::int64_t>(spaced), samples + 1});
}

}  // namespace assay::harness
