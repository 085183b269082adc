#pragma once
/// The processors this process may use, as Linux tells them.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "harness/host_files.h"

namespace assay::harness {

struct HostCpu {
  std::string model;                                   ///< "model name" of /proc/cpuinfo
  std::optional<std::string> microcode;                ///< as printed, such as "0x1000065"
  bool under_hypervisor = false;                       ///< the flag of that name
  std::int64_t sockets = 0;                            ///< of the whole machine
  std::int64_t cores = 0;                              ///< of the whole machine
  std::int64_t logical = 0;                            ///< of the whole machine
  std::int64_t allowed_logical = 0;                    ///< by affinity
  std::int64_t allowed_cores = 0;                      ///< distinct cores among them
  std::optional<double> quota_cores;                   ///< cgroup CPU quota, where there is one
  std::optional<std::int64_t> last_level_cache_bytes;  ///< of the first allowed processor
  std::int64_t memory_total_bytes = 0;                 ///< of the machine
  std::optional<std::int64_t> memory_limit_bytes;      ///< cgroup limit, where there is one

  /// Threads to run with: allowed cores, at most the whole part of the quota, at least one.
  [[nodiscard]] std::int64_t usable_cores() const;
  /// Memory to plan with: the smaller of machine and limit.
  [[nodiscard]] std::int64_t usable_memory_bytes() const;
};

/// Processors of sched_getaffinity, ascending.
[[nodiscard]] std::vector<int> allowed_processors();

[[nodiscard]] HostCpu read_host_cpu(const HostFiles& files, const std::vector<int>& allowed);

}  // namespace assay::harness
