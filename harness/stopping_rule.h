#pragma once
/// When a series of samples is good enough to stop, and what its estimate is worth.
///
/// The rule is asked only at looks, spaced by a factor: asking after each sample and stopping at
/// the first narrow interval covers the truth in 63 % of cases where 95 % is claimed, when
/// neighbours correlate at 0.9; spaced looks with a floor of effective samples cover 93 % and more
/// (docs/figures.md).
#include <cstdint>
#include <span>
#include <string_view>

namespace assay::harness {

/// What of the samples is the figure: total work over total time (scored items), or the median
/// sample (kernels: a diagnostic).
enum class Estimator { ratio_of_sums, median };
[[nodiscard]] std::string_view name(Estimator estimator);

struct StoppingRule {
  Estimator estimator = Estimator::ratio_of_sums;
  double target_relative = 0.01;        ///< half-width of the 95 % interval over the estimate
  double drift_max_relative = 0.01;     ///< change over the window, relative
  double effective_samples_min = 60.0;  ///< floor below which no interval is believed
  double look_factor = 1.25;            ///< spacing of looks, in samples
};

struct Judgement {
  double estimate_ns = 0.0;          ///< of one sample
  double half_width_relative = 0.0;  ///< of the 95 % interval; infinite where it can't be formed
  double effective_samples = 0.0;
  double drift_relative = 0.0;  ///< Theil-Sen slope times the window, over the median
  bool enough = false;          ///< all three conditions of the rule hold
};

/// Judges samples given by their ends (ns from the start of the window, ascending).
[[nodiscard]] Judgement judge(std::span<const std::int64_t> sample_end_ns,
                              const StoppingRule& rule);

/// Relative change over a series (Theil-Sen slope times its length, over its median), on at most
/// 64 means of neighbours so that a look stays cheap. 0 for fewer than three values.
[[nodiscard]] double drift_relative(std::span<const double> samples);

/// Number of samples at which to look next, after `samples`.
[[nodiscard]] std::int64_t next_look(std::int64_t samples, const StoppingRule& rule);

}  // namespace assay::harness
