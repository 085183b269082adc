#include "harness/devices.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <omp.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>

#include "base/error.h"
#include "harness/cuda_kernels.h"

namespace assay::harness {
namespace {

CpuLevel chosen_level(const std::optional<std::string>& forced) {
  if (!forced) return detect_cpu_level();
  std::vector<std::string_view> names;
  for (const CpuLevel level : supported_cpu_levels()) names.push_back(name(level));
  const std::optional<CpuLevel> level = parse_cpu_level(*forced);
  const std::string mend = fmt::format("this processor has {}", fmt::join(names, ", "));
  if (!level) throw input_error("no such CPU level", "--cpu-isa " + *forced, mend);
  if (*level > detect_cpu_level()) {
    throw input_error("this processor lacks that CPU level", "--cpu-isa " + *forced, mend);
  }
  return *level;
}

/// A device that the driver counts and doesn't tell of.
Device silent_device(int ordinal, const std::string& reason) {
  Device device;
  DeviceRecord& record = device.record;
  record.backend = "cuda";
  record.id = fmt::format("cuda:{}", ordinal);
  record.name = "unknown";
  record.isa = "unknown";
  record.uuid = record.serial = record.firmware = record.driver =
      Stated<std::string>::missing(reason);
  record.last_level_cache_bytes = Stated<std::int64_t>::missing(reason);
  device.unavailable = reason;
  return device;
}

/// The ordinal that digits name, or nothing.
std::optional<int> ordinal_of(std::string_view digits, int count) {
  int ordinal = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ordinal);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!whole || ordinal < 0 || ordinal >= count) return std::nullopt;
  return ordinal;
}

bool begins_with_ignoring_case(std::string_view text, std::string_view beginning) {
  return text.size() >= beginning.size() &&
         std::equal(beginning.begin(), beginning.end(), text.begin(), [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) ==
                  std::tolower(static_cast<unsigned char>(b));
         });
}

/// The one device whose UUID begins so.
Device device_of_uuid(std::string_view beginning, int count, const cuda::DriverTable& driver,
                      const std::string& where) {
  std::optional<int> found;
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    if (!begins_with_ignoring_case(cuda::read_device_facts(driver, ordinal).uuid, beginning)) {
      continue;
    }
    if (found) throw input_error("several devices' UUIDs begin so", where, "write more of it");
    found = ordinal;
  }
  if (!found) {
    throw input_error("no device has that UUID", where, "see `assay devices`");
  }
  return cuda_device(driver, *found);
}

std::int64_t thread_count(const HostCpu& host) {
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    const long value = std::strtol(text, nullptr, 10);
    if (value > 0) return value;
  }
  return host.usable_cores();
}

}  // namespace

Device cpu_device(const std::optional<std::string>& forced_level, const HostFiles& files) {
  const HostCpu host = read_host_cpu(files, allowed_processors());
  Device device;
  device.cpu.level = chosen_level(forced_level);
  device.cpu.threads = static_cast<int>(thread_count(host));
  DeviceRecord& record = device.record;
  record.backend = "cpu";
  record.id = "cpu:0";
  record.name = host.model;
  record.isa = name(device.cpu.level);
  record.units = device.cpu.threads;
  record.memory_bytes = host.usable_memory_bytes();
  record.uuid = Stated<std::string>::missing("processors carry no readable UUID");
  record.serial = Stated<std::string>::missing("processors carry no readable serial number");
  record.firmware = host.microcode
                        ? Stated<std::string>::known("microcode " + *host.microcode)
                        : Stated<std::string>::missing("/proc/cpuinfo names no microcode");
  record.driver = Stated<std::string>::missing("a CPU needs no driver");
  record.last_level_cache_bytes =
      host.last_level_cache_bytes
          ? Stated<std::int64_t>::known(*host.last_level_cache_bytes)
          : Stated<std::int64_t>::missing("sysfs describes no cache of this processor");
  return device;
}

