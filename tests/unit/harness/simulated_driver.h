#pragma once
/// A CUDA driver whose device's time is known: work takes as long as a test says, the device idles
/// while the host is away, and events tell its time in steps of half a microsecond. Only what
/// timing needs; the driver's ABI has no user pointer, so there is one device a process.
#include <cmath>
#include <cstdint>

#include "kernels/cuda/driver.h"

namespace assay::harness::test {

struct SimulatedGpu {
  double now_us = 0.0;
  double idle_us = 30.0;   ///< before each batch: the host is slow to come back
  double launch_us = 5.0;  ///< from the first event to the first work of an idle device
  bool is_idle = true;
  int l2_cache_bytes = 50 << 20U;
  int devices = 1;  ///< with UUIDs GPU-01…, GPU-02…
  int driver_version = 13000;
  int silent_ordinal = -1;  ///< a device that doesn't tell its name
  std::int64_t iterations = 0;
  int live_events = 0;

  void work(double us) {
    if (is_idle) now_us += launch_us;
    is_idle = false;
    now_us += us;
    ++iterations;
  }
};

inline SimulatedGpu& simulated_gpu() {
  static SimulatedGpu gpu;
  return gpu;
}

/// An event is the time it was recorded at.
struct SimulatedEvent {
  double at_us = 0.0;
};

inline cuda::DriverTable simulated_driver() {
  using cuda::kSuccess;
  using cuda::Result;
  cuda::DriverTable table{};
  table.initialise = [](unsigned) -> Result { return kSuccess; };
  table.get_error_name = [](Result, const char**) -> Result { return cuda::kInvalidValue; };
  table.get_error_string = [](Result, const char**) -> Result { return cuda::kInvalidValue; };
  table.device_get = [](cuda::DeviceOrdinal* device, int ordinal) -> Result {
    *device = ordinal;
    return kSuccess;
  };
  table.driver_get_version = [](int* version) -> Result {
    *version = simulated_gpu().driver_version;
    return kSuccess;
  };
  table.device_get_count = [](int* count) -> Result {
    *count = simulated_gpu().devices;
    return kSuccess;
  };
  table.device_get_name = [](char* name, int, cuda::DeviceOrdinal device) -> Result {
    if (device == simulated_gpu().silent_ordinal) return cuda::kInvalidDevice;
    name[0] = 'S';
    return kSuccess;
  };
  table.device_get_uuid = [](cuda::Uuid* uuid, cuda::DeviceOrdinal device) -> Result {
    uuid->bytes[0] = static_cast<unsigned char>(device + 1);
    return kSuccess;
  };
  table.device_get_attribute = [](int* value, cuda::DeviceAttribute attribute,
                                  cuda::DeviceOrdinal) -> Result {
    using cuda::DeviceAttribute;
    *value = 9;
    if (attribute == DeviceAttribute::l2_cache_bytes) *value = simulated_gpu().l2_cache_bytes;
    if (attribute == DeviceAttribute::compute_capability_minor) *value = 0;
    return kSuccess;
  };
  table.device_total_memory = [](std::size_t* bytes, cuda::DeviceOrdinal) -> Result {
    *bytes = std::size_t{80} << 30U;
    return kSuccess;
  };
  table.primary_context_retain = [](cuda::ContextHandle*, cuda::DeviceOrdinal) -> Result {
    return kSuccess;
  };
  table.primary_context_release = [](cuda::DeviceOrdinal) -> Result { return kSuccess; };
  table.context_set_current = [](cuda::ContextHandle) -> Result { return kSuccess; };
  table.stream_create = [](cuda::StreamHandle*, unsigned) -> Result { return kSuccess; };
  table.stream_destroy = [](cuda::StreamHandle) -> Result { return kSuccess; };
  table.stream_synchronize = [](cuda::StreamHandle) -> Result {
    simulated_gpu().is_idle = true;
    return kSuccess;
  };
  table.event_create = [](cuda::EventHandle* event, unsigned) -> Result {
    *event = reinterpret_cast<cuda::EventHandle>(new SimulatedEvent);
    ++simulated_gpu().live_events;
    return kSuccess;
  };
  table.event_destroy = [](cuda::EventHandle event) -> Result {
    delete reinterpret_cast<SimulatedEvent*>(event);
    --simulated_gpu().live_events;
    return kSuccess;
  };
  table.event_record = [](cuda::EventHandle event, cuda::StreamHandle) -> Result {
    SimulatedGpu& gpu = simulated_gpu();
    if (gpu.is_idle) gpu.now_us += gpu.idle_us;
    reinterpret_cast<SimulatedEvent*>(event)->at_us = gpu.now_us;
    return kSuccess;
  };
  table.event_synchronize = [](cuda::EventHandle) -> Result {
    simulated_gpu().is_idle = true;
    return kSuccess;
  };
  table.event_elapsed_time = [](float* milliseconds, cuda::EventHandle first,
                                cuda::EventHandle last) -> Result {
    const auto steps = [](cuda::EventHandle event) {
      return std::floor(reinterpret_cast<SimulatedEvent*>(event)->at_us / 0.5);
    };
    *milliseconds = static_cast<float>((steps(last) - steps(first)) * 0.5e-3);
    return kSuccess;
  };
  return table;
}

}  // namespace assay::harness::test
