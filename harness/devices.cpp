#include "harness/devices.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <omp.h>

#include <cstdlib>

#include "base/error.h"

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

std::vector<Device> find_devices(const std::optional<std::string>& forced_level) {
  return {cpu_device(forced_level)};
}

Device select_device(std::string_view name, const std::optional<std::string>& forced_level,
                     const CudaProbe& cuda) {
  if (name == "best" || name == "cpu" || name == "cpu:0") return cpu_device(forced_level);
  if (name == "cuda" || name.starts_with("cuda:")) {
    throw input_error(cuda.line, "--device " + std::string(name), "use --device cpu");
  }
  throw input_error("no such device", "--device " + std::string(name),
                    "see `assay devices`; names are cpu, cpu:0, cuda, cuda:N and best");
}

void apply(const Device& device) {
  omp_set_num_threads(device.cpu.threads);
}

}  // namespace assay::harness
