#include "results/edition/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"

namespace assay {
namespace {

void require(bool holds, const char* what) {
  if (!holds) throw input_error(what, "statistics");
}

/// Quantile of a range that may be reordered.
double quantile_in_place(std::vector<double>& values, double probability) {
  require(!values.empty(), "a quantile needs at least one sample");
  require(probability >= 0.0 && probability <= 1.0, "a probability must lie in [0, 1]");
  const double position = probability * static_cast<double>(values.size() - 1);
  const double floor = std::floor(position);
  const auto lower = values.begin() + static_cast<std::ptrdiff_t>(floor);
  std::nth_element(values.begin(), lower, values.end());
  const double fraction = position - floor;
  if (fraction == 0.0) return *lower;
  const double above = *std::min_element(lower + 1, values.end());
  return *lower + fraction * (above - *lower);
}

/// [begin, end) of part `index` of `parts` neighbouring, nearly equal parts of `size` elements.
std::pair<std::size_t, std::size_t> part_bounds(std::size_t size, std::size_t parts,
                                                std::size_t index) {
  return {index * size / parts, (index + 1) * size / parts};
}

double mean_square(std::span<const double> samples, double center) {
  double sum = 0.0;
  for (const double sample : samples) sum += (sample - center) * (sample - center);
  return sum / static_cast<double>(samples.size());
}

/// Geyer's τ of a series short enough for direct sums.
double positive_sequence_time(std::span<const double> samples) {
  const std::size_t size = samples.size();
  const double center = mean(samples);
  std::vector<double> centred(size);
  std::transform(samples.begin(), samples.end(), centred.begin(),
                 [center](double sample) { return sample - center; });
  const auto covariance = [&](std::size_t lag) {
    double sum = 0.0;
    for (std::size_t i = lag; i < size; ++i) sum += centred[i] * centred[i - lag];
    return sum / static_cast<double>(size);
  };
  const double variance = covariance(0);
  if (!(variance > 0.0)) return 1.0;
  double sum = 0.0;
  for (std::size_t lag = 0; lag + 1 < size; lag += 2) {
    const double pair = (lag == 0 ? variance : covariance(lag)) + covariance(lag + 1);
    if (!(pair > 0.0)) break;
    sum += pair;
  }
  return std::max(1.0, 2.0 * sum / variance - 1.0);
}

}  // namespace

double mean(std::span<const double> samples) {
  require(!samples.empty(), "a mean needs at least one sample");
  double sum = 0.0;
  for (const double sample : samples) sum += sample;
  return sum / static_cast<double>(samples.size());
}

double standard_deviation(std::span<const double> samples) {
  require(samples.size() >= 2, "a standard deviation needs at least two samples");
  const auto size = static_cast<double>(samples.size());
  return std::sqrt(mean_square(samples, mean(samples)) * size / (size - 1.0));
}

double quantile(std::span<const double> samples, double probability) {
  std::vector<double> values(samples.begin(), samples.end());
  return quantile_in_place(values, probability);
}

double median(std::span<const double> samples) {
  return quantile(samples, 0.5);
}

double median_absolute_deviation(std::span<const double> samples) {
  const double center = median(samples);
  std::vector<double> distances(samples.size());
  std::transform(samples.begin(), samples.end(), distances.begin(),
                 [center](double sample) { return std::abs(sample - center); });
  return quantile_in_place(distances, 0.5);
}

double weighted_harmonic_mean(std::span<const double> shares, std::span<const double> values) {
  require(!values.empty() && shares.size() == values.size(), "a mean needs a share for each value");
  double sum = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    require(values[i] > 0.0, "a harmonic mean needs positive values");
    sum += shares[i] / values[i];
  }
  return 1.0 / sum;
}

double weighted_geometric_mean(std::span<const double> shares, std::span<const double> values) {
  require(!values.empty() && shares.size() == values.size(), "a mean needs a share for each value");
  double sum = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    require(values[i] > 0.0, "a geometric mean needs positive values");
    sum += shares[i] * std::log(values[i]);
  }
  return std::exp(sum);
}

double theil_sen_slope(std::span<const double> samples) {
  if (samples.size() < 2) return 0.0;
  const std::size_t points = std::min(samples.size(), static_cast<std::size_t>(kSlopeSamplesMax));
  std::vector<double> x(points);
  std::vector<double> y(points);
  for (std::size_t point = 0; point < points; ++point) {
    const auto [begin, end] = part_bounds(samples.size(), points, point);
    x[point] = 0.5 * static_cast<double>(begin + end - 1);
    y[point] = median(samples.subspan(begin, end - begin));
  }
  std::vector<double> slopes;
  slopes.reserve(points * (points - 1) / 2);
  for (std::size_t i = 0; i < points; ++i) {
    for (std::size_t j = i + 1; j < points; ++j) slopes.push_back((y[j] - y[i]) / (x[j] - x[i]));
  }
  return quantile_in_place(slopes, 0.5);
}

