#pragma once
/// The devices of this machine, and choosing one.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/cuda_probe.h"
#include "harness/processors.h"
#include "kernels/workload.h"
#include "results/result.h"

namespace assay::harness {

struct Device {
  DeviceRecord record;
  CpuDevice cpu;  ///< how the CPU back end is to run
};

/// The CPU at its best level, or at the level of that name (`--cpu-isa`). Threads: OMP_NUM_THREADS
/// where it is set, else the cores usable by affinity and quota.
/// Errors: input_error for a level that nobody knows or this processor lacks.
[[nodiscard]] Device cpu_device(const std::optional<std::string>& forced_level = std::nullopt,
                                const HostFiles& files = {});

/// All devices that can be measured, best first.
[[nodiscard]] std::vector<Device> find_devices(
    const std::optional<std::string>& forced_level = std::nullopt);

/// The device of that name: "cpu", "cpu:0", "cuda", "cuda:0", or "best".
/// Errors: input_error for a name that nobody knows, and for "cuda" where there is none, with the
/// probe's line.
[[nodiscard]] Device select_device(std::string_view name,
                                   const std::optional<std::string>& forced_level = std::nullopt,
                                   const CudaProbe& cuda = probe_cuda());

/// Gives this process the device's number of OpenMP threads. Call before the first kernel.
void apply(const Device& device);

}  // namespace assay::harness
