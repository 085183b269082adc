#pragma once
/// The distribution of a rate by propagating distributions (JCGM 101:2008), beside the first-order
/// interval of pricing/interval.h.
///
/// Draw i of input j is Φ⁻¹ of word j of Philox4x32-10 under (seed, i) (base/philox.h), so any part
/// of the draws can be taken again in any order, by anybody; the seed stands in the card.
///   figure    normal: x + u·z; rectangular and triangular: the same mean and standard uncertainty,
///             by their inverse distribution at Φ(z) (JCGM 101, 6.4)
///   K         K + u_c·T(ζ), T = t_ν⁻¹(Φ(ζ)), the scaled and shifted t-distribution of 6.4.9; where
///             ν is unknown T(ζ) = ζ. ζ = Σ ρ_i·z_i + √(1 - Σ ρ_i²)·z_0 (a Gaussian copula)
/// A draw whose K is not above zero has no rate; it counts as one above all others.
///
/// The coverage interval is the probabilistically symmetric one of 95 % (7.7). Both methods agree
/// if |R - U - y_low| and |R + U - y_high| are at most δ = ½·10^l, where u_c(R) = c·10^l with two
/// digits c (8.1, 8.2). Where they don't, the card says why; the Monte Carlo's interval is then the
/// one to use.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pricing/cost_of_service.h"
#include "pricing/cost_sheet.h"
#include "pricing/interval.h"
#include "results/stated.h"

namespace assay::pricing {

inline constexpr std::uint64_t kDefaultSeed = 20260101;
inline constexpr std::int64_t kDefaultDraws = 1'000'000;
/// Fewer leave less than 25 draws beyond an end.
inline constexpr std::int64_t kFewestDraws = 1000;
/// Each is kept, in 8 bytes: these take 0.8 GB.
inline constexpr std::int64_t kMostDraws = 100'000'000;

struct MonteCarloRequest {
  std::int64_t draws = kDefaultDraws;
  std::uint64_t seed = kDefaultSeed;
  int threads = 0;  ///< 0: as many as there are cores
};

struct MonteCarlo {
  std::string reason;  ///< why there are no draws; empty where there are
  std::int64_t draws = 0;
  std::uint64_t seed = 0;
  std::int64_t without_rate = 0;  ///< draws whose K was not above zero
  Stated<std::string> mean;       ///< CNY/CU, six decimals
  Stated<std::string> standard_uncertainty;
  std::int64_t lower_micro = 0;
  std::int64_t upper_micro = 0;
  std::string tolerance;  ///< δ
  /// Twice the larger standard error of an end, in millionths, from ten blocks of the draws
  /// (JCGM 101, 7.9.4): beyond δ the draws are too few to judge by.
  double end_error_micro = 0.0;
  std::int64_t low_difference_micro = 0;
  std::int64_t high_difference_micro = 0;
  bool agrees = false;
  std::string verdict;  ///< in words, with the reason where they do not agree
};

/// `interval` is the first-order one of the same rate. Errors: input_error for too few or too many
/// draws.
[[nodiscard]] MonteCarlo monte_carlo(const CostSheet& sheet, const DeviceFigures& device,
                                     const ThroughputDoubt& doubt, const RateInterval& interval,
                                     const MonteCarloRequest& request);

/// The drawn rates themselves, in the order of the draws, for tests and benchmarks.
[[nodiscard]] std::vector<double> draw_rates(const CostSheet& sheet, const DeviceFigures& device,
                                             const ThroughputDoubt& doubt,
                                             const MonteCarloRequest& request);

/// δ of a standard uncertainty given in millionths, in millionths: (4262, ...) -> two digits are
/// 0.0043, so l = -4 and δ = 50 millionths. Below 10 millionths two digits are finer than the rate:
/// one half.
[[nodiscard]] Rational agreement_tolerance_micro(std::int64_t u_micro);

}  // namespace assay::pricing
