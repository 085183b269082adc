#include "harness/gpu_telemetry.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "results/edition/statistics.h"

namespace assay::harness {
namespace {

using Figure = Stated<double>;
using nvml::call;
using nvml::Field;
using nvml::Return;

double thread_cpu_s() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// One reading by a call with one result; a call that failed is not made again.
template <class T, class... P, class... A>
void read(Readings& readings, std::string_view name, double scale, Return (*entry)(P...),
          A... arguments) {
  if (!readings.reason.empty()) return;
  T value{};
  const Return result = call(entry, arguments..., &value);
  if (result == nvml::kSuccess) {
    readings.values.push_back(static_cast<double>(value) * scale);
  } else {
    readings.reason = nvml::reason_of(name, result);
  }
}

constexpr std::array<Field, 5> kTimeCounters = {
    Field::power_cap_time, Field::sync_boost_time, Field::software_thermal_time,
    Field::hardware_thermal_time, Field::power_brake_time};
constexpr std::array<Field, 4> kLinkErrors = {
    Field::nvlink_crc_flit_errors, Field::nvlink_crc_data_errors, Field::nvlink_replay_errors,
    Field::nvlink_recovery_errors};

/// The fields' values, or why there are none.
template <std::size_t N>
std::map<Field, Figure> field_values(const Gpu& gpu, const std::array<Field, N>& fields) {
  std::array<nvml::FieldValue, N> values{};
  for (std::size_t i = 0; i < N; ++i) values[i].field = fields[i];
  const Return result =
      call(gpu.table().get_field_values, gpu.handle(), static_cast<int>(N), values.data());
  std::map<Field, Figure> all;
  for (std::size_t i = 0; i < N; ++i) {
    const std::string name =
        fmt::format("nvmlDeviceGetFieldValues {}", static_cast<unsigned>(fields[i]));
    all[fields[i]] = nvml::stated(name, result != nvml::kSuccess ? result : values[i].result,
                                  nvml::number_of(values[i]));
  }
  return all;
}

Figure difference(const Figure& begin, const Figure& end) {
  if (!begin.has_value()) return begin;
  if (!end.has_value()) return end;
  if (*end.value < *begin.value) {
    return Figure::missing("the counter went back: the driver was loaded anew");
  }
  return Figure::known(*end.value - *begin.value);
}

Figure ecc_errors(const Gpu& gpu, nvml::MemoryError error) {
  unsigned long long count = 0;
  const Return result = call(gpu.table().get_total_ecc_errors, gpu.handle(), error,
                             nvml::EccCounter::since_load, &count);
  return nvml::stated("nvmlDeviceGetTotalEccErrors", result, static_cast<double>(count));
}

/// Links that are up. Errors of a link are told by fields; its state has a call of its own.
Figure active_links(const Gpu& gpu) {
  const auto count = field_values(gpu, std::array<Field, 1>{Field::nvlink_count});
  const Figure& links = count.begin()->second;
  if (!links.has_value()) return links;
  double active = 0.0;
  for (unsigned link = 0; link < static_cast<unsigned>(*links.value); ++link) {
    int is_active = 0;
    const Return result = call(gpu.table().get_nvlink_state, gpu.handle(), link, &is_active);
    if (result != nvml::kSuccess) {
      return Figure::missing(nvml::reason_of("nvmlDeviceGetNvLinkState", result));
    }
    if (is_active != 0) active += 1.0;
  }
  return Figure::known(active);
}

}  // namespace

Figure Readings::median_value() const {
  return values.empty() ? Figure::missing(reason) : Figure::known(median(values));
}
Figure Readings::greatest() const {
  return values.empty() ? Figure::missing(reason)
                        : Figure::known(*std::max_element(values.begin(), values.end()));
}
Figure Readings::least() const {
  return values.empty() ? Figure::missing(reason)
                        : Figure::known(*std::min_element(values.begin(), values.end()));
}
Figure Readings::mean() const {
  return values.empty() ? Figure::missing(reason)
                        : Figure::known(std::accumulate(values.begin(), values.end(), 0.0) /
                                        static_cast<double>(values.size()));
}

GpuTelemetry::GpuTelemetry(std::shared_ptr<const Gpu> gpu, GpuTelemetryOptions options)
    : gpu_(std::move(gpu)), options_(options) {}

GpuTelemetry::~GpuTelemetry() {
  stop_thread();
}

GpuTelemetry::Counters GpuTelemetry::read_counters() const {
  Counters counters;
  counters.at = std::chrono::steady_clock::now();
  unsigned long long millijoules = 0;
  const Return result = call(gpu_->table().get_total_energy, gpu_->handle(), &millijoules);
  counters.energy_j = nvml::stated("nvmlDeviceGetTotalEnergyConsumption", result,
                                   static_cast<double>(millijoules) * 1e-3);
  counters.fields = field_values(*gpu_, kTimeCounters);
  counters.fields.merge(field_values(*gpu_, kLinkErrors));
  counters.ecc_corrected = ecc_errors(*gpu_, nvml::MemoryError::corrected);
  counters.ecc_uncorrected = ecc_errors(*gpu_, nvml::MemoryError::uncorrected);
  unsigned replays = 0;
  const Return replay_result = call(gpu_->table().get_pcie_replays, gpu_->handle(), &replays);
  counters.pcie_replays =
      nvml::stated("nvmlDeviceGetPcieReplayCounter", replay_result, static_cast<double>(replays));
  return counters;
}

/// Power as it is now, and the memory's temperature. Where a driver has no such field, the power is
/// what nvmlDeviceGetPowerUsage says: a mean over one second on most devices since Ampere.
void GpuTelemetry::sample_fields() {
  const auto fields =
      field_values(*gpu_, std::array<Field, 2>{Field::power_instant, Field::memory_temperature});
  const Figure& power = fields.at(Field::power_instant);
  if (power.has_value()) {
    power_w_.values.push_back(*power.value * 1e-3);
  } else {
    read<unsigned>(power_w_, "nvmlDeviceGetPowerUsage", 1e-3, gpu_->table().get_power_usage,
                   gpu_->handle());
  }
  const Figure& memory = fields.at(Field::memory_temperature);
  if (memory.has_value()) {
    memory_temperature_c_.values.push_back(*memory.value);
  } else {
    memory_temperature_c_.reason = memory.reason;
  }
}

void GpuTelemetry::sample() {
  const double before = thread_cpu_s();
  const nvml::Table& table = gpu_->table();
  const nvml::DeviceHandle handle = gpu_->handle();
  sample_fields();
  read<unsigned>(sm_clock_mhz_, "nvmlDeviceGetClockInfo", 1.0, table.get_clock, handle,
                 nvml::Clock::sm);
  read<unsigned>(memory_clock_mhz_, "nvmlDeviceGetClockInfo", 1.0, table.get_clock, handle,
                 nvml::Clock::memory);
  if (nvml::Temperature now; call(table.get_temperature, handle, &now) == nvml::kSuccess) {
    temperature_c_.values.push_back(now.temperature_c);
  } else {
    read<unsigned>(temperature_c_, "nvmlDeviceGetTemperature", 1.0, table.get_temperature_before_13,
                   handle, 0);
  }
  const bool has_event_reasons = table.get_clock_event_reasons != nullptr;
  read<unsigned long long>(
      event_reasons_,
      has_event_reasons ? "nvmlDeviceGetCurrentClocksEventReasons"
                        : "nvmlDeviceGetCurrentClocksThrottleReasons",
      1.0, has_event_reasons ? table.get_clock_event_reasons : table.get_clock_throttle_reasons,
      handle);
  read<unsigned>(pcie_generation_, "nvmlDeviceGetCurrPcieLinkGeneration", 1.0,
                 table.get_pcie_generation, handle);
  read<unsigned>(pcie_lanes_, "nvmlDeviceGetCurrPcieLinkWidth", 1.0, table.get_pcie_width, handle);
  ++samples_;
  last_cost_s_ = thread_cpu_s() - before;
}

void GpuTelemetry::run() {
  std::unique_lock lock(mutex_);
  const auto start = std::chrono::steady_clock::now();
  double dearest = last_cost_s_;
  for (double spent = thread_cpu_s();; spent = thread_cpu_s()) {
    thread_cpu_s_ = spent;
    const std::chrono::duration<double> by_cost(
        next_reading_s(spent, dearest, options_.longest_share));
    const auto due =
        std::max(std::chrono::steady_clock::now() + options_.shortest_period,
                 start + std::chrono::duration_cast<std::chrono::steady_clock::duration>(by_cost));
    if (wake_.wait_until(lock, due, [this] { return stop_; })) break;
    sample();
    dearest = std::max(dearest, thread_cpu_s() - spent);
  }
  thread_cpu_s_ = thread_cpu_s();
}

void GpuTelemetry::stop_thread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  thread_life_s_ =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - thread_begin_).count();
}

