#include "harness/gpu.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace assay::harness {
namespace {

using Condition = Stated<std::string>;
using nvml::call;
using nvml::Return;

/// The text of a call that fills a buffer.
template <class... P, class... A>
Condition text_of(std::string_view name, Return (*entry)(P...), A... arguments) {
  std::array<char, 96> buffer{};
  const Return result = call(entry, arguments..., buffer.data(), unsigned{buffer.size() - 1});
  Condition text = nvml::stated(name, result, std::string(buffer.data()));
  if (text.has_value() && text.value->empty()) {
    return Condition::missing(std::string(name) + " gave no text");
  }
  return text;
}

Condition watts(std::string_view name, Return (*entry)(nvml::DeviceHandle, unsigned*),
                nvml::DeviceHandle device) {
  unsigned milliwatts = 0;
  const Return result = call(entry, device, &milliwatts);
  return nvml::stated(name, result, fmt::format("{:.0f} W", milliwatts * 1e-3));
}

Condition mig_mode(const Gpu& gpu) {
  unsigned current = 0;
  unsigned pending = 0;
  const Return result = call(gpu.table().get_mig_mode, gpu.handle(), &current, &pending);
  return nvml::stated("nvmlDeviceGetMigMode", result, std::string(current != 0 ? "on" : "off"));
}

Condition persistence(const Gpu& gpu) {
  int is_on = 0;
  const Return result = call(gpu.table().get_persistence_mode, gpu.handle(), &is_on);
  return nvml::stated("nvmlDeviceGetPersistenceMode", result,
                      std::string(is_on != 0 ? "on" : "off"));
}

Condition compute_mode(const Gpu& gpu) {
  int mode = 0;
  const Return result = call(gpu.table().get_compute_mode, gpu.handle(), &mode);
  return nvml::stated("nvmlDeviceGetComputeMode", result,
                      mode == nvml::kComputeModeDefault      ? std::string("default")
                      : mode == nvml::kComputeModeProhibited ? std::string("prohibited")
                      : mode == nvml::kComputeModeExclusiveProcess
                          ? std::string("exclusive process")
                          : fmt::format("mode {}", mode));
}

Condition ecc(const Gpu& gpu) {
  int current = 0;
  int pending = 0;
  const Return result = call(gpu.table().get_ecc_mode, gpu.handle(), &current, &pending);
  return nvml::stated("nvmlDeviceGetEccMode", result, std::string(current != 0 ? "on" : "off"));
}

/// The most that the link can be; what it is under load stands in the telemetry.
Condition pcie(const Gpu& gpu) {
  unsigned generation = 0;
  unsigned lanes = 0;
  Return result = call(gpu.table().get_max_pcie_generation, gpu.handle(), &generation);
  if (result != nvml::kSuccess) {
    return Condition::missing(nvml::reason_of("nvmlDeviceGetMaxPcieLinkGeneration", result));
  }
  result = call(gpu.table().get_max_pcie_width, gpu.handle(), &lanes);
  return nvml::stated("nvmlDeviceGetMaxPcieLinkWidth", result,
                      fmt::format("generation {} x{}", generation, lanes));
}

Condition nvlink(const Gpu& gpu) {
  nvml::FieldValue count{};
  count.field = nvml::Field::nvlink_count;
  Return result = call(gpu.table().get_field_values, gpu.handle(), 1, &count);
  if (result == nvml::kSuccess) result = count.result;
  if (result != nvml::kSuccess) {
    return Condition::missing(nvml::reason_of("nvmlDeviceGetFieldValues 91", result));
  }
  const auto links = static_cast<unsigned>(nvml::number_of(count));
  unsigned active = 0;
  for (unsigned link = 0; link < links; ++link) {
    int is_active = 0;
    result = call(gpu.table().get_nvlink_state, gpu.handle(), link, &is_active);
    if (result != nvml::kSuccess) {
      return Condition::missing(nvml::reason_of("nvmlDeviceGetNvLinkState", result));
    }
    active += is_active != 0 ? 1U : 0U;
  }
  return Condition::known(fmt::format("{} of {} links active", active, links));
}

Condition other_processes(const Gpu& gpu) {
  std::vector<nvml::ProcessInfo> processes(64);
  auto count = static_cast<unsigned>(processes.size());
  const Return result =
      call(gpu.table().get_compute_processes, gpu.handle(), &count, processes.data());
  if (result == nvml::kInsufficientSize) return Condition::known("more than 64");
  count = std::min(count, static_cast<unsigned>(processes.size()));
  const auto own = static_cast<unsigned>(getpid());
  const auto others = std::count_if(processes.begin(), processes.begin() + count,
                                    [&](const auto& process) { return process.process != own; });
  return nvml::stated("nvmlDeviceGetComputeRunningProcesses_v3", result, std::to_string(others));
}

/// MPS is a daemon of the node; NVML has no call for it.
Condition mps(const HostFiles& files) {
  const std::vector<std::string> entries = files.names("proc");
  if (entries.empty()) return Condition::missing("/proc can't be read");
  for (const std::string& entry : entries) {
    if (!std::all_of(entry.begin(), entry.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; })) {
      continue;
    }
    // The kernel keeps 15 characters of a name.
    const std::string name = files.text("proc/" + entry + "/comm").value_or("");
    if (name.starts_with("nvidia-cuda-mps")) return Condition::known("on");
  }
  return Condition::known("off");
}

}  // namespace

