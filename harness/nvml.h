#pragma once
/// NVML, the library that tells a GPU's state, as a table of functions that libnvidia-ml fills at
/// run time. A plain host version for tests is a second filling (tests/support/host_nvml.h).
///
/// Only the calls that Assay makes are declared. Prototypes, values and structures are those of
/// nvml.h of NVML 13 (NVIDIA/go-nvml gen/nvml/nvml.h at 2f9e261); the newest form of a call is
/// asked for by its versioned name. A driver that is older lacks some: the entry stays null, and
/// call() says so by a code. Nothing here throws for what a device doesn't support.
#include <string>
#include <string_view>

#include "results/stated.h"

namespace assay::harness::nvml {

using Return = int;
inline constexpr Return kSuccess = 0;
inline constexpr Return kInvalidArgument = 2;
inline constexpr Return kNotSupported = 3;
inline constexpr Return kNoPermission = 4;
inline constexpr Return kNotFound = 6;
inline constexpr Return kInsufficientSize = 7;
inline constexpr Return kLibraryNotFound = 12;
inline constexpr Return kFunctionNotFound = 13;
inline constexpr Return kGpuIsLost = 15;
inline constexpr Return kUnknown = 999;

using DeviceHandle = struct nvmlDevice_st*;

/// nvmlClockType_t.
enum class Clock : int { graphics = 0, sm = 1, memory = 2, video = 3 };
/// nvmlMemoryErrorType_t.
enum class MemoryError : int { corrected = 0, uncorrected = 1 };
/// nvmlEccCounterType_t: since the driver was loaded, or of the device's life.
enum class EccCounter : int { since_load = 0, lifetime = 1 };

/// nvmlComputeMode_t.
inline constexpr int kComputeModeDefault = 0;
inline constexpr int kComputeModeProhibited = 2;
inline constexpr int kComputeModeExclusiveProcess = 3;

/// Bits of nvmlDeviceGetCurrentClocksEventReasons.
inline constexpr unsigned long long kReasonPowerCap = 0x4;
inline constexpr unsigned long long kReasonHardwareSlowdown = 0x8;
inline constexpr unsigned long long kReasonSyncBoost = 0x10;
inline constexpr unsigned long long kReasonSoftwareThermal = 0x20;
inline constexpr unsigned long long kReasonHardwareThermal = 0x40;
inline constexpr unsigned long long kReasonPowerBrake = 0x80;

/// Field identifiers of nvmlDeviceGetFieldValues; counters of time are in nanoseconds.
enum class Field : unsigned {
  nvlink_crc_flit_errors = 38,
  nvlink_crc_data_errors = 45,
  nvlink_replay_errors = 52,
  nvlink_recovery_errors = 59,
  power_cap_time = 74,
  sync_boost_time = 76,
  memory_temperature = 82,  ///< °C
  nvlink_count = 91,
  power_instant = 186,  ///< mW
  software_thermal_time = 269,
  hardware_thermal_time = 270,
  power_brake_time = 271,
};

/// nvmlValue_t.
union Value {
  double as_double;
  int as_int;
  unsigned as_unsigned;
  unsigned long as_unsigned_long;
  unsigned long long as_unsigned_long_long;
  long long as_long_long;
  unsigned short as_unsigned_short;
};

/// nvmlFieldValue_t.
struct FieldValue {
  Field field;
  unsigned scope;
  long long timestamp_us;
  long long latency_us;
  int value_type;  ///< 0 double, 1 unsigned, 2 unsigned long, 3 unsigned long long, 4 long long, …
  Return result;
  Value value;
};
static_assert(sizeof(FieldValue) == 40);
[[nodiscard]] double number_of(const FieldValue& field);

/// nvmlTemperature_t.
struct Temperature {
  unsigned version = 0x0100000C;
  int sensor = 0;  ///< the GPU's
  int temperature_c = 0;
};
static_assert(sizeof(Temperature) == 12);

/// nvmlProcessInfo_t.
struct ProcessInfo {
  unsigned process;
  unsigned long long used_bytes;
  unsigned gpu_instance;
  unsigned compute_instance;
};
static_assert(sizeof(ProcessInfo) == 24);

struct Table {
  Return (*initialise)();
  Return (*shut_down)();
  Return (*system_get_driver_version)(char* text, unsigned length);

  Return (*get_count)(unsigned* count);
  Return (*get_handle_by_index)(unsigned index, DeviceHandle* device);
  Return (*get_uuid)(DeviceHandle device, char* text, unsigned length);
  Return (*get_serial)(DeviceHandle device, char* text, unsigned length);
  Return (*get_vbios_version)(DeviceHandle device, char* text, unsigned length);

  Return (*get_power_usage)(DeviceHandle device, unsigned* milliwatts);
  Return (*get_total_energy)(DeviceHandle device, unsigned long long* millijoules);
  Return (*get_enforced_power_limit)(DeviceHandle device, unsigned* milliwatts);
  Return (*get_default_power_limit)(DeviceHandle device, unsigned* milliwatts);

