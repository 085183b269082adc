#include "harness/telemetry.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "harness/clock.h"
#include "harness/processors.h"
#include "results/edition/statistics.h"

namespace assay::harness {
namespace {

using Figure = Stated<double>;

constexpr const char* kPowercap = "sys/class/powercap";
constexpr auto kGaugePeriod = std::chrono::milliseconds(500);

/// RAPL packages, not their parts: "intel-rapl:0", and AMD's under the same driver.
std::vector<std::string> energy_domains(const HostFiles& files) {
  std::vector<std::string> domains;
  for (const std::string& name : files.names(kPowercap)) {
    const bool package = std::count(name.begin(), name.end(), ':') == 1;
    if (package && name.find("rapl") != std::string::npos) {
      domains.push_back(std::string(kPowercap) + "/" + name);
    }
  }
  return domains;
}

std::int64_t own_cpu_ns() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ns = [](const timeval& time) {
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::int64_t>(time.tv_usec) * 1'000;
  };
  return ns(usage.ru_utime) + ns(usage.ru_stime);
}

/// /proc/stat, first line: user nice system idle iowait irq softirq steal (guest times are part of
/// user and nice).
void read_processor_time(const HostFiles& files, TelemetryCounters& counters) {
  const std::string text = files.text("proc/stat").value_or("");
  const std::vector<std::string> line = words(text.substr(0, text.find('\n')));
  if (line.size() < 9 || line.front() != "cpu") return;
  std::int64_t ticks[8];
  for (std::size_t i = 0; i < 8; ++i) ticks[i] = std::strtoll(line[i + 1].c_str(), nullptr, 10);
  for (const std::int64_t value : ticks) counters.cpu_total_ticks += value;
  counters.cpu_busy_ticks = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6];
  counters.cpu_steal_ticks = ticks[7];
}

std::vector<std::string> clock_files(const HostFiles& files) {
  std::vector<std::string> found;
  for (const int processor : allowed_processors()) {
    const std::string path =
        "sys/devices/system/cpu/cpu" + std::to_string(processor) + "/cpufreq/scaling_cur_freq";
    if (files.integer(path)) found.push_back(path);
  }
  return found;
}

std::vector<std::string> temperature_files(const HostFiles& files) {
  std::vector<std::string> found;
  for (const std::string& name : files.names("sys/class/thermal")) {
    const std::string base = "sys/class/thermal/" + name;
    if (files.text(base + "/type").value_or("") == "x86_pkg_temp" &&
        files.integer(base + "/temp")) {
      found.push_back(base + "/temp");
    }
  }
  for (const std::string& name : files.names("sys/class/hwmon")) {
    const std::string base = "sys/class/hwmon/" + name;
    const std::string driver = files.text(base + "/name").value_or("");
    const bool processor = driver == "k10temp" || driver == "zenpower" || driver == "coretemp";
    if (processor && files.integer(base + "/temp1_input")) {
      found.push_back(base + "/temp1_input");
    }
  }
  return found;
}

Figure energy_between(const TelemetryCounters& begin, const TelemetryCounters& end,
                      const std::map<std::string, std::int64_t>& range_uj) {
  if (begin.energy_uj.empty()) {
    return Figure::missing("no RAPL energy counter is readable (needs root and bare metal)");
  }
  double joules = 0.0;
  for (const auto& [domain, first] : begin.energy_uj) {
    const auto last = end.energy_uj.find(domain);
    if (last == end.energy_uj.end()) return Figure::missing("a RAPL counter vanished");
    std::int64_t difference = last->second - first;
    if (difference < 0) {  // the counter wrapped; once, as it takes minutes at any power
      const auto range = range_uj.find(domain);
      if (range == range_uj.end())
        return Figure::missing("a RAPL counter of unknown range wrapped");
      difference += range->second;
    }
    joules += static_cast<double>(difference) * 1e-6;
  }
  return Figure::known(joules);
}

Figure throttled_between(const TelemetryCounters& begin, const TelemetryCounters& end,
                         double window_s) {
  if (begin.throttle_ms.empty()) {
    return Figure::missing("the kernel counts no thermal throttling here");
  }
  double worst = 0.0;
  for (const auto& [folder, first] : begin.throttle_ms) {
    const auto last = end.throttle_ms.find(folder);
    if (last == end.throttle_ms.end()) continue;
    worst = std::max(worst, static_cast<double>(last->second - first) * 1e-3 / window_s);
  }
  return Figure::known(std::clamp(worst, 0.0, 1.0));
}

}  // namespace

TelemetryCounters read_counters(const HostFiles& files) {
  TelemetryCounters counters;
  counters.at_ns = monotonic_ns();
  for (const std::string& domain : energy_domains(files)) {
    if (const auto energy = files.integer(domain + "/energy_uj")) {
      counters.energy_uj[domain] = *energy;
    }
  }
  read_processor_time(files, counters);
  counters.own_cpu_ns = own_cpu_ns();
  for (const int processor : allowed_processors()) {
    const std::string folder =
        "sys/devices/system/cpu/cpu" + std::to_string(processor) + "/thermal_throttle";
    if (const auto time = files.integer(folder + "/package_throttle_total_time_ms")) {
      counters.throttle_ms[folder] = *time;
    }
  }
  return counters;
}

