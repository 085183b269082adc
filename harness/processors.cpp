#include "harness/processors.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <sstream>
#include <utility>

namespace assay::harness {
namespace {

using CoreName = std::pair<std::int64_t, std::int64_t>;  ///< socket, core

struct LogicalProcessor {
  int number = 0;
  CoreName core;
};

/// One block of /proc/cpuinfo a processor. Where a block names no core (some virtual machines),
/// each processor counts as a core.
std::vector<LogicalProcessor> logical_processors(const std::string& cpuinfo) {
  const auto integer = [](const std::optional<std::string>& text, std::int64_t otherwise) {
    return text ? std::strtoll(text->c_str(), nullptr, 10) : otherwise;
  };
  std::vector<LogicalProcessor> processors;
  std::istringstream lines(cpuinfo);
  std::string block;
  const auto finish = [&] {
    if (const auto number = field(block, "processor")) {
      const std::int64_t n = integer(number, 0);
      processors.push_back(
          {static_cast<int>(n),
           {integer(field(block, "physical id"), 0), integer(field(block, "core id"), n)}});
    }
    block.clear();
  };
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) {
      finish();
    } else {
      block += line + '\n';
    }
  }
  finish();
  return processors;
}

/// Folders of a cgroup and its parents, from the innermost: "a/b", "a", "".
std::vector<std::string> with_parents(const std::string& path) {
  std::vector<std::string> all;
  for (std::filesystem::path part = std::filesystem::path(path).relative_path(); !part.empty();
       part = part.parent_path()) {
    all.push_back(part.string());
  }
  all.emplace_back();
  return all;
}

/// The path of this process in the hierarchy of that controller ("" = cgroup v2), from
/// /proc/self/cgroup, whose lines are "number:controllers:path".
std::string cgroup_path(const HostFiles& files, const std::string& controller) {
  std::istringstream lines(files.text("proc/self/cgroup").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos) continue;
    std::istringstream names(line.substr(first + 1, second - first - 1));
    bool found = controller.empty() && second == first + 1;
    for (std::string name; std::getline(names, name, ',');) found = found || name == controller;
    if (found) return line.substr(second + 1);
  }
  return "/";
}

void keep_smaller(std::optional<double>& least, double value) {
  least = least ? std::min(*least, value) : value;
}

/// The tightest quota of the cgroup and its parents, version 2 (cpu.max) or 1 (cpu.cfs_quota_us).
std::optional<double> cgroup_quota_cores(const HostFiles& files) {
  std::optional<double> least;
  for (const std::string& folder : with_parents(cgroup_path(files, ""))) {
    const auto text = files.text("sys/fs/cgroup/" + folder + "/cpu.max");
    if (!text) continue;
    std::istringstream parts(*text);
    double quota = 0.0;
    double period = 0.0;
    if (parts >> quota >> period && period > 0.0) keep_smaller(least, quota / period);
  }
  for (const std::string& folder : with_parents(cgroup_path(files, "cpu"))) {
    const std::string base = "sys/fs/cgroup/cpu/" + folder;
    const auto quota = files.integer(base + "/cpu.cfs_quota_us");
    const auto period = files.integer(base + "/cpu.cfs_period_us");
    if (quota && period && *quota > 0 && *period > 0) {
      keep_smaller(least, static_cast<double>(*quota) / static_cast<double>(*period));
    }
  }
  return least;
}

std::optional<std::int64_t> cgroup_memory_limit(const HostFiles& files, std::int64_t total) {
  std::optional<double> least;
  const auto consider = [&](const std::string& path) {
    // Version 1 prints a number near 2^63 for "none".
    const auto limit = files.integer(path);
    if (limit && *limit > 0 && *limit < total) keep_smaller(least, static_cast<double>(*limit));
  };
  for (const std::string& folder : with_parents(cgroup_path(files, ""))) {
    consider("sys/fs/cgroup/" + folder + "/memory.max");
  }
  for (const std::string& folder : with_parents(cgroup_path(files, "memory"))) {
    consider("sys/fs/cgroup/memory/" + folder + "/memory.limit_in_bytes");
  }
  if (!least) return std::nullopt;
  return static_cast<std::int64_t>(*least);
}

