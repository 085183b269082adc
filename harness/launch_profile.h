#pragma once
/// One iteration of a workload, looked at kernel by kernel.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "kernels/cuda/device.h"
#include "kernels/workload.h"

namespace assay::harness {

/// Device seconds by kernel family (cuda::family_of) of what `iteration` gives the stream, each
/// launch between two events of its own. Waits for it. The host launches each kernel by itself, so
/// short kernels seem a few microseconds longer than in a graph. Errors: those of the iteration.
[[nodiscard]] std::map<std::string, double> seconds_by_family(
    cuda::Stream& stream, const std::function<void()>& iteration);

/// `assay run --profile NAME`: for Nsight Systems and Nsight Compute. Makes the workload, warms it
/// up, then does one iteration inside an NVTX range of its name, with a range for each kernel where
/// the kernels are CUDA's. Nothing is measured or recorded.
/// Errors: input_error for a workload that is unavailable on the target, and for a build without
/// NVTX's headers.
void profile_iteration(const Workload& workload, const Target& target, const InputKey& key);

/// The same for the workload or basket item of that name on a device by name (devices.h).
/// Errors: also those of select_device and load_basket, and input_error naming near names.
struct ProfileOptions {
  std::string name;
  std::string device = "best";
  std::optional<std::string> cpu_isa;
  std::optional<std::string> basket;  ///< nothing: the one for such a device (basket_for)
  std::optional<std::int64_t> seed;
};
void profile_named(const ProfileOptions& options);

}  // namespace assay::harness
