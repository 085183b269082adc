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

/// Fills the same with nulls and the reason.
void leave_unrated(const std::string& reason, Assessment& assessment);

}  // namespace assay
