#pragma once
/// The devices of this machine, and choosing one.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/cuda_probe.h"
#include "harness/gpu.h"
#include "harness/processors.h"
#include "kernels/cuda/device.h"
#include "kernels/workload.h"
#include "results/result.h"

namespace assay::harness {

/// A CUDA device that was found and not opened.
struct CudaChoice {
  const cuda::DriverTable* driver = nullptr;
  int ordinal = 0;
  int compute_capability = 0;
  int devices = 1;  ///< that the driver offers
};

struct Device {
  DeviceRecord record;
  CpuDevice cpu;                             ///< how the CPU back end is to run
  std::optional<CudaChoice> cuda;            ///< set where this is a CUDA device
  std::shared_ptr<const Gpu> gpu = nullptr;  ///< that device by NVML; null for a CPU

  /// The device to ask about, not to run on: see OpenDevice.
  [[nodiscard]] Target target() const;
};

/// A device opened in this process, with what its back end needs to run.
class OpenDevice {
 public:
  explicit OpenDevice(const Device& device);

  [[nodiscard]] const Target& target() const { return target_; }

 private:
  std::unique_ptr<cuda::Device> device_;
  std::unique_ptr<cuda::Stream> stream_;
  Target target_;
};

/// The CPU at its best level, or at the level of that name (`--cpu-isa`). Threads: OMP_NUM_THREADS
/// where it is set, else the cores usable by affinity and quota.
/// Errors: input_error for a level that nobody knows or this processor lacks.
[[nodiscard]] Device cpu_device(const std::optional<std::string>& forced_level = std::nullopt,
                                const HostFiles& files = {});

/// The CUDA device of that ordinal; `nvml` (null where there is none) tells what the driver's API
/// doesn't. Errors: check_error naming the driver's call.
[[nodiscard]] Device cuda_device(const cuda::DriverTable& driver, int ordinal,
                                 const nvml::Table* nvml = nvml::system_library());

/// All devices that can be measured: the CPU, then those of the CUDA driver.
[[nodiscard]] std::vector<Device> find_devices(
    const std::optional<std::string>& forced_level = std::nullopt,
    const CudaProbe& cuda = probe_cuda());

/// The device of that name: "cpu", "cpu:0", "cuda", "cuda:0", or "best", which is the best that can
/// be rated: a CPU, since the training step runs on no other device.
/// Errors: input_error for a name that nobody knows, and for "cuda" where there is none, with the
/// probe's line.
[[nodiscard]] Device select_device(std::string_view name,
                                   const std::optional<std::string>& forced_level = std::nullopt,
                                   const CudaProbe& cuda = probe_cuda());

/// What CUDA kernels this build carries, and the driver they need, in one line.
[[nodiscard]] std::string cuda_kernels_line();

/// Gives this process the device's number of OpenMP threads. Call before the first kernel.
void apply(const Device& device);

}  // namespace assay::harness
