#pragma once
/// Judgements on one workload: what makes it invalid, what an auditor should look at.
#include <string>
#include <vector>

#include "results/edition/item_figures.h"
#include "results/edition/loss_gate.h"

namespace assay {

/// Status other than valid, output checks over their bounds, the loss gate, names that contradict
/// the problem, a product whose FLOPs are not 2 m n k, contracts that differ between processes.
/// Empty: valid.
[[nodiscard]] std::vector<std::string> item_failures(const WorkloadSeries& series);

/// In each process: recorded as converged after a steady warm-up, drift within the suite's target,
/// and the 95 % interval of the process's own figure within it.
[[nodiscard]] bool is_converged(const WorkloadSeries& series, const SuiteRecord& suite);

[[nodiscard]] std::vector<std::string> item_flags(const WorkloadSeries& series,
                                                  const ItemFigures& figures,
                                                  const SuiteRecord& suite);

}  // namespace assay
