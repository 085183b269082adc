#pragma once
/// What a GPU did while a window was timed, by NVML. Counters (energy, time under each reason for
/// lower clocks, errors) are read at both ends, by whoever opens and closes the window; what has no
/// counter is sampled by a thread in between. The thread costs under 0.1 % of one core, because it
/// reads again only when what it has cost so far, and twice its dearest reading, are under 0.08 %
/// of the window; 0.1 s apart at least.
///
/// A call that a device doesn't support is asked once a window; its figure is then missing, with
/// the call's name and code.
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "harness/gpu.h"
#include "results/result.h"

namespace assay::harness {

struct GpuTelemetryOptions {
  std::chrono::nanoseconds shortest_period = std::chrono::milliseconds(100);
  double longest_share = 0.0008;  ///< of one core, for the thread
};

/// When in the thread's life the next reading may begin, s: so late that with it, at twice the cost
/// of the dearest so far, the thread has not taken more than its share.
[[nodiscard]] constexpr double next_reading_s(double spent_s, double dearest_s, double share) {
  return (spent_s + 2.0 * dearest_s) / share;
}

/// A figure that is read again and again, and why it can't be.
struct Readings {
  std::vector<double> values;
  std::string reason;

  [[nodiscard]] Stated<double> median_value() const;
  [[nodiscard]] Stated<double> greatest() const;
  [[nodiscard]] Stated<double> least() const;
  [[nodiscard]] Stated<double> mean() const;
};

class GpuTelemetry {
 public:
  explicit GpuTelemetry(std::shared_ptr<const Gpu> gpu, GpuTelemetryOptions options = {});
  ~GpuTelemetry();
  GpuTelemetry(const GpuTelemetry&) = delete;
  GpuTelemetry& operator=(const GpuTelemetry&) = delete;

  void begin();
  /// Ends the window: puts energy, power, clocks, temperature and throttling of the GPU into the
  /// record in place of the host's, and all else under `gpu` (gpu_telemetry_names()).
  void end(TelemetryRecord& record);

 private:
  /// Counters that grow, at one moment.
  struct Counters {
    std::chrono::steady_clock::time_point at;
    Stated<double> energy_j;
    std::map<nvml::Field, Stated<double>> fields;
    Stated<double> ecc_corrected;
    Stated<double> ecc_uncorrected;
    Stated<double> pcie_replays;
  };

  [[nodiscard]] Counters read_counters() const;
  void sample();
  void sample_fields();
  void run();
  void stop_thread();
  void fill(TelemetryRecord& record, const Counters& last) const;
  [[nodiscard]] Stated<double> reason_share(nvml::Field counter, unsigned long long bit,
                                            const Counters& last, double window_s) const;

  std::shared_ptr<const Gpu> gpu_;
  GpuTelemetryOptions options_;
  Counters begin_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  double last_cost_s_ = 0.0;    ///< of one reading, as CPU time
  double thread_cpu_s_ = 0.0;   ///< of the thread in this window
  double thread_life_s_ = 0.0;  ///< of the thread in this window, by the clock on the wall
  std::chrono::steady_clock::time_point thread_begin_;
  std::int64_t samples_ = 0;
  Readings power_w_;
  Readings sm_clock_mhz_;
  Readings memory_clock_mhz_;
  Readings temperature_c_;
  Readings memory_temperature_c_;
  Readings pcie_generation_;
  Readings pcie_lanes_;
  Readings event_reasons_;  ///< bit masks
};

}  // namespace assay::harness
