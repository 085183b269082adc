#pragma once
/// What the machine did while a window was timed: energy, clocks, temperature, throttling, time
/// stolen by a hypervisor and load of others. Each figure is a value or the reason why there is
/// none; nothing is guessed. Counters are read at both ends; only clocks and temperatures, where
/// they are readable at all, are sampled by a thread that sleeps half a second between readings. A
/// GPU's own figures take the place of the processor's (gpu_telemetry.h); time stolen and load of
/// others are the host's in any case.
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "harness/gpu_telemetry.h"
#include "harness/host_files.h"
#include "results/result.h"

namespace assay::harness {

/// Counters that grow, read at one moment.
struct TelemetryCounters {
  std::int64_t at_ns = 0;
  std::map<std::string, std::int64_t> energy_uj;  ///< RAPL package domains by folder
  std::int64_t cpu_total_ticks = 0;               ///< all processors, all states
  std::int64_t cpu_busy_ticks = 0;                ///< neither idle, waiting nor stolen
  std::int64_t cpu_steal_ticks = 0;
  std::int64_t own_cpu_ns = 0;                      ///< this process, user and system
  std::map<std::string, std::int64_t> throttle_ms;  ///< package throttle time by processor folder
};

class Telemetry {
 public:
  /// `gpu`: the device measured, or null where that is the processor.
  explicit Telemetry(HostFiles files = {}, std::shared_ptr<const Gpu> gpu = nullptr);
  ~Telemetry();
  Telemetry(const Telemetry&) = delete;
  Telemetry& operator=(const Telemetry&) = delete;

  /// Starts a window. Errors: std::logic_error if one is open.
  void begin();
  /// Ends it. Errors: std::logic_error if none is open.
  [[nodiscard]] TelemetryRecord end();

 private:
  void sample_gauges();
  void stop_thread();

  HostFiles files_;
  std::optional<GpuTelemetry> gpu_;
  std::vector<std::string> clock_files_;        ///< kHz each
  std::vector<std::string> temperature_files_;  ///< thousandths of a degree each
  TelemetryCounters begin_;
  bool open_ = false;
  std::thread sampler_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::vector<double> clocks_mhz_;
  std::vector<double> temperatures_c_;
};

/// Reads all counters. What can't be read is left out or zero.
[[nodiscard]] TelemetryCounters read_counters(const HostFiles& files);

/// The figures between two readings; clocks and temperature are left to the caller.
/// `energy_range_uj`: where a domain's counter wraps.
[[nodiscard]] TelemetryRecord between(const TelemetryCounters& begin, const TelemetryCounters& end,
                                      const std::map<std::string, std::int64_t>& energy_range_uj,
                                      double ticks_per_second);

}  // namespace assay::harness