TelemetryRecord between(const TelemetryCounters& begin, const TelemetryCounters& end,
                        const std::map<std::string, std::int64_t>& energy_range_uj,
                        double ticks_per_second) {
  const double window_s = static_cast<double>(end.at_ns - begin.at_ns) * 1e-9;
  TelemetryRecord record;
  record.energy_j = energy_between(begin, end, energy_range_uj);
  record.power_w = record.energy_j.has_value() && window_s > 0.0
                       ? Figure::known(*record.energy_j.value / window_s)
                       : Figure::missing(record.energy_j.reason);
  const std::int64_t ticks = end.cpu_total_ticks - begin.cpu_total_ticks;
  // Below 20 ticks a share is mostly rounding.
  if (ticks >= 20) {
    const auto total = static_cast<double>(ticks);
    const double steal = static_cast<double>(end.cpu_steal_ticks - begin.cpu_steal_ticks);
    record.steal_share = Figure::known(std::clamp(steal / total, 0.0, 1.0));
    const double busy = static_cast<double>(end.cpu_busy_ticks - begin.cpu_busy_ticks);
    const double own =
        static_cast<double>(end.own_cpu_ns - begin.own_cpu_ns) * 1e-9 * ticks_per_second;
    record.other_load_share = Figure::known(std::clamp((busy - own) / total, 0.0, 1.0));
  } else {
    const std::string reason = end.cpu_total_ticks == 0
                                   ? "/proc/stat can't be read"
                                   : "the window is too short for the kernel's tick";
    record.steal_share = Figure::missing(reason);
    record.other_load_share = Figure::missing(reason);
  }
  record.throttled_share = window_s > 0.0 ? throttled_between(begin, end, window_s)
                                          : Figure::missing("the window has no length");
  return record;
}

Telemetry::Telemetry(HostFiles files, std::shared_ptr<const Gpu> gpu) : files_(std::move(files)) {
  if (gpu != nullptr) {
    gpu_.emplace(std::move(gpu));
    return;
  }
  clock_files_ = clock_files(files_);
  temperature_files_ = temperature_files(files_);
}

Telemetry::~Telemetry() {
  stop_thread();
}

void Telemetry::stop_thread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (sampler_.joinable()) sampler_.join();
}

void Telemetry::sample_gauges() {
  for (const std::string& path : clock_files_) {
    if (const auto khz = files_.integer(path)) {
      clocks_mhz_.push_back(static_cast<double>(*khz) * 1e-3);
    }
  }
  for (const std::string& path : temperature_files_) {
    if (const auto thousandths = files_.integer(path)) {
      temperatures_c_.push_back(static_cast<double>(*thousandths) * 1e-3);
    }
  }
}

void Telemetry::begin() {
  if (open_) throw std::logic_error("a telemetry window is open already");
  open_ = true;
  clocks_mhz_.clear();
  temperatures_c_.clear();
  stop_ = false;
  begin_ = read_counters(files_);
  if (gpu_) gpu_->begin();
  if (clock_files_.empty() && temperature_files_.empty()) return;
  sampler_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, kGaugePeriod, [this] { return stop_; })) sample_gauges();
  });
}

TelemetryRecord Telemetry::end() {
  if (!open_) throw std::logic_error("no telemetry window is open");
  open_ = false;
  const TelemetryCounters last = read_counters(files_);
  stop_thread();
  sample_gauges();  // at least one reading, at the end of the load
  std::map<std::string, std::int64_t> ranges;
  for (const auto& [domain, energy] : begin_.energy_uj) {
    if (const auto range = files_.integer(domain + "/max_energy_range_uj")) {
      ranges[domain] = *range;
    }
  }
  TelemetryRecord record = between(begin_, last, ranges, static_cast<double>(sysconf(_SC_CLK_TCK)));
  if (gpu_) {
    gpu_->end(record);
    return record;
  }
  record.gpu = Stated<GpuFigures>::missing("the device measured is a CPU");
  if (clocks_mhz_.empty()) {
    const std::string reason =
        "no frequency driver is visible; the clock in /proc/cpuinfo is nominal under a hypervisor";
    record.clock_mhz_median = Figure::missing(reason);
    record.clock_mhz_min = Figure::missing(reason);
  } else {
    record.clock_mhz_median = Figure::known(median(clocks_mhz_));
    record.clock_mhz_min = Figure::known(*std::min_element(clocks_mhz_.begin(), clocks_mhz_.end()));
  }
  record.temperature_c_max =
      temperatures_c_.empty()
          ? Figure::missing("no temperature sensor of the processor is visible")
          : Figure::known(*std::max_element(temperatures_c_.begin(), temperatures_c_.end()));
  return record;
}

}  // namespace assay::harness
