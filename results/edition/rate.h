#pragma once
/// K of one device, and its uncertainty (docs/figures.md).
///
/// K_p of process p is the weighted harmonic mean of its items' delivered PFLOP/s; K is the
/// unweighted mean of the processes. The budget:
///
/// - within processes (A): batch means of each item, through the harmonic mean:
///   u(K_p) = K_p·√Σ_i (c_ip·u_ip)², c_ip = K_p·w_i/T_ip; over n processes √Σ_p u(K_p)² / n
/// - between processes (A): s/√n of the K_p, ν = n − 1
/// - timer (B): each reading of the window's two ends is uncertain by one resolution and one read
///   cost, rectangular; taken as fully correlated over items, which is the worst case
/// - rate of the clock (B): its stated relative error as the half-width of a rectangle; listed even
///   where nobody has calibrated it, with the reason
///
/// The spread between processes already contains the noise within them. Both lines are kept all the
/// same: with few processes the spread can come out small by luck, and then the noise within still
/// stands. u_c is too large by at most √2 for it, and the seller carries that (docs/figures.md).
#include <limits>
#include <optional>
#include <vector>

#include "results/edition/assessment.h"
#include "results/edition/item_figures.h"

namespace assay {

/// The scored items, in the basket's order.
struct ScoredItem {
  double share = 0.0;
  const WorkloadSeries* series = nullptr;
};

/// Fills process_cu_per_h, K, geometric mean, budget, u_c, ν_eff, coverage factor, U, K_cert and
/// clock_resolution_relative. Every item must have samples in each of `processes` processes.
void rate_device(const std::vector<ScoredItem>& items, std::size_t processes,
                 const TimerRecord& timer, Assessment& assessment);

/// Degrees of freedom of limits that are no sample.
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The budget's line of between_processes().
inline constexpr const char* kBetweenProcesses = "between processes";

/// Why a line of noise that could not be had has no degrees of freedom.
inline constexpr const char* kNoFigure = "no figure";

/// A line of the budget and, where it has a figure, the term it adds.
struct BudgetTerm {
  BudgetLine line;
  std::optional<Uncertainty> term;
};

/// The spread of the processes' rates, s/√n.
[[nodiscard]] BudgetTerm between_processes(const std::vector<double>& cu_per_h);

/// Fills budget, u_c, ν_eff, coverage factor, U and K_cert; K is there.
void combine_budget(const std::vector<BudgetTerm>& budget, Assessment& assessment);

/// Fills all that rate_device() does with nulls and the reason.
void leave_unrated(const std::string& reason, Assessment& assessment);

}  // namespace assay
