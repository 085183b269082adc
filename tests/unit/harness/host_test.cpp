// What is read of a machine, on machines made of files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "harness/clock.h"
#include "harness/conditions.h"
#include "harness/cuda_kernels.h"
#include "harness/devices.h"
#include "harness/telemetry.h"
#include "harness/tool.h"
#include "simulated_driver.h"

namespace assay::harness {
namespace {

namespace fs = std::filesystem;

class Machine : public ::testing::Test {
 protected:
  Machine() {
    std::string pattern = (fs::temp_directory_path() / "assay-machine-XXXXXX").string();
    files.root = mkdtemp(pattern.data());
  }
  ~Machine() override { fs::remove_all(files.root); }

  void put(const std::string& path, const std::string& text) const {
    fs::create_directories((files.root / path).parent_path());
    std::ofstream(files.root / path) << text;
  }

  /// Two sockets of two cores with two threads each.
  void put_processors() const {
    std::string text;
    for (int i = 0; i < 8; ++i) {
      text += "processor\t: " + std::to_string(i) + "\nmodel name\t: Example CPU\n" +
              "microcode\t: 0x12\nphysical id\t: " + std::to_string(i / 2 % 2) +
              "\ncore id\t\t: " + std::to_string(i % 2) + "\nflags\t\t: fpu hypervisor avx2\n\n";
    }
    put("proc/cpuinfo", text);
    put("proc/meminfo", "MemTotal:       1024 kB\nMemFree:  10 kB\n");
  }

