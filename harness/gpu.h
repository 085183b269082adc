#pragma once
/// A GPU as NVML knows it: who it is, and under which conditions it runs. Each figure is a value or
/// the reason why there is none: the call's name and what it returned.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "harness/host_files.h"
#include "harness/nvml.h"
#include "results/result.h"
#include "results/stated.h"

namespace assay::harness {

/// One GPU, for as long as the object lives; NVML is initialised for it and shut down with it.
class Gpu {
 public:
  /// The GPU of that UUID, as the CUDA driver tells it ("GPU-…"): NVML counts in another order.
  /// A null table, a failure or no such GPU leave it unreachable; then reason() says why, and so
  /// does each figure.
  Gpu(const nvml::Table* table, const std::string& uuid);
  ~Gpu();
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;

  [[nodiscard]] bool is_reachable() const { return reason_.empty(); }
  [[nodiscard]] const std::string& reason() const { return reason_; }
  /// Only where it is reachable.
  [[nodiscard]] const nvml::Table& table() const { return *table_; }
  [[nodiscard]] nvml::DeviceHandle handle() const { return handle_; }

 private:
  const nvml::Table* table_;
  bool is_initialised_ = false;
  nvml::DeviceHandle handle_ = nullptr;
  std::string reason_;
};

/// Serial number, VBIOS and driver into the record; the reasons where there are none.
void identify(const Gpu& gpu, DeviceRecord& record);

/// The clock of the multiprocessors now, and the greatest that the driver states, in MHz.
[[nodiscard]] Stated<double> sm_clock_mhz(const Gpu& gpu);
[[nodiscard]] Stated<double> max_clock_mhz(const Gpu& gpu, nvml::Clock clock);

/// The gpu_* conditions of one GPU: driver, persistence, MPS, MIG and compute mode, ECC, power cap
/// and its default, PCIe and NVLink, and processes of others on it.
[[nodiscard]] std::map<std::string, Stated<std::string>> gpu_conditions(const Gpu& gpu,
                                                                        const HostFiles& files);

/// The conditions of several GPUs, named by `ids`: one value where all agree, else each with its
/// name ("cuda:0 700 W; cuda:1 500 W").
[[nodiscard]] std::map<std::string, Stated<std::string>> joined_conditions(
    const std::vector<std::string>& ids,
    const std::vector<std::map<std::string, Stated<std::string>>>& each);

}  // namespace assay::harness
