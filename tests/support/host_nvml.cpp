#include "support/host_nvml.h"

#include <atomic>
#include <cstring>
#include <mutex>

namespace assay::host_nvml {
namespace {

using namespace harness::nvml;
using Clock_ = std::chrono::steady_clock;

struct Library {
  Options options;
  Clock_::time_point start = Clock_::now();
  std::atomic<int> sessions = 0;
};
Library& instance() {
  static Library library;
  return library;
}

/// The GPU behind a handle; null where the library isn't initialised or never gave that handle.
HostGpu* find(DeviceHandle device) {
  Library& library = instance();
  const auto until = Clock_::now() + library.options.cost;
  while (Clock_::now() < until) {
  }
  if (library.sessions <= 0) return nullptr;
  for (HostGpu& gpu : library.options.gpus) {
    if (reinterpret_cast<DeviceHandle>(&gpu) == device) return &gpu;
  }
  return nullptr;
}

double seconds() {
  return std::chrono::duration<double>(Clock_::now() - instance().start).count();
}

Return put_text(const std::string& text, char* to, unsigned length) {
  if (text.size() + 1 > length) return kInsufficientSize;
  std::memcpy(to, text.c_str(), text.size() + 1);
  return kSuccess;
}

/// A call with one result: *to = value(gpu).
template <class T, class Value>
Return put(DeviceHandle device, T* to, Value value) {
  HostGpu* const gpu = find(device);
  if (gpu == nullptr || to == nullptr) return kInvalidArgument;
  *to = static_cast<T>(value(*gpu));
  return kSuccess;
}

Return initialise() {
  ++instance().sessions;
  return kSuccess;
}
Return shut_down() {
  --instance().sessions;
  return kSuccess;
}
Return system_get_driver_version(char* text, unsigned length) {
  return put_text("580.65.06", text, length);
}
Return get_count(unsigned* count) {
  *count = static_cast<unsigned>(instance().options.gpus.size());
  return kSuccess;
}
Return get_handle_by_index(unsigned index, DeviceHandle* device) {
  if (index >= instance().options.gpus.size()) return kInvalidArgument;
  *device = reinterpret_cast<DeviceHandle>(&instance().options.gpus[index]);
  return kSuccess;
}
Return get_uuid(DeviceHandle device, char* text, unsigned length) {
  const HostGpu* const gpu = find(device);
  return gpu == nullptr ? kInvalidArgument : put_text(gpu->uuid, text, length);
}
Return get_serial(DeviceHandle device, char* text, unsigned length) {
  return find(device) == nullptr ? kInvalidArgument : put_text("1650924061234", text, length);
}
Return get_vbios_version(DeviceHandle device, char* text, unsigned length) {
  return find(device) == nullptr ? kInvalidArgument : put_text("96.00.A5.00.01", text, length);
}
Return get_power_usage(DeviceHandle device, unsigned* milliwatts) {
  return put(device, milliwatts, [](const HostGpu& gpu) { return gpu.power_w * 1e3; });
}
Return get_total_energy(DeviceHandle device, unsigned long long* millijoules) {
  return put(device, millijoules,
             [](const HostGpu& gpu) { return 1e9 + gpu.power_w * 1e3 * seconds(); });
}
Return get_enforced_power_limit(DeviceHandle device, unsigned* milliwatts) {
  return put(device, milliwatts, [](const HostGpu& gpu) { return gpu.enforced_limit_w * 1e3; });
}
Return get_default_power_limit(DeviceHandle device, unsigned* milliwatts) {
  return put(device, milliwatts, [](const HostGpu& gpu) { return gpu.default_limit_w * 1e3; });
}
Return get_clock(DeviceHandle device, Clock clock, unsigned* mhz) {
  return put(device, mhz, [&](const HostGpu& gpu) {
    return clock == Clock::memory ? gpu.memory_clock_mhz : gpu.sm_clock_mhz;
  });
}
Return get_max_clock(DeviceHandle device, Clock clock, unsigned* mhz) {
  return put(device, mhz, [&](const HostGpu& gpu) {
    return clock == Clock::memory ? gpu.memory_clock_mhz : gpu.max_sm_clock_mhz;
  });
}
Return get_event_reasons(DeviceHandle device, unsigned long long* reasons) {
  return put(device, reasons, [](const HostGpu& gpu) { return gpu.event_reasons; });
}
Return get_temperature(DeviceHandle device, Temperature* temperature) {
  const HostGpu* const gpu = find(device);
  if (gpu == nullptr) return kInvalidArgument;
  if (temperature->version != 0x0100000C) return 25;  // ARGUMENT_VERSION_MISMATCH
  temperature->temperature_c = gpu->temperature_c;
  return kSuccess;
}
Return get_temperature_before_13(DeviceHandle device, int, unsigned* celsius) {
  return put(device, celsius, [](const HostGpu& gpu) { return gpu.temperature_c; });
}
Return get_ecc_mode(DeviceHandle device, int* current, int* pending) {
  *pending = 1;
  return put(device, current, [](const HostGpu&) { return 1; });
}
Return get_total_ecc_errors(DeviceHandle device, MemoryError, EccCounter,
                            unsigned long long* count) {
  return put(device, count, [](const HostGpu&) { return 2; });
}
Return get_pcie_generation(DeviceHandle device, unsigned* generation) {
  return put(device, generation, [](const HostGpu&) { return 5; });
}
Return get_pcie_width(DeviceHandle device, unsigned* lanes) {
  return put(device, lanes, [](const HostGpu&) { return 16; });
}
Return get_pcie_replays(DeviceHandle device, unsigned* count) {
  return put(device, count, [](const HostGpu&) { return 7; });
}
Return get_nvlink_state(DeviceHandle device, unsigned link, int* is_active) {
  return put(device, is_active,
             [&](const HostGpu& gpu) { return link < gpu.active_links ? 1 : 0; });
}
Return get_field_values(DeviceHandle device, int count, FieldValue* values) {
  const HostGpu* const gpu = find(device);
  if (gpu == nullptr) return kInvalidArgument;
  for (int i = 0; i < count; ++i) {
    FieldValue& field = values[i];
    field.result = kSuccess;
    field.value_type = 3;
    field.value.as_unsigned_long_long = 0;
    switch (field.field) {
      case Field::power_instant:
        field.value.as_unsigned_long_long = static_cast<unsigned long long>(gpu->power_w * 1e3);
        break;
      case Field::memory_temperature:
        field.value_type = 5;
        field.value.as_int = gpu->memory_temperature_c;
        break;
      case Field::nvlink_count:
        field.value_type = 1;
        field.value.as_unsigned = gpu->links;
        break;
      default:
        if (const auto share = gpu->time_shares.find(field.field);
            share != gpu->time_shares.end()) {
          field.value.as_unsigned_long_long =
              static_cast<unsigned long long>(share->second * seconds() * 1e9);
        }
    }
  }
  return kSuccess;
}
Return get_mig_mode(DeviceHandle device, unsigned* current, unsigned* pending) {
  *pending = 0;
  return put(device, current, [](const HostGpu&) { return 0; });
}
Return get_persistence_mode(DeviceHandle device, int* is_on) {
  return put(device, is_on, [](const HostGpu&) { return 1; });
}
Return get_compute_mode(DeviceHandle device, int* mode) {
  return put(device, mode, [](const HostGpu&) { return kComputeModeDefault; });
}
Return get_compute_processes(DeviceHandle device, unsigned* count, ProcessInfo* processes) {
  const HostGpu* const gpu = find(device);
  if (gpu == nullptr) return kInvalidArgument;
  if (*count < gpu->processes.size()) return kInsufficientSize;
  *count = static_cast<unsigned>(gpu->processes.size());
  for (unsigned i = 0; i < *count; ++i) processes[i] = {gpu->processes[i], 0, 0, 0};
  return kSuccess;
}

}  // namespace

void configure(const Options& options) {
  Library& library = instance();
  library.options = options;
  library.start = Clock_::now();
  library.sessions = 0;
}

const Table& library() {
  static constexpr Table kTable = {
      .initialise = initialise,
      .shut_down = shut_down,
      .system_get_driver_version = system_get_driver_version,
      .get_count = get_count,
      .get_handle_by_index = get_handle_by_index,
      .get_uuid = get_uuid,
      .get_serial = get_serial,
      .get_vbios_version = get_vbios_version,
      .get_power_usage = get_power_usage,
      .get_total_energy = get_total_energy,
      .get_enforced_power_limit = get_enforced_power_limit,
      .get_default_power_limit = get_default_power_limit,
      .get_clock = get_clock,
      .get_max_clock = get_max_clock,
      .get_clock_event_reasons = get_event_reasons,
      .get_clock_throttle_reasons = get_event_reasons,
      .get_temperature = get_temperature,
      .get_temperature_before_13 = get_temperature_before_13,
      .get_ecc_mode = get_ecc_mode,
      .get_total_ecc_errors = get_total_ecc_errors,
      .get_pcie_generation = get_pcie_generation,
      .get_pcie_width = get_pcie_width,
      .get_max_pcie_generation = get_pcie_generation,
      .get_max_pcie_width = get_pcie_width,
      .get_pcie_replays = get_pcie_replays,
      .get_nvlink_state = get_nvlink_state,
      .get_field_values = get_field_values,
      .get_mig_mode = get_mig_mode,
      .get_persistence_mode = get_persistence_mode,
      .get_compute_mode = get_compute_mode,
      .get_compute_processes = get_compute_processes,
  };
  return kTable;
}

HostGpu& gpu(std::size_t index) {
  return instance().options.gpus.at(index);
}

int open_sessions() {
  return instance().sessions;
}

}  // namespace assay::host_nvml
