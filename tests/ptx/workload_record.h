#pragma once
/// Workloads and launches as JSON, for the page docs/cuda_kernels.md: what the contract says,
/// beside it what the functional device counted, and how each entry is launched.
#include <nlohmann/json.hpp>

#include "kernels/cuda/device.h"
#include "kernels/workload.h"
#include "ptx/observed_driver.h"
#include "ptx_device/counters.h"

namespace assay::cuda_test {

/// {"name", "family", "kind", "problem", "precision", "flops", "bytes"}.
[[nodiscard]] nlohmann::ordered_json contract_json(const Workload& workload);

/// Adds a line to the file that the environment variable ASSAY_PTX_RECORDS names, if it does: the
/// contract, the architecture (80), the bytes issued on such a device, what one iteration counted,
/// and how it launched. A process begins the file anew.
void record_workload(const Workload& workload, const cuda::DeviceFacts& facts,
                     const ptx_device::Counters& counted, const Launches& launches);

/// Adds a line there of how a device of that architecture was launched on, without what this
/// process has told before: {"architecture", "launches"}.
void record_launches(int architecture, const Launches& launches);

}  // namespace assay::cuda_test
