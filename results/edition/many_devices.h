#pragma once
/// Several devices of a node, loaded at once (docs/figures.md).
///
/// Devices begin an item together, at a barrier, and each keeps working until the last has done;
/// what counts of each is the samples that lie whole within the window that all have in common:
/// from the latest begin to the earliest end, on one clock. A device that failed there has no part
/// in that window; then there is no sum.
///
/// - c_j, the rate of device j: as K of one device (rate.h), in the common windows
/// - K_sum = Σ_j c_j, process by process. Within processes the devices' noise is independent; the
///   spread between processes is that of the sums; timer and clock are the same for all devices,
///   so their parts add up
/// - K, and what a device-hour is credited with: those of the mean device, K_sum/n
/// - K_gang(n): as K of one device, of the items that the n devices trained together
/// - η(n) = K_gang(n) / (n · min_j c_j), of the n that were measured and no other. u(η): the spread
///   of the processes' ratios, s/√n, beside the noise within of both and the timer's part of both;
///   the clock's rate cancels
#include "results/edition/assessment.h"
#include "results/result.h"

namespace assay {

/// Derives all figures of a result of several devices. Errors: as derive_figures().
[[nodiscard]] Assessment derive_devices(const ResultDocument& result);

/// The result of one of its devices alone, in the common windows. What lies outside of them stands
/// with the warm-up, and so does the load of work that all devices did together.
[[nodiscard]] ResultDocument device_view(const ResultDocument& result, const DeviceRecord& device);

/// The result of the work that all devices did together, counted for each of them: FLOPs and tokens
/// over the number of devices. No items where there was none.
[[nodiscard]] ResultDocument gang_view(const ResultDocument& result);

}  // namespace assay