  HostFiles files;
};

TEST_F(Machine, CountsSocketsCoresAndThreads) {
  put_processors();
  const HostCpu cpu = read_host_cpu(files, {0, 4, 1});
  EXPECT_EQ(cpu.model, "Example CPU");
  EXPECT_EQ(cpu.microcode, "0x12");
  EXPECT_TRUE(cpu.under_hypervisor);
  EXPECT_EQ(cpu.sockets, 2);
  EXPECT_EQ(cpu.cores, 4);
  EXPECT_EQ(cpu.logical, 8);
  EXPECT_EQ(cpu.allowed_logical, 3);
  EXPECT_EQ(cpu.allowed_cores, 2);  // 0 and 4 are threads of one core
  EXPECT_EQ(cpu.usable_cores(), 2);
  EXPECT_EQ(cpu.memory_total_bytes, 1 << 20);
}

TEST_F(Machine, QuotaOfCgroupsVersionTwoLimitsCores) {
  put_processors();
  put("proc/self/cgroup", "0::/a/b\n");
  put("sys/fs/cgroup/a/b/cpu.max", "150000 100000\n");
  put("sys/fs/cgroup/a/cpu.max", "300000 100000\n");
  put("sys/fs/cgroup/cpu.max", "max 100000\n");
  put("sys/fs/cgroup/a/memory.max", "524288\n");
  const HostCpu cpu = read_host_cpu(files, {0, 1, 2, 3});
  EXPECT_DOUBLE_EQ(cpu.quota_cores.value(), 1.5);
  EXPECT_EQ(cpu.usable_cores(), 1);
  EXPECT_EQ(cpu.usable_memory_bytes(), 524288);
}

TEST_F(Machine, QuotaOfCgroupsVersionOneLimitsCores) {
  put_processors();
  put("proc/self/cgroup", "4:memory:/m\n1:cpu,cpuacct:/job\n0::/\n");
  put("sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "300000\n");
  put("sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
  put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  put("sys/fs/cgroup/memory/m/memory.limit_in_bytes", "9223372036854771712\n");
  const HostCpu cpu = read_host_cpu(files, {0, 1, 2, 3});
  EXPECT_DOUBLE_EQ(cpu.quota_cores.value(), 3.0);
  EXPECT_EQ(cpu.usable_cores(), 3);
  EXPECT_FALSE(cpu.memory_limit_bytes.has_value());
}

TEST_F(Machine, LastLevelCacheIsTheHighest) {
  put_processors();
  const std::string base = "sys/devices/system/cpu/cpu0/cache/";
  put(base + "index0/level", "1");
  put(base + "index0/size", "48K");
  put(base + "index3/level", "3");
  put(base + "index3/size", "32M");
  EXPECT_EQ(read_host_cpu(files, {0}).last_level_cache_bytes, 32 << 20);
}

TEST_F(Machine, BareFolderGivesReasonsNotGuesses) {
  const HostCpu cpu = read_host_cpu(files, {0});
  EXPECT_EQ(cpu.usable_cores(), 1);
  const Conditions conditions = read_conditions(files, cpu, {});
  for (const char* name : {"cpu_governor", "cpu_turbo", "numa_nodes", "load_average_1m",
                           "omp_threads", "operating_system", "gpu_mig"}) {
    EXPECT_FALSE(conditions.at(name).has_value()) << name;
    EXPECT_FALSE(conditions.at(name).reason.empty()) << name;
  }
}

TEST_F(Machine, ConditionsAreExactlyTheSchemasList) {
  std::ifstream file(std::string(ASSAY_SOURCE_DIR) + "/results/schema/result.schema.json");
  const auto schema = nlohmann::json::parse(file);
  std::vector<std::string> wanted;
  for (const auto& [name, property] : schema["$defs"]["conditions"]["properties"].items()) {
    wanted.push_back(name);
  }
  const Conditions conditions = read_conditions({}, read_host_cpu({}, allowed_processors()), {});
  std::vector<std::string> names;
  for (const auto& [name, value] : conditions) {
    names.push_back(name);
    EXPECT_NE(value.has_value(), !value.reason.empty()) << name;
  }
  EXPECT_THAT(names, ::testing::UnorderedElementsAreArray(wanted));
}

TEST_F(Machine, ReadsConditions) {
  put_processors();
  put("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
  put("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  put("etc/os-release", "NAME=\"x\"\nPRETTY_NAME=\"Example 1\"\n");
  put("proc/loadavg", "0.25 0.5 0.7 1/2 3\n");
  put("run/.containerenv", "");
  put("sys/devices/system/node/node0/cpulist", "0-65535\n");
  put("sys/devices/system/node/node1/cpulist", "\n");
  const Conditions c =
      read_conditions(files, read_host_cpu(files, {0}), {{"OMP_NUM_THREADS", "2"}});
  EXPECT_EQ(c.at("cpu_turbo").value, "off");
  EXPECT_EQ(c.at("cpu_threads_per_core").value, "2");
  EXPECT_EQ(c.at("transparent_huge_pages").value, "madvise");
  EXPECT_EQ(c.at("operating_system").value, "Example 1");
  EXPECT_EQ(c.at("load_average_1m").value, "0.25");
  EXPECT_EQ(c.at("container").value, "podman");
  EXPECT_EQ(c.at("numa_nodes").value, "2");
  EXPECT_EQ(c.at("numa_binding").value, "processors of nodes 0");
  EXPECT_EQ(c.at("omp_threads").value, "2");
  EXPECT_FALSE(c.at("omp_places").has_value());
}

TEST(Environment, IsRecordedByAllowListOnly) {
  EXPECT_TRUE(environment_allowed("OMP_PROC_BIND"));
  EXPECT_TRUE(environment_allowed("CUDA_VISIBLE_DEVICES"));
  EXPECT_FALSE(environment_allowed("AWS_SECRET_ACCESS_KEY"));
  EXPECT_FALSE(environment_allowed("CUDA_VISIBLE_DEVICES_X"));
  setenv("ONEDNN_EXAMPLE", "1", 1);
  setenv("PRIVATE_EXAMPLE", "secret", 1);
  const Environment environment = allowed_environment();
  EXPECT_EQ(environment.at("ONEDNN_EXAMPLE"), "1");
  EXPECT_FALSE(environment.contains("PRIVATE_EXAMPLE"));
}

TEST(ProcessorList, ReadsTheKernelsNotation) {
  EXPECT_EQ(processor_list("0-2,7\n"), (std::vector<int>{0, 1, 2, 7}));
  EXPECT_TRUE(processor_list("").empty());
  EXPECT_TRUE(processor_list("3-1").empty());
  EXPECT_TRUE(processor_list("x").empty());
}

TEST(TelemetryFigures, EnergyWrapsAndSharesAddUp) {
  TelemetryCounters begin;
  begin.energy_uj = {{"package", 900'000'000}};
  begin.cpu_total_ticks = 1000;
  TelemetryCounters end;
  end.at_ns = 10'000'000'000;
  end.energy_uj = {{"package", 100'000'000}};
  end.cpu_total_ticks = 3000;
  end.cpu_busy_ticks = 1500;
  end.cpu_steal_ticks = 100;
  end.own_cpu_ns = 10'000'000'000;  // 1,000 of the 1,500 busy ticks
  const TelemetryRecord record = between(begin, end, {{"package", 1'000'000'000}}, 100.0);
  EXPECT_DOUBLE_EQ(record.energy_j.value.value(), 200.0);
  EXPECT_DOUBLE_EQ(record.power_w.value.value(), 20.0);
  EXPECT_DOUBLE_EQ(record.steal_share.value.value(), 0.05);
  EXPECT_DOUBLE_EQ(record.other_load_share.value.value(), 0.25);
  EXPECT_FALSE(record.throttled_share.has_value());
  EXPECT_FALSE(between(begin, end, {}, 100.0).energy_j.has_value());
}

TEST_F(Machine, TelemetryReadsSensorsWhereThereAreAny) {
  put("sys/class/hwmon/hwmon3/name", "k10temp\n");
  put("sys/class/hwmon/hwmon3/temp1_input", "61500\n");
  put("sys/class/hwmon/hwmon4/name", "nvme\n");
  put("sys/class/hwmon/hwmon4/temp1_input", "90000\n");
  Telemetry telemetry(files);
  telemetry.begin();
  const TelemetryRecord record = telemetry.end();
  EXPECT_DOUBLE_EQ(record.temperature_c_max.value.value(), 61.5);
  EXPECT_FALSE(record.clock_mhz_median.has_value());
  EXPECT_FALSE(record.energy_j.has_value());
  EXPECT_THROW(static_cast<void>(telemetry.end()), std::logic_error);
}

std::string error_line(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.line();
  }
  return {};
}

TEST(Devices, NamesAndRefusals) {
  const CudaProbe none = probe_cuda("libassay-no-such-driver.so.1");
  EXPECT_FALSE(none.driver_found);
  for (const char* name : {"best", "cpu", "cpu:0"}) {
    EXPECT_EQ(select_device(name, {}, none).record.id, "cpu:0");
  }
  EXPECT_THAT(error_line([&] { static_cast<void>(select_device("cuda:0", {}, none)); }),
              ::testing::HasSubstr("no CUDA driver"));
  EXPECT_THAT(error_line([&] { static_cast<void>(select_device("gpu7", {}, none)); }),
              ::testing::HasSubstr("gpu7"));
}

TEST(Devices, AUuidNeedsADriverToo) {
  const CudaProbe none = probe_cuda("libassay-no-such-driver.so.1");
  EXPECT_THAT(error_line([&] { static_cast<void>(select_device("GPU-8f6e", {}, none)); }),
              ::testing::HasSubstr("no CUDA driver"));
}

const cuda::DriverTable& two_devices() {
  static const cuda::DriverTable kTable = test::simulated_driver();
  return kTable;
}

TEST(Devices, AreChosenByOrdinalAndUuid) {
  test::simulated_gpu() = {.devices = 2};
  const CudaProbe probe{true, 13000, 2, "two"};
  const auto chosen = [&](const char* name) {
    return select_device(name, {}, probe, two_devices).record.id;
  };
  EXPECT_EQ(chosen("cuda"), "cuda:0");
  EXPECT_EQ(chosen("cuda:1"), "cuda:1");
  EXPECT_EQ(chosen("GPU-02"), "cuda:1");
  EXPECT_EQ(chosen("gpu-01000000-0000-0000-0000-000000000000"), "cuda:0");
  const auto refusal = [&](const char* name) {
    return error_line([&] { static_cast<void>(chosen(name)); });
  };
  EXPECT_THAT(refusal("GPU-0"), ::testing::HasSubstr("several devices' UUIDs begin so"));
  EXPECT_THAT(refusal("GPU-ff"), ::testing::HasSubstr("no device has that UUID"));
  EXPECT_THAT(refusal("cuda:2"), ::testing::HasSubstr("cuda:0 to cuda:1"));
  EXPECT_THAT(refusal("cuda:x"), ::testing::HasSubstr("no such device"));
}

TEST(Devices, TheBestIsAGpuThatKernelsRunOn) {
  const auto best = [] {
    return select_device("best", {}, CudaProbe{true, 13000, 2, "two"}, two_devices).record.id;
  };
  test::simulated_gpu() = {.devices = 2};
  const bool has_kernels = carried_kernels().has_value();
  EXPECT_EQ(best(), has_kernels ? "cuda:0" : "cpu:0");
  test::simulated_gpu() = {.devices = 2, .silent_ordinal = 0};
  EXPECT_EQ(best(), has_kernels ? "cuda:1" : "cpu:0");
  test::simulated_gpu() = {.devices = 2, .driver_version = 10000};
  EXPECT_EQ(best(), "cpu:0");
}

TEST(Devices, ThoseThatDoNotAnswerAreListedWithTheReason) {
  test::simulated_gpu() = {.devices = 2, .driver_version = 10000, .silent_ordinal = 1};
  const auto devices = find_devices({}, CudaProbe{true, 10000, 2, "two"}, two_devices);
  ASSERT_EQ(devices.size(), 3U);
  EXPECT_FALSE(devices[0].unavailable);
  EXPECT_TRUE(devices[1].unavailable);
  EXPECT_EQ(devices[2].record.id, "cuda:1");
  EXPECT_THAT(devices[2].unavailable.value_or(""), ::testing::HasSubstr("cuDeviceGetName"));
  EXPECT_EQ(devices[2].record.uuid.reason, *devices[2].unavailable);
}

TEST(Devices, KernelsNeedADriverAndAnArchitecture) {
  using ::testing::HasSubstr;
  const auto kernels = carried_kernels("nvcc 12.8.93 for 80, 90");
  ASSERT_TRUE(kernels);
  EXPECT_EQ(kernels->cuda_version, 12080);
  EXPECT_THAT(kernels->architectures, ::testing::ElementsAre(80, 90));
  EXPECT_FALSE(kernels_refusal(kernels, 12080, 80));
  EXPECT_FALSE(kernels_refusal(kernels, 13000, 120));  // by its PTX
  // Cubins load from the major version on, PTX from the version on.
  EXPECT_FALSE(kernels_refusal(kernels, 12040, 86));
  EXPECT_THAT(kernels_refusal(kernels, 12040, 120).value(),
              HasSubstr("the driver is for CUDA 12.4 and the kernels need one for CUDA 12.8"));
  EXPECT_THAT(kernels_refusal(kernels, 11080, 90).value(), HasSubstr("need one for CUDA 12.0"));
  EXPECT_THAT(kernels_refusal(kernels, 13000, 75).value(),
              HasSubstr("ASSAY_CUDA_ARCHITECTURES=75"));
  EXPECT_THAT(kernels_refusal(std::nullopt, 13000, 90).value(), HasSubstr("no CUDA kernels"));
  EXPECT_FALSE(carried_kernels(""));
}

TEST(Devices, AnyLibraryIsAskedWithoutTrust) {
  const CudaProbe probe = probe_cuda("libc.so.6");
  EXPECT_TRUE(probe.driver_found);
  EXPECT_FALSE(probe.device_count.has_value());
  EXPECT_THAT(probe.line, ::testing::HasSubstr("no device that answers"));
}

TEST(Devices, ForcedLevelsAreThoseOfTheProcessor) {
  EXPECT_EQ(cpu_device("v2").cpu.level, CpuLevel::v2);
  EXPECT_EQ(cpu_device("v2").record.isa, "v2");
  EXPECT_EQ(cpu_device().cpu.level, detect_cpu_level());
  EXPECT_THAT(error_line([] { static_cast<void>(cpu_device("v9")); }),
              ::testing::HasSubstr("this processor has v2"));
  if (detect_cpu_level() < CpuLevel::amx) {
    EXPECT_THAT(error_line([] { static_cast<void>(cpu_device("amx")); }),
                ::testing::HasSubstr("lacks"));
  }
}

TEST(Clock, IsMeasuredOnASimulatedOneToo) {
  std::int64_t now = 0;
  std::int64_t reading = 0;
  const TimerRecord record = measure_timer([&] {
    now += ++reading % 2 == 0 ? 40 : 0;
    return now;
  });
  EXPECT_EQ(record.resolution_ns, 40);
  EXPECT_NEAR(record.read_cost_ns, 20.0, 0.1);
  EXPECT_FALSE(record.rate_error_relative.has_value());
  EXPECT_THROW(static_cast<void>(measure_timer([] { return std::int64_t{7}; })), Error);
  EXPECT_GT(measure_timer().resolution_ns, 0);
}

TEST(Clock, RateIsBoundByTheTimeServiceAtBothEnds) {
  const std::int64_t second = 1'000'000'000;
  const ReferenceReading begin{5 * second, 900 * second, true, 10'000};
  // 1,000 s later; 0.3 s and the floor of 0.05 s are the limits, and the wall clock was slewed 0.1
  // s.
  const ReferenceReading end{1005 * second, 1900 * second + second / 10, true, 3 * second / 10};
  EXPECT_DOUBLE_EQ(*rate_error(begin, end).value, 4.5e-4);
  // A wall clock set back by a minute is seen, whatever the kernel says of its limit.
  const ReferenceReading stepped{1005 * second, 1840 * second, true, 0};
  EXPECT_DOUBLE_EQ(*rate_error(begin, stepped).value, 0.0601);

  for (const bool first : {true, false}) {
    ReferenceReading one = begin;
    ReferenceReading other = end;
    (first ? one : other).is_disciplined = false;
    const Stated<double> rate = rate_error(one, other);
    EXPECT_FALSE(rate.has_value());
    EXPECT_THAT(rate.reason, ::testing::HasSubstr("no time service"));
  }
  EXPECT_THAT(rate_error(begin, begin).reason, ::testing::HasSubstr("did not advance"));
  const ReferenceReading now = read_reference();
  EXPECT_GT(now.realtime_ns, now.monotonic_ns);
  EXPECT_GE(read_reference().monotonic_ns, now.monotonic_ns);
}

TEST(Tool, NamesTheProgramAndItsLibraries) {
  const ToolRecord tool = tool_record();
  EXPECT_EQ(tool.binary_sha256.size(), 64U);
  EXPECT_THAT(tool.flags, ::testing::HasSubstr("-march=x86-64-v2"));
  EXPECT_THAT(tool.flags, ::testing::Not(::testing::HasSubstr("-march=native")));
  EXPECT_THAT(tool.flags, ::testing::Not(::testing::HasSubstr("-ffast-math")));
  EXPECT_NE(tool.commit.has_value(), !tool.commit.reason.empty());
  for (const char* library : {"onednn", "google_benchmark", "openssl", "openmp"}) {
    EXPECT_FALSE(tool.libraries.at(library).empty()) << library;
  }
}

}  // namespace
}  // namespace assay::harness