void GpuTelemetry::begin() {
  if (!gpu_->is_reachable()) return;
  for (Readings* readings :
       {&power_w_, &sm_clock_mhz_, &memory_clock_mhz_, &temperature_c_, &memory_temperature_c_,
        &pcie_generation_, &pcie_lanes_, &event_reasons_}) {
    *readings = {};
  }
  samples_ = 0;
  stop_ = false;
  begin_ = read_counters();
  sample();
  thread_begin_ = std::chrono::steady_clock::now();
  thread_ = std::thread([this] { run(); });
}

/// The share of the window that a reason for lower clocks held, by the driver's counter of
/// nanoseconds, or else by how many readings showed its bit.
Figure GpuTelemetry::reason_share(Field counter, unsigned long long bit, const Counters& last,
                                  double window_s) const {
  const Figure time_ns = difference(begin_.fields.at(counter), last.fields.at(counter));
  if (time_ns.has_value()) {
    return Figure::known(std::clamp(*time_ns.value * 1e-9 / window_s, 0.0, 1.0));
  }
  if (event_reasons_.values.empty()) return Figure::missing(time_ns.reason);
  const auto seen = std::count_if(
      event_reasons_.values.begin(), event_reasons_.values.end(),
      [&](double mask) { return (static_cast<unsigned long long>(mask) & bit) != 0; });
  return Figure::known(static_cast<double>(seen) /
                       static_cast<double>(event_reasons_.values.size()));
}