double relative_drift(std::span<const double> samples) {
  if (samples.size() < 2) return 0.0;
  return theil_sen_slope(samples) * static_cast<double>(samples.size() - 1) / median(samples);
}

double autocorrelation_time(std::span<const double> samples) {
  if (samples.size() < 4) return 1.0;
  constexpr auto kMax = static_cast<std::size_t>(kAutocorrelationSamplesMax);
  if (samples.size() <= kMax) return positive_sequence_time(samples);
  const std::size_t fold = (samples.size() + kMax - 1) / kMax;
  const std::size_t groups = samples.size() / fold;
  std::vector<double> folded(groups);
  for (std::size_t group = 0; group < groups; ++group) {
    folded[group] = mean(samples.subspan(group * fold, fold));
  }
  const double variance = mean_square(samples, mean(samples));
  if (!(variance > 0.0)) return 1.0;
  const double folded_variance = mean_square(folded, mean(folded));
  return std::max(
      1.0, positive_sequence_time(folded) * folded_variance * static_cast<double>(fold) / variance);
}

double effective_samples(std::span<const double> samples) {
  return static_cast<double>(samples.size()) / autocorrelation_time(samples);
}

double effective_samples_of_median(std::span<const double> samples) {
  const double center = median(samples);
  std::vector<double> below(samples.size());
  std::transform(samples.begin(), samples.end(), below.begin(),
                 [center](double sample) { return sample <= center ? 1.0 : 0.0; });
  return effective_samples(below);
}

Interval median_interval(std::span<const double> samples, double confidence) {
  require(confidence > 0.0 && confidence < 1.0, "a confidence must lie between 0 and 1");
  const double effective = effective_samples_of_median(samples);
  const double t = student_t_quantile(0.5 * (1.0 + confidence), std::max(1.0, effective - 1.0));
  const double half = 0.5 * t / std::sqrt(effective);
  return {quantile(samples, std::max(0.0, 0.5 - half)),
          quantile(samples, std::min(1.0, 0.5 + half))};
}

std::int64_t block_count(std::span<const double> samples) {
  const auto blocks = static_cast<std::int64_t>(effective_samples(samples) / kBlockLength);
  return std::clamp(blocks, kBlocksMin, kBlocksMax);
}

Uncertainty ratio_of_sums_error(std::span<const double> work, std::span<const double> time) {
  require(work.size() == time.size(), "as many works as times");
  require(time.size() >= 2, "an interval needs at least two samples");
  // Correlation is that of the rate's residual, which is what the blocks must outlast.
  double total_work = 0.0;
  double total_time = 0.0;
  for (std::size_t i = 0; i < time.size(); ++i) {
    require(work[i] > 0.0 && time[i] > 0.0, "work and times must be positive");
    total_work += work[i];
    total_time += time[i];
  }
  const double ratio = total_work / total_time;
  std::vector<double> residuals(time.size());
  for (std::size_t i = 0; i < time.size(); ++i) residuals[i] = work[i] - ratio * time[i];
  const auto blocks = static_cast<std::size_t>(block_count(residuals));
  double squares = 0.0;
  for (std::size_t block = 0; block < blocks; ++block) {
    const auto [begin, end] = part_bounds(residuals.size(), blocks, block);
    double residual = 0.0;
    for (std::size_t i = begin; i < end; ++i) residual += residuals[i];
    squares += residual * residual;
  }
  const auto count = static_cast<double>(blocks);
  return {std::sqrt(squares * count / (count - 1.0)) / total_work, count - 1.0};
}

Uncertainty equal_work_rate_error(std::span<const double> time) {
  const std::vector<double> work(time.size(), 1.0);
  return ratio_of_sums_error(work, time);
}

double combined_uncertainty(std::span<const Uncertainty> terms) {
  double squares = 0.0;
  for (const Uncertainty& term : terms) squares += term.u * term.u;
  return std::sqrt(squares);
}

double effective_degrees(std::span<const Uncertainty> terms) {
  const double combined = combined_uncertainty(terms);
  double sum = 0.0;
  for (const Uncertainty& term : terms) {
    if (term.u == 0.0 || std::isinf(term.degrees)) continue;
    require(term.degrees > 0.0, "degrees of freedom must be positive");
    const double relative = term.u / combined;
    sum += relative * relative * relative * relative / term.degrees;
  }
  return sum > 0.0 ? 1.0 / sum : std::numeric_limits<double>::infinity();
}

}  // namespace assay
