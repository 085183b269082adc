#pragma once
/// A plain host version of the NVML calls that Assay makes: a second filling of the table
/// (harness/nvml.h), with GPUs whose figures a test sets and whose counters grow with time. As the
/// library does, it refuses calls before it is initialised, and handles it didn't give.
///
/// The ABI has no user pointer, so the library is one per process; configure() starts it anew.
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "harness/nvml.h"

namespace assay::host_nvml {

struct HostGpu {
  std::string uuid;
  double power_w = 300.0;  ///< the energy counter grows by it
  unsigned sm_clock_mhz = 1500;
  unsigned memory_clock_mhz = 2600;
  unsigned max_sm_clock_mhz = 1980;
  int temperature_c = 60;
  int memory_temperature_c = 70;
  unsigned long long event_reasons = 0;
  std::map<harness::nvml::Field, double> time_shares = {};  ///< of the counters of nanoseconds
  unsigned links = 18;
  unsigned active_links = 18;
  std::vector<unsigned> processes = {};
  double enforced_limit_w = 700.0;
  double default_limit_w = 700.0;
};

struct Options {
  std::vector<HostGpu> gpus;
  std::chrono::microseconds cost{0};  ///< of each call, spent on a core
};

void configure(const Options& options);
[[nodiscard]] const harness::nvml::Table& library();
/// The GPU of that index, to change its figures.
[[nodiscard]] HostGpu& gpu(std::size_t index);
/// Initialisations that were not shut down, and shut downs too many.
[[nodiscard]] int open_sessions();

}  // namespace assay::host_nvml