void GpuTelemetry::end(TelemetryRecord& record) {
  if (!gpu_->is_reachable()) {
    const Figure none = Figure::missing(gpu_->reason());
    record.energy_j = record.power_w = none;
    record.clock_mhz_median = record.clock_mhz_min = none;
    record.temperature_c_max = record.throttled_share = none;
    record.gpu = Stated<GpuFigures>::missing(gpu_->reason());
    return;
  }
  const Counters last = read_counters();
  stop_thread();
  sample();  // while the device is still warm from the load
  fill(record, last);
}

void GpuTelemetry::fill(TelemetryRecord& record, const Counters& last) const {
  const double window_s = std::chrono::duration<double>(last.at - begin_.at).count();
  record.energy_j = difference(begin_.energy_j, last.energy_j);
  record.power_w = record.energy_j.has_value() && window_s > 0.0
                       ? Figure::known(*record.energy_j.value / window_s)
                       : power_w_.mean();
  record.clock_mhz_median = sm_clock_mhz_.median_value();
  record.clock_mhz_min = sm_clock_mhz_.least();
  record.temperature_c_max = temperature_c_.greatest();

  GpuFigures gpu;
  gpu["share_power_cap"] =
      reason_share(Field::power_cap_time, nvml::kReasonPowerCap, last, window_s);
  gpu["share_sync_boost"] =
      reason_share(Field::sync_boost_time, nvml::kReasonSyncBoost, last, window_s);
  gpu["share_software_thermal"] =
      reason_share(Field::software_thermal_time, nvml::kReasonSoftwareThermal, last, window_s);
  gpu["share_hardware_thermal"] =
      reason_share(Field::hardware_thermal_time,
                   nvml::kReasonHardwareThermal | nvml::kReasonHardwareSlowdown, last, window_s);
  gpu["share_power_brake"] =
      reason_share(Field::power_brake_time, nvml::kReasonPowerBrake, last, window_s);
  // Reasons overlap, so the longest is what is known of their union.
  record.throttled_share = gpu["share_power_cap"];
  for (const auto& [name, share] : gpu) {
    if (share.has_value() &&
        (!record.throttled_share.has_value() || *share.value > *record.throttled_share.value)) {
      record.throttled_share = share;
    }
  }
  gpu["samples"] = Figure::known(static_cast<double>(samples_));
  // Of the thread's life, which a window of microseconds can be shorter than; two clocks may
  // differ.
  gpu["sampler_cpu_share"] = thread_life_s_ > 0.0
                                 ? Figure::known(std::min(1.0, thread_cpu_s_ / thread_life_s_))
                                 : Figure::missing("no thread read");
  gpu["power_w_mean_of_readings"] = power_w_.mean();
  gpu["power_w_max_of_readings"] = power_w_.greatest();
  gpu["clock_mhz_stated_max"] = max_clock_mhz(*gpu_, nvml::Clock::sm);
  gpu["memory_clock_mhz_median"] = memory_clock_mhz_.median_value();
  gpu["memory_clock_mhz_stated_max"] = max_clock_mhz(*gpu_, nvml::Clock::memory);
  gpu["memory_temperature_c_max"] = memory_temperature_c_.greatest();
  gpu["ecc_corrected_errors"] = difference(begin_.ecc_corrected, last.ecc_corrected);
  gpu["ecc_uncorrected_errors"] = difference(begin_.ecc_uncorrected, last.ecc_uncorrected);
  gpu["pcie_generation"] = pcie_generation_.greatest();
  gpu["pcie_lanes"] = pcie_lanes_.greatest();
  gpu["pcie_replays"] = difference(begin_.pcie_replays, last.pcie_replays);
  gpu["nvlinks_active"] = active_links(*gpu_);
  Figure errors = Figure::known(0.0);
  for (const Field field : kLinkErrors) {
    const Figure more = difference(begin_.fields.at(field), last.fields.at(field));
    if (!more.has_value()) {
      errors = more;
      break;
    }
    *errors.value += *more.value;
  }
  gpu["nvlink_errors"] = errors;
  record.gpu = Stated<GpuFigures>::known(std::move(gpu));
}

}  // namespace assay::harness