Device cuda_device(const cuda::DriverTable& driver, int ordinal, const nvml::Table* nvml) {
  const cuda::DeviceFacts facts = cuda::read_device_facts(driver, ordinal);
  int version = 0;
  cuda::check(driver, driver.driver_get_version(&version), "cuDriverGetVersion", facts.name);
  Device device;
  device.cpu = cpu_device().cpu;
  int devices = 1;
  cuda::check(driver, driver.device_get_count(&devices), "cuDeviceGetCount", facts.name);
  device.cuda = CudaChoice{&driver, ordinal, facts.compute_capability, devices};
  DeviceRecord& record = device.record;
  record.backend = "cuda";
  record.id = fmt::format("cuda:{}", ordinal);
  record.name = facts.name;
  record.isa = fmt::format("compute capability {}.{}", facts.compute_capability / 10,
                           facts.compute_capability % 10);
  record.units = facts.multiprocessors;
  record.memory_bytes = facts.memory_bytes;
  record.uuid = Stated<std::string>::known(facts.uuid);
  record.driver = Stated<std::string>::known("for " + cuda_version_text(version));
  device.gpu = std::make_shared<const Gpu>(nvml, facts.uuid);
  identify(*device.gpu, record);
  record.last_level_cache_bytes = Stated<std::int64_t>::known(facts.l2_cache_bytes);
  device.unavailable = kernels_refusal(carried_kernels(), version, facts.compute_capability);
  return device;
}

Target Device::target() const {
  if (cuda) return CudaTarget{cuda->compute_capability, nullptr, cuda->devices};
  return cpu;
}

OpenDevice::OpenDevice(const Device& device, cuda::ChoiceBook* book) : target_(device.target()) {
  if (!device.cuda) return;
  device_ = std::make_unique<cuda::Device>(*device.cuda->driver, device.cuda->ordinal);
  device_->share_choices(book);
  stream_ = std::make_unique<cuda::Stream>(*device_);
  target_ = CudaTarget{device.cuda->compute_capability, stream_.get(), device.cuda->devices};
}

void OpenDevice::make_current() const {
  if (device_) device_->make_current();
}

const cuda::DriverTable& machine_driver() {
  return cuda::system_driver();
}

std::vector<Device> find_devices(const std::optional<std::string>& forced_level,
                                 const CudaProbe& cuda, DriverSource driver) {
  std::vector<Device> devices{cpu_device(forced_level)};
  for (int ordinal = 0; ordinal < cuda.device_count.value_or(0); ++ordinal) {
    try {
      devices.push_back(cuda_device(driver(), ordinal));
    } catch (const Error& error) {
      devices.push_back(silent_device(ordinal, error.line()));
    }
  }
  return devices;
}

Device select_device(std::string_view name, const std::optional<std::string>& forced_level,
                     const CudaProbe& cuda, DriverSource driver) {
  const int count = cuda.device_count.value_or(0);
  if (name == "best") {
    for (Device& device : find_devices(forced_level, cuda, driver)) {
      if (device.cuda && !device.unavailable) return std::move(device);
    }
  }
  if (name == "best" || name == "cpu" || name == "cpu:0") return cpu_device(forced_level);
  const std::string where = "--device " + std::string(name);
  const bool is_uuid = begins_with_ignoring_case(name, "GPU-");
  if (!is_uuid && name != "cuda" && !name.starts_with("cuda:")) {
    throw input_error("no such device", where,
                      "see `assay devices`; names are cpu, cpu:0, cuda, cuda:N, a UUID and best");
  }
  if (count == 0) throw input_error(cuda.line, where, "use --device cpu");
  if (is_uuid) return device_of_uuid(name, count, driver(), where);
  const auto ordinal = ordinal_of(name == "cuda" ? "0" : name.substr(5), count);
  if (!ordinal) {
    throw input_error("no such device", where,
                      fmt::format("the driver offers cuda:0 to cuda:{}", count - 1));
  }
  return cuda_device(driver(), *ordinal);
}

std::vector<Device> select_devices(const std::string& names,
                                   const std::optional<std::string>& forced_level,
                                   const CudaProbe& cuda, DriverSource driver) {
  std::string list = names;
  if (names == "cuda:all") {
    list = "cuda:0";
    for (int ordinal = 1; ordinal < cuda.device_count.value_or(0); ++ordinal) {
      list += fmt::format(",cuda:{}", ordinal);
    }
  }
  std::vector<Device> devices;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    devices.push_back(select_device(list.substr(begin, end - begin), forced_level, cuda, driver));
    for (std::size_t i = 0; i + 1 < devices.size(); ++i) {
      if (devices[i].record.id == devices.back().record.id) {
        throw input_error("the device stands twice", "--device " + names);
      }
    }
    begin = end + 1;
  }
  join(devices);
  return devices;
}

void join(std::vector<Device>& devices) {
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (!devices[i].cuda || devices[i].cuda->ordinal != static_cast<int>(i)) return;
  }
  for (Device& device : devices) device.together = static_cast<int>(devices.size());
}

void apply(const Device& device) {
  omp_set_num_threads(device.cpu.threads);
}

}  // namespace assay::harness
