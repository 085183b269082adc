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
  /// Why kernels of this build don't run on it (cuda_kernels.h), or why it does not answer.
  /// Products of CUDA's own library may run all the same.
  std::optional<std::string> unavailable = std::nullopt;
  /// Devices that train together in this run: those of the lowest ordinals, this one among them.
  int together = 1;

  /// The device to ask about, not to run on: see OpenDevice.
  [[nodiscard]] Target target() const;
};

/// A device opened in this process, with what its back end needs to run.
class OpenDevice {
 public:
  /// `book`: the choices that it shares with others (kernels/cuda/choice_book.h), or null.
  explicit OpenDevice(const Device& device, cuda::ChoiceBook* book = nullptr);

  [[nodiscard]] const Target& target() const { return target_; }
  /// What a thread calls before it uses the device.
  void make_current() const;

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

/// Where the driver comes from, which is opened only where there are devices: the machine's, or
/// another filling of the table.
using DriverSource = const cuda::DriverTable& (*)();
[[nodiscard]] const cuda::DriverTable& machine_driver();

/// The CPU, then the devices of the CUDA driver, also those that don't answer.
[[nodiscard]] std::vector<Device> find_devices(
    const std::optional<std::string>& forced_level = std::nullopt,
    const CudaProbe& cuda = probe_cuda(), DriverSource driver = machine_driver);

/// The device of that name: "cpu", "cpu:0", "cuda" (the first), "cuda:1", a UUID or the beginning
/// of one ("GPU-8f6e"), or "best": the first CUDA device that this build's kernels run on, else the
/// CPU. Errors: input_error for a name that nobody knows or that several UUIDs begin with, and for
/// a CUDA device where there is none, with the probe's line.
[[nodiscard]] Device select_device(std::string_view name,
                                   const std::optional<std::string>& forced_level = std::nullopt,
                                   const CudaProbe& cuda = probe_cuda(),
                                   DriverSource driver = machine_driver);

/// The devices of a list of such names ("cuda:0,cuda:1"), or all of CUDA's ("cuda:all"). Errors: as
/// select_device(); input_error for a device twice.
[[nodiscard]] std::vector<Device> select_devices(
    const std::string& names, const std::optional<std::string>& forced_level = std::nullopt,
    const CudaProbe& cuda = probe_cuda(), DriverSource driver = machine_driver);

/// Sets `together` where they are CUDA's lowest ordinals.
void join(std::vector<Device>& devices);

/// Gives this process the device's number of OpenMP threads. Call before the first kernel.
void apply(const Device& device);

}  // namespace assay::harness
