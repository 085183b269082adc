#pragma once
/// One workload's figures from its raw samples, process by process and over processes.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "results/edition/assessment.h"
#include "results/edition/statistics.h"
#include "results/result.h"

namespace assay {

/// One workload in one process, with what its samples say.
struct ProcessSeries {
  std::size_t process = 0;  ///< position in ResultDocument::processes
  const ItemRecord* record = nullptr;
  std::vector<double> sample_s;       ///< duration of each sample, gaps included
  double window_s = 0.0;              ///< the whole timed window
  double pflops = 0.0;                ///< delivered; 0 without samples or FLOPs
  std::optional<Uncertainty> within;  ///< relative; nothing with fewer than two samples
  double effective_samples = 0.0;
  double drift_relative = 0.0;  ///< statistics.h, relative_drift
};

/// One workload in all the processes that ran it.
struct WorkloadSeries {
  std::string workload;
  std::vector<ProcessSeries> processes;
  [[nodiscard]] const ItemRecord& record() const { return *processes.front().record; }
  [[nodiscard]] bool is_training_step() const { return record().kind == "training_step"; }
};

/// All workloads, in the order in which they first occur. The result must outlive what is returned.
/// Errors: input_error for a workload twice in a process, sample ends that do not ascend, a valid
/// item without samples.
[[nodiscard]] std::vector<WorkloadSeries> collect_series(const ResultDocument& result);

/// Figures, failures (status, output checks, loss gate) and audit flags; `share` is left at 0.
[[nodiscard]] ItemFigures item_figures(const WorkloadSeries& series, const SuiteRecord& suite);

}  // namespace assay