Gpu::Gpu(const nvml::Table* table, const std::string& uuid) : table_(table) {
  if (table == nullptr) {
    reason_ = "NVML is not on this machine (libnvidia-ml.so.1 not found)";
    return;
  }
  Return result = call(table->initialise);
  if (result != nvml::kSuccess) {
    reason_ = nvml::reason_of("nvmlInit_v2", result);
    return;
  }
  is_initialised_ = true;
  unsigned count = 0;
  result = call(table->get_count, &count);
  if (result != nvml::kSuccess) {
    reason_ = nvml::reason_of("nvmlDeviceGetCount_v2", result);
    return;
  }
  std::string failure;
  for (unsigned index = 0; index < count; ++index) {
    nvml::DeviceHandle handle = nullptr;
    result = call(table->get_handle_by_index, index, &handle);
    if (result != nvml::kSuccess) {
      failure = nvml::reason_of("nvmlDeviceGetHandleByIndex_v2", result);
      continue;
    }
    const Condition found = text_of("nvmlDeviceGetUUID", table->get_uuid, handle);
    if (!found.has_value()) {
      failure = found.reason;
    } else if (*found.value == uuid) {
      handle_ = handle;
      return;
    }
  }
  reason_ = failure.empty() ? "NVML knows no GPU of UUID " + uuid : failure;
}

Gpu::~Gpu() {
  if (is_initialised_) static_cast<void>(call(table_->shut_down));
}

void identify(const Gpu& gpu, DeviceRecord& record) {
  if (!gpu.is_reachable()) {
    record.serial = Condition::missing(gpu.reason());
    record.firmware = Condition::missing(gpu.reason());
    return;
  }
  const nvml::Table& table = gpu.table();
  record.serial = text_of("nvmlDeviceGetSerial", table.get_serial, gpu.handle());
  record.firmware = text_of("nvmlDeviceGetVbiosVersion", table.get_vbios_version, gpu.handle());
  if (record.firmware.has_value()) record.firmware.value = "VBIOS " + *record.firmware.value;
  const Condition driver = text_of("nvmlSystemGetDriverVersion", table.system_get_driver_version);
  if (driver.has_value()) {
    record.driver = Condition::known(
        record.driver.has_value() ? *driver.value + " " + *record.driver.value : *driver.value);
  }
}

Stated<double> sm_clock_mhz(const Gpu& gpu) {
  if (!gpu.is_reachable()) return Stated<double>::missing(gpu.reason());
  unsigned mhz = 0;
  const Return result = call(gpu.table().get_clock, gpu.handle(), nvml::Clock::sm, &mhz);
  return nvml::stated("nvmlDeviceGetClockInfo", result, static_cast<double>(mhz));
}

Stated<double> max_clock_mhz(const Gpu& gpu, nvml::Clock clock) {
  if (!gpu.is_reachable()) return Stated<double>::missing(gpu.reason());
  unsigned mhz = 0;
  const Return result = call(gpu.table().get_max_clock, gpu.handle(), clock, &mhz);
  return nvml::stated("nvmlDeviceGetMaxClockInfo", result, static_cast<double>(mhz));
}

std::map<std::string, Condition> gpu_conditions(const Gpu& gpu, const HostFiles& files) {
  std::map<std::string, Condition> all;
  all["gpu_mps"] = mps(files);
  if (!gpu.is_reachable()) {
    for (const char* name :
         {"gpu_driver", "gpu_persistence", "gpu_mig", "gpu_compute_mode", "gpu_ecc", "gpu_pcie",
          "gpu_nvlink", "gpu_power_cap", "gpu_default_power_cap", "gpu_other_processes"}) {
      all[name] = Condition::missing(gpu.reason());
    }
    return all;
  }
  const nvml::Table& table = gpu.table();
  all["gpu_driver"] = text_of("nvmlSystemGetDriverVersion", table.system_get_driver_version);
  all["gpu_persistence"] = persistence(gpu);
  all["gpu_mig"] = mig_mode(gpu);
  all["gpu_compute_mode"] = compute_mode(gpu);
  all["gpu_ecc"] = ecc(gpu);
  all["gpu_pcie"] = pcie(gpu);
  all["gpu_nvlink"] = nvlink(gpu);
  all["gpu_power_cap"] =
      watts("nvmlDeviceGetEnforcedPowerLimit", table.get_enforced_power_limit, gpu.handle());
  all["gpu_default_power_cap"] = watts("nvmlDeviceGetPowerManagementDefaultLimit",
                                       table.get_default_power_limit, gpu.handle());
  all["gpu_other_processes"] = other_processes(gpu);
  return all;
}

std::map<std::string, Condition> joined_conditions(
    const std::vector<std::string>& ids,
    const std::vector<std::map<std::string, Condition>>& each) {
  std::map<std::string, Condition> joined = each.front();
  for (auto& [name, condition] : joined) {
    const auto agrees = [&, key = name](const auto& other) {
      return other.at(key).value == each.front().at(key).value;
    };
    if (std::all_of(each.begin(), each.end(), agrees)) continue;
    std::string text;
    for (std::size_t i = 0; i < each.size(); ++i) {
      const Condition& of_one = each[i].at(name);
      text += fmt::format("{}{} {}", i == 0 ? "" : "; ", ids[i],
                          of_one.has_value() ? *of_one.value : "unknown (" + of_one.reason + ")");
    }
    condition = Condition::known(text);
  }
  return joined;
}

}  // namespace assay::harness
