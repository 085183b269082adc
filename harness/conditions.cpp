#include "harness/conditions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/personality.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>

namespace assay::harness {
namespace {

using Condition = Stated<std::string>;

Condition known_or(const std::optional<std::string>& value, std::string reason) {
  return value && !value->empty() ? Condition::known(*value)
                                  : Condition::missing(std::move(reason));
}

/// Nodes of the machine that hold an allowed processor, and how many there are in all.
void add_numa(const HostFiles& files, Conditions& conditions) {
  const std::string base = "sys/devices/system/node";
  const std::vector<int> allowed = allowed_processors();
  std::set<int> nodes;
  std::set<int> used;
  for (const std::string& name : files.names(base)) {
    if (!name.starts_with("node") || name.size() < 5) continue;
    const int node = static_cast<int>(std::strtol(name.c_str() + 4, nullptr, 10));
    nodes.insert(node);
    for (const int processor :
         processor_list(files.text(fmt::format("{}/{}/cpulist", base, name)).value_or(""))) {
      if (std::find(allowed.begin(), allowed.end(), processor) != allowed.end()) used.insert(node);
    }
  }
  if (nodes.empty()) {
    const std::string reason = "sysfs describes no NUMA nodes";
    conditions["numa_nodes"] = Condition::missing(reason);
    conditions["numa_binding"] = Condition::missing(reason);
    return;
  }
  conditions["numa_nodes"] = Condition::known(std::to_string(nodes.size()));
  conditions["numa_binding"] = Condition::known(
      used.size() == nodes.size() ? std::string("none: all nodes allowed")
                                  : fmt::format("processors of nodes {}", fmt::join(used, ",")));
}

Condition turbo(const HostFiles& files) {
  if (const auto no_turbo = files.integer("sys/devices/system/cpu/intel_pstate/no_turbo")) {
    return Condition::known(*no_turbo == 0 ? "on" : "off");
  }
  if (const auto boost = files.integer("sys/devices/system/cpu/cpufreq/boost")) {
    return Condition::known(*boost != 0 ? "on" : "off");
  }
  return Condition::missing("no frequency driver is visible (usual in a virtual machine)");
}

Condition hypervisor(const HostFiles& files, const HostCpu& cpu) {
  if (!cpu.under_hypervisor) return Condition::known("none");
  const auto vendor = files.text("sys/class/dmi/id/sys_vendor");
  const auto type = files.text("sys/hypervisor/type");
  if (type) return Condition::known(*type);
  return Condition::known(vendor ? "yes: " + *vendor : "yes: of unknown make");
}

Condition container(const HostFiles& files) {
  if (files.exists(".dockerenv")) return Condition::known("docker");
  if (files.exists("run/.containerenv")) return Condition::known("podman");
  const std::string groups = files.text("proc/1/cgroup").value_or("");
  constexpr std::array<std::string_view, 4> kMarks = {"docker", "kubepods", "lxc", "containerd"};
  for (const std::string_view mark : kMarks) {
    if (groups.find(mark) != std::string::npos) return Condition::known(std::string(mark));
  }
  return Condition::known("none");
}

/// "always [madvise] never": the choice in brackets.
Condition huge_pages(const HostFiles& files) {
  const auto text = files.text("sys/kernel/mm/transparent_hugepage/enabled");
  if (!text) return Condition::missing("the kernel has no transparent huge pages");
  const std::size_t open = text->find('[');
  const std::size_t close = text->find(']');
  if (open == std::string::npos || close == std::string::npos || close < open) {
    return Condition::missing("transparent_hugepage/enabled has an unknown form: " + *text);
  }
  return Condition::known(text->substr(open + 1, close - open - 1));
}

Condition address_randomisation(const HostFiles& files) {
  // 0xffffffff asks for the present persona and changes nothing.
  const int persona = personality(0xffffffffUL);
  if (persona != -1 && (persona & ADDR_NO_RANDOMIZE) != 0) {
    return Condition::known("off for this process");
  }
  const auto value = files.integer("proc/sys/kernel/randomize_va_space");
  if (!value) return Condition::missing("randomize_va_space can't be read");
  return Condition::known(*value == 0 ? "off" : *value == 1 ? "partial" : "full");
}

std::optional<std::string> os_name(const HostFiles& files) {
  auto text = files.text("etc/os-release");
  if (!text) return std::nullopt;
  // Lines are NAME="value"; field() splits at a colon.
  const std::string key = "PRETTY_NAME=";
  const std::size_t at = text->find(key);
  if (at == std::string::npos) return std::nullopt;
  const std::size_t begin = at + key.size();
  std::string value = text->substr(begin, text->find('\n', begin) - begin);
  std::erase(value, '"');
  return value;
}

Condition setting(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found != environment.end() ? Condition::known(found->second)
                                    : Condition::missing(name + " is not set");
}

}  // namespace

Conditions read_conditions(const HostFiles& files, const HostCpu& cpu,
                           const Environment& environment) {
  Conditions c;
  c["cpu_model"] = Condition::known(cpu.model);
  c["cpu_sockets"] = Condition::known(std::to_string(cpu.sockets));
  c["cpu_cores"] = Condition::known(std::to_string(cpu.cores));
  c["cpu_threads_per_core"] = cpu.cores > 0
                                  ? Condition::known(std::to_string(cpu.logical / cpu.cores))
                                  : Condition::missing("/proc/cpuinfo names no cores");
  add_numa(files, c);
  c["cpu_governor"] = known_or(files.text("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
                               "no frequency driver is visible (usual in a virtual machine)");
  c["cpu_turbo"] = turbo(files);
  const auto smt = files.text("sys/devices/system/cpu/smt/control");
  c["smt"] = known_or(smt, "the kernel doesn't say whether SMT is on");
  c["cgroup_cpu_quota_cores"] = cpu.quota_cores
                                    ? Condition::known(fmt::format("{:.3f}", *cpu.quota_cores))
                                    : Condition::missing("no cgroup limits the CPU time");
  c["memory_total_bytes"] = Condition::known(std::to_string(cpu.memory_total_bytes));
  c["kernel"] = known_or(files.text("proc/sys/kernel/osrelease"), "the kernel hides its release");
  c["operating_system"] = known_or(os_name(files), "no /etc/os-release");
  c["hypervisor"] = hypervisor(files, cpu);
  c["container"] = container(files);
  const std::vector<std::string> load = words(files.text("proc/loadavg").value_or(""));
  c["load_average_1m"] = load.empty() ? Condition::missing("/proc/loadavg can't be read")
                                      : Condition::known(load.front());
  c["omp_threads"] = setting(environment, "OMP_NUM_THREADS");
  c["omp_proc_bind"] = setting(environment, "OMP_PROC_BIND");
  c["omp_places"] = setting(environment, "OMP_PLACES");
  c["transparent_huge_pages"] = huge_pages(files);
  c["aslr"] = address_randomisation(files);
  for (const char* name : {"gpu_driver", "gpu_persistence", "gpu_mps", "gpu_mig",
                           "gpu_compute_mode", "gpu_ecc", "gpu_pcie", "gpu_nvlink", "gpu_power_cap",
                           "gpu_default_power_cap", "gpu_other_processes"}) {
    c[name] = Condition::missing("the device measured is a CPU");
  }
  return c;
}

bool environment_allowed(const std::string& name) {
  constexpr std::array<std::string_view, 6> kPrefixes = {"OMP_",  "GOMP_",   "KMP_",
                                                         "DNNL_", "ONEDNN_", "NCCL_"};
  constexpr std::array<std::string_view, 11> kNames = {
      "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_CACHE_DISABLE", "NVIDIA_TF32_OVERRIDE",
      "MALLOC_ARENA_MAX",     "LD_PRELOAD",        "LD_LIBRARY_PATH",    "GLIBC_TUNABLES",
      "SLURM_JOB_ID",         "SLURM_NTASKS",      "SLURM_CPUS_PER_TASK"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); }) ||
         std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

Environment allowed_environment() {
  Environment allowed;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = text.substr(0, equals);
    if (environment_allowed(name)) allowed[name] = text.substr(equals + 1);
  }
  return allowed;
}

}  // namespace assay::harness
