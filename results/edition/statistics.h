#pragma once
/// Statistics of edition 2026.1. A frozen edition's figures must come out the same years later, so
/// these functions are part of it: no outside library decides a digit.
///
/// Samples are in the order they were taken; all functions leave them untouched. Errors:
/// input_error where a sequence is too short or an argument lies outside its domain.
///
/// Sources
/// - Student's t: Abramowitz and Stegun 26.5.8 and 26.7 (incomplete beta, expansions in 1/ν);
///   the continued fraction by Lentz's method (W. J. Lentz, Applied Optics 15, 1976, 668).
/// - Quantiles: R. J. Hyndman, Y. Fan, "Sample quantiles", The American Statistician 50 (1996),
///   type 7.
/// - Slope: P. K. Sen, JASA 63 (1968) 1379.
/// - Autocorrelation time: C. J. Geyer, "Practical Markov chain Monte Carlo", Statistical Science 7
///   (1992), section 3.3, the initial positive sequence.
/// - Batch means, at most 30 blocks: B. Schmeiser, "Batch size effects in the analysis of
///   simulation output", Operations Research 30 (1982) 556.
/// - Ratio of sums: W. G. Cochran, "Sampling Techniques", 3rd ed., section 2.11 (linearisation).
/// - Effective degrees of freedom: JCGM 100:2008 (GUM), G.4.1.
#include <cstdint>
#include <span>
#include <vector>

namespace assay {

// Distributions ----------------------------------------------------------------------------------

/// P(Z <= z) and its inverse for the standard normal law; 0 < probability < 1.
[[nodiscard]] double normal_cdf(double z);
[[nodiscard]] double normal_quantile(double probability);

/// P(T <= t) and its inverse for Student's law with `degrees` > 0 of freedom, which may be
/// fractional or infinite. Relative error below 1e-9 for degrees >= 0.5.
[[nodiscard]] double student_t_cdf(double t, double degrees);
[[nodiscard]] double student_t_quantile(double probability, double degrees);

// Summaries --------------------------------------------------------------------------------------

[[nodiscard]] double mean(std::span<const double> samples);
/// Divisor n − 1; needs two samples.
[[nodiscard]] double standard_deviation(std::span<const double> samples);
/// Type 7: linear between order statistics; 0 <= probability <= 1.
[[nodiscard]] double quantile(std::span<const double> samples, double probability);
[[nodiscard]] double median(std::span<const double> samples);
/// Median of |x − median|, not scaled to any law.
[[nodiscard]] double median_absolute_deviation(std::span<const double> samples);
/// 1 / Σ (w_i / x_i) and exp(Σ w_i ln x_i), for positive values and shares that sum to 1.
[[nodiscard]] double weighted_harmonic_mean(std::span<const double> shares,
                                            std::span<const double> values);
[[nodiscard]] double weighted_geometric_mean(std::span<const double> shares,
                                             std::span<const double> values);

/// Median of the slopes of all pairs, per sample (x = 0, 1, 2, ...); 0 for fewer than two samples.
/// Series of more than kSlopeSamplesMax are first cut into that many neighbouring groups, each
/// represented by its median at its middle: all samples count, and nothing is drawn by chance.
inline constexpr std::int64_t kSlopeSamplesMax = 1000;
[[nodiscard]] double theil_sen_slope(std::span<const double> samples);
/// What the slope adds up to over the whole series, over the median: (n − 1) · slope / median.
[[nodiscard]] double relative_drift(std::span<const double> samples);

// Series -----------------------------------------------------------------------------------------

/// Integrated autocorrelation time τ >= 1, in samples: the variance of the mean is τ·γ₀/n. Series
/// of more than kAutocorrelationSamplesMax are folded first (means of neighbours), which leaves
/// the variance of the mean what it is.
inline constexpr std::int64_t kAutocorrelationSamplesMax = 8192;
[[nodiscard]] double autocorrelation_time(std::span<const double> samples);
/// n / τ: how many independent samples would give the mean as well.
[[nodiscard]] double effective_samples(std::span<const double> samples);
/// The same for the median: of the indicator x <= median, whose mean the median hangs on.
[[nodiscard]] double effective_samples_of_median(std::span<const double> samples);

struct Interval {
  double lower = 0.0;
  double upper = 0.0;
};

/// Two-sided interval of a correlated series' median: order statistics at ½ ± t·½/√n_eff, with
/// effective_samples_of_median and Student's t of n_eff − 1 (at least 1) degrees of freedom.
[[nodiscard]] Interval median_interval(std::span<const double> samples, double confidence);

/// A standard uncertainty with its degrees of freedom (infinity where it is taken as exact).
struct Uncertainty {
  double u = 0.0;
  double degrees = 0.0;
};

/// Batch means: of blocks of at least kBlockLength autocorrelation times, at most kBlocksMax.
/// With 5·τ the variance of an AR(1) series is some 10 % too small, 5 % of the uncertainty.
inline constexpr double kBlockLength = 5.0;
inline constexpr std::int64_t kBlocksMax = 30;
inline constexpr std::int64_t kBlocksMin = 2;
/// Number of blocks for a series: kBlocksMin even where they come out too short, which
/// effective_samples tells.
[[nodiscard]] std::int64_t block_count(std::span<const double> samples);

/// Relative standard uncertainty of Σ work / Σ time by batch means: with R the ratio, block
/// residuals r = W − R·T and a blocks, u/R = √(a/(a−1)·Σ r²) / Σ W, a − 1 degrees of freedom. Work
/// is positive, times are positive, as many of one as of the other, at least two.
[[nodiscard]] Uncertainty ratio_of_sums_error(std::span<const double> work,
                                              std::span<const double> time);
/// The same where each sample is the same work.
[[nodiscard]] Uncertainty equal_work_rate_error(std::span<const double> time);

// Combining --------------------------------------------------------------------------------------

/// u_c = √Σ u². (GUM 5.1.2, sensitivities already in.)
[[nodiscard]] double combined_uncertainty(std::span<const Uncertainty> terms);
/// Welch–Satterthwaite: u_c⁴ / Σ (u_i⁴ / ν_i). Infinite where no term has finite degrees.
[[nodiscard]] double effective_degrees(std::span<const Uncertainty> terms);

}  // namespace assay
