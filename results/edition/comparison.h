#pragma once
/// Two rated results held against each other: do their devices deliver the same, as far as the
/// samples tell? Each K has its budget (rate.h); of independent runs the difference has
///
///   u² = u_c(K_a)² + u_c(K_b)²,   ν by Welch-Satterthwaite,   U = t_0.975(ν)·u
///
/// and the two differ where |K_b − K_a| > U. Two runs of the same thing should then be called
/// different once in twenty times at most; how often they really would be is found by drawing such
/// pairs (an A/A comparison), and stands beside the interval.
#include <cstdint>

#include "results/edition/assessment.h"

namespace assay {

struct RateComparison {
  double difference_cu_per_h = 0.0;  ///< K_b − K_a
  double expanded_cu_per_h = 0.0;    ///< U of the difference, 95 % coverage
  double degrees = 0.0;
  [[nodiscard]] bool differs() const;
};

/// Errors: input_error where one of them has no rate or no uncertainty, with the reason.
[[nodiscard]] RateComparison compare_rates(const Assessment& a, const Assessment& b);

/// The share of drawn pairs of the same thing that compare_rates() calls different: runs of as many
/// processes as these two had, with the spread that both showed and the same noise within. Both
/// have a rate with its uncertainty.
inline constexpr std::int64_t kAaPairs = 4000;
[[nodiscard]] double false_alarm_rate(const Assessment& a, const Assessment& b);

}  // namespace assay