std::optional<std::int64_t> last_level_cache(const HostFiles& files, int processor) {
  const std::string base = "sys/devices/system/cpu/cpu" + std::to_string(processor) + "/cache";
  std::int64_t level = 0;
  std::optional<std::int64_t> bytes;
  for (const std::string& index : files.names(base)) {
    const auto this_level = files.integer(fmt::format("{}/{}/level", base, index));
    const auto size = files.text(fmt::format("{}/{}/size", base, index));
    if (!this_level || !size || *this_level < level) continue;
    char* end = nullptr;
    std::int64_t value = std::strtoll(size->c_str(), &end, 10);
    if (*end == 'K') value *= 1024;
    if (*end == 'M') value *= 1024 * 1024;
    if (value <= 0) continue;
    level = *this_level;
    bytes = value;
  }
  return bytes;
}

}  // namespace

std::int64_t HostCpu::usable_cores() const {
  std::int64_t usable = allowed_cores;
  if (quota_cores) {
    usable = std::min(usable, static_cast<std::int64_t>(std::floor(*quota_cores + 1e-9)));
  }
  return std::max<std::int64_t>(usable, 1);
}

std::int64_t HostCpu::usable_memory_bytes() const {
  return memory_limit_bytes ? std::min(*memory_limit_bytes, memory_total_bytes)
                            : memory_total_bytes;
}

std::vector<int> allowed_processors() {
  std::vector<int> processors;
  // The set has to be as large as the kernel's, which may exceed the library's 1,024.
  for (std::size_t size = CPU_SETSIZE; size <= 65536; size *= 2) {
    cpu_set_t* set = CPU_ALLOC(size);
    const std::size_t bytes = CPU_ALLOC_SIZE(size);
    const bool known = sched_getaffinity(0, bytes, set) == 0;
    for (std::size_t i = 0; known && i < size; ++i) {
      if (CPU_ISSET_S(i, bytes, set)) processors.push_back(static_cast<int>(i));
    }
    CPU_FREE(set);
    if (known) break;
  }
  return processors;
}

HostCpu read_host_cpu(const HostFiles& files, const std::vector<int>& allowed) {
  const std::string cpuinfo = files.text("proc/cpuinfo").value_or("");
  const std::vector<LogicalProcessor> processors = logical_processors(cpuinfo);
  HostCpu cpu;
  cpu.model = field(cpuinfo, "model name").value_or("unknown processor");
  cpu.microcode = field(cpuinfo, "microcode");
  const std::vector<std::string> flags = words(field(cpuinfo, "flags").value_or(""));
  cpu.under_hypervisor = std::find(flags.begin(), flags.end(), "hypervisor") != flags.end();
  std::set<std::int64_t> sockets;
  std::set<CoreName> cores;
  std::set<CoreName> allowed_cores;
  for (const LogicalProcessor& processor : processors) {
    sockets.insert(processor.core.first);
    cores.insert(processor.core);
    if (std::find(allowed.begin(), allowed.end(), processor.number) != allowed.end()) {
      allowed_cores.insert(processor.core);
    }
  }
  cpu.sockets = static_cast<std::int64_t>(sockets.size());
  cpu.cores = static_cast<std::int64_t>(cores.size());
  cpu.logical = static_cast<std::int64_t>(processors.size());
  cpu.allowed_logical = static_cast<std::int64_t>(allowed.size());
  cpu.allowed_cores = static_cast<std::int64_t>(allowed_cores.size());
  cpu.quota_cores = cgroup_quota_cores(files);
  cpu.last_level_cache_bytes = last_level_cache(files, allowed.empty() ? 0 : allowed.front());
  const std::string meminfo = files.text("proc/meminfo").value_or("");
  // "MemTotal:  24689368 kB": the unit is always 1,024 bytes.
  cpu.memory_total_bytes =
      1024 * std::strtoll(field(meminfo, "MemTotal").value_or("0").c_str(), nullptr, 10);
  cpu.memory_limit_bytes = cgroup_memory_limit(files, cpu.memory_total_bytes);
  return cpu;
}

}  // namespace assay::harness
