#pragma once
/// Model FLOPs utilisation against the three peaks, and the plausibility checks that go with them
/// (docs/figures.md).
#include <optional>
#include <string>
#include <vector>

#include "results/edition/assessment.h"
#include "results/edition/basket.h"
#include "results/edition/item_figures.h"
#include "results/edition/peaks.h"

namespace assay {

/// The table's row for a device, or why there is none. A CPU has none; a row whose number of
/// multiprocessors differs is another part or a partition.
struct PeakLookup {
  std::optional<Accelerator> accelerator;
  std::string reason;
};
[[nodiscard]] PeakLookup look_up_peaks(const DeviceRecord& device, const PeakTable& table);

/// The one precision of all scored items, or why there is none.
[[nodiscard]] Stated<std::string> scored_precision(const std::vector<ItemFigures>& items);

/// Fills assessment.mfu from K, items and kernels; null with reasons where K or a peak is.
void rate_utilisation(const ResultDocument& result, const Basket* basket,
                      const std::vector<WorkloadSeries>& series, const PeakLookup& peaks,
                      Assessment& assessment);

/// Checks every rate against what the device can do. `failed` names each workload that did not
/// pass; `explained` what passed with a reason (boost).
struct PlausibilityReport {
  std::vector<std::string> failed;
  std::vector<std::string> explained;
};
[[nodiscard]] PlausibilityReport check_plausibility(const ResultDocument& result,
                                                    const std::vector<WorkloadSeries>& series,
                                                    const PeakLookup& peaks);

}  // namespace assay
