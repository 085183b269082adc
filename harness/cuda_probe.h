#pragma once
/// What of CUDA is on this machine, found without linking to it: the driver is opened by name.
#include <optional>
#include <string>

namespace assay::harness {

struct CudaProbe {
  bool driver_found = false;
  std::optional<int> driver_version;  ///< 12040 for 12.4
  std::optional<int> device_count;
  std::string line;  ///< all of it in one line for a reader
};

/// "CUDA 12.4" of 12040.
[[nodiscard]] std::string cuda_version_text(int version);

/// Opens the driver library and asks for its version and the number of its devices.
[[nodiscard]] CudaProbe probe_cuda(const std::string& library = "libcuda.so.1");

}  // namespace assay::harness