  Return (*get_clock)(DeviceHandle device, Clock clock, unsigned* mhz);
  Return (*get_max_clock)(DeviceHandle device, Clock clock, unsigned* mhz);
  Return (*get_clock_event_reasons)(DeviceHandle device, unsigned long long* reasons);
  Return (*get_clock_throttle_reasons)(DeviceHandle device, unsigned long long* reasons);
  Return (*get_temperature)(DeviceHandle device, Temperature* temperature);
  Return (*get_temperature_before_13)(DeviceHandle device, int sensor, unsigned* celsius);

  Return (*get_ecc_mode)(DeviceHandle device, int* current, int* pending);
  Return (*get_total_ecc_errors)(DeviceHandle device, MemoryError error, EccCounter counter,
                                 unsigned long long* count);
  Return (*get_pcie_generation)(DeviceHandle device, unsigned* generation);
  Return (*get_pcie_width)(DeviceHandle device, unsigned* lanes);
  Return (*get_max_pcie_generation)(DeviceHandle device, unsigned* generation);
  Return (*get_max_pcie_width)(DeviceHandle device, unsigned* lanes);
  Return (*get_pcie_replays)(DeviceHandle device, unsigned* count);
  Return (*get_nvlink_state)(DeviceHandle device, unsigned link, int* is_active);
  Return (*get_field_values)(DeviceHandle device, int count, FieldValue* values);

  Return (*get_mig_mode)(DeviceHandle device, unsigned* current, unsigned* pending);
  Return (*get_persistence_mode)(DeviceHandle device, int* is_on);
  Return (*get_compute_mode)(DeviceHandle device, int* mode);
  Return (*get_compute_processes)(DeviceHandle device, unsigned* count, ProcessInfo* processes);
};

/// Calls visit(library's name, entry) for each entry of the table: the one list of them.
template <class AnyTable, class Visit>
void for_each_entry(AnyTable& table, Visit visit) {
  visit("nvmlInit_v2", table.initialise);
  visit("nvmlShutdown", table.shut_down);
  visit("nvmlSystemGetDriverVersion", table.system_get_driver_version);
  visit("nvmlDeviceGetCount_v2", table.get_count);
  visit("nvmlDeviceGetHandleByIndex_v2", table.get_handle_by_index);
  visit("nvmlDeviceGetUUID", table.get_uuid);
  visit("nvmlDeviceGetSerial", table.get_serial);
  visit("nvmlDeviceGetVbiosVersion", table.get_vbios_version);
  visit("nvmlDeviceGetPowerUsage", table.get_power_usage);
  visit("nvmlDeviceGetTotalEnergyConsumption", table.get_total_energy);
  visit("nvmlDeviceGetEnforcedPowerLimit", table.get_enforced_power_limit);
  visit("nvmlDeviceGetPowerManagementDefaultLimit", table.get_default_power_limit);
  visit("nvmlDeviceGetClockInfo", table.get_clock);
  visit("nvmlDeviceGetMaxClockInfo", table.get_max_clock);
  visit("nvmlDeviceGetCurrentClocksEventReasons", table.get_clock_event_reasons);
  visit("nvmlDeviceGetCurrentClocksThrottleReasons", table.get_clock_throttle_reasons);
  visit("nvmlDeviceGetTemperatureV", table.get_temperature);
  visit("nvmlDeviceGetTemperature", table.get_temperature_before_13);
  visit("nvmlDeviceGetEccMode", table.get_ecc_mode);
  visit("nvmlDeviceGetTotalEccErrors", table.get_total_ecc_errors);
  visit("nvmlDeviceGetCurrPcieLinkGeneration", table.get_pcie_generation);
  visit("nvmlDeviceGetCurrPcieLinkWidth", table.get_pcie_width);
  visit("nvmlDeviceGetMaxPcieLinkGeneration", table.get_max_pcie_generation);
  visit("nvmlDeviceGetMaxPcieLinkWidth", table.get_max_pcie_width);
  visit("nvmlDeviceGetPcieReplayCounter", table.get_pcie_replays);
  visit("nvmlDeviceGetNvLinkState", table.get_nvlink_state);
  visit("nvmlDeviceGetFieldValues", table.get_field_values);
  visit("nvmlDeviceGetMigMode", table.get_mig_mode);
  visit("nvmlDeviceGetPersistenceMode", table.get_persistence_mode);
  visit("nvmlDeviceGetComputeMode", table.get_compute_mode);
  visit("nvmlDeviceGetComputeRunningProcesses_v3", table.get_compute_processes);
}

/// The table filled from the library, which stays open until the program ends; null where there is
/// no such library. Entries that it lacks are null.
[[nodiscard]] const Table* system_library(const std::string& name = "libnvidia-ml.so.1");

/// entry(arguments…); kFunctionNotFound where the library lacks it.
template <class... P, class... A>
[[nodiscard]] Return call(Return (*entry)(P...), A... arguments) {
  return entry == nullptr ? kFunctionNotFound : entry(arguments...);
}

/// "nvmlDeviceGetSerial: NOT_SUPPORTED (3)": why a figure is missing.
[[nodiscard]] std::string reason_of(std::string_view call, Return result);

/// The value where the call succeeded, else reason_of.
template <class T>
[[nodiscard]] Stated<T> stated(std::string_view call, Return result, T value) {
  return result == kSuccess ? Stated<T>::known(std::move(value))
                            : Stated<T>::missing(reason_of(call, result));
}

}  // namespace assay::harness::nvml
