/// What NVML tells of a GPU: identity, conditions, telemetry, on the host's version of the library.
#include "harness/gpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <thread>

#include "harness/gpu_telemetry.h"
#include "harness/telemetry.h"
#include "results/result_io.h"
#include "support/fault_injection.h"
#include "support/host_nvml.h"
#include "support/thread_sanitizer.h"

namespace assay::harness {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr const char* kUuid = "GPU-66756e63-7469-6f6e-616c-2d6465760001";

host_nvml::Options two_gpus() {
  host_nvml::Options options;
  options.gpus = {{.uuid = "GPU-00000000-0000-0000-0000-000000000000"},
                  {.uuid = kUuid, .processes = {1U, static_cast<unsigned>(getpid())}}};
  return options;
}

std::shared_ptr<const Gpu> found_gpu() {
  return std::make_shared<const Gpu>(&host_nvml::library(), kUuid);
}

TEST(Gpu, IsFoundByItsUuidAndIdentified) {
  host_nvml::configure(two_gpus());
  {
    const Gpu gpu(&host_nvml::library(), kUuid);
    ASSERT_TRUE(gpu.is_reachable()) << gpu.reason();
    DeviceRecord record;
    record.driver = Stated<std::string>::known("for CUDA 13.0");
    identify(gpu, record);
    EXPECT_EQ(record.serial.value, "1650924061234");
    EXPECT_EQ(record.firmware.value, "VBIOS 96.00.A5.00.01");
    EXPECT_EQ(record.driver.value, "580.65.06 for CUDA 13.0");
  }
  EXPECT_EQ(host_nvml::open_sessions(), 0);
}

TEST(Gpu, OneThatCannotBeReachedSaysWhyInEachFigure) {
  host_nvml::configure(two_gpus());
  const Gpu nobody(nullptr, kUuid);
  EXPECT_THAT(nobody.reason(), HasSubstr("libnvidia-ml.so.1"));
  const Gpu other(&host_nvml::library(), "GPU-none");
  EXPECT_THAT(other.reason(), HasSubstr("no GPU of UUID GPU-none"));
  for (const auto& [name, condition] : gpu_conditions(other, {})) {
    if (name != "gpu_mps") {
      EXPECT_EQ(condition.reason, other.reason()) << name;
    }
  }
  Telemetry telemetry({}, std::make_shared<const Gpu>(nullptr, kUuid));
  telemetry.begin();
  const TelemetryRecord record = telemetry.end();
  EXPECT_EQ(record.energy_j.reason, nobody.reason());
  EXPECT_EQ(record.gpu->reason, nobody.reason());
}

TEST(Gpu, ConditionsAreThoseOfTheList) {
  host_nvml::configure(two_gpus());
  host_nvml::gpu(1).active_links = 16;
  host_nvml::gpu(1).enforced_limit_w = 500.0;
  const auto gpu = found_gpu();
  const auto conditions = gpu_conditions(*gpu, {});
  EXPECT_EQ(conditions.at("gpu_driver").value, "580.65.06");
  EXPECT_EQ(conditions.at("gpu_persistence").value, "on");
  EXPECT_EQ(conditions.at("gpu_mig").value, "off");
  EXPECT_EQ(conditions.at("gpu_compute_mode").value, "default");
  EXPECT_EQ(conditions.at("gpu_ecc").value, "on");
  EXPECT_EQ(conditions.at("gpu_pcie").value, "generation 5 x16");
  EXPECT_EQ(conditions.at("gpu_nvlink").value, "16 of 18 links active");
  EXPECT_EQ(conditions.at("gpu_power_cap").value, "500 W");
  EXPECT_EQ(conditions.at("gpu_default_power_cap").value, "700 W");
  EXPECT_EQ(conditions.at("gpu_other_processes").value, "1") << "this process is not another";
  const Gpu first(&host_nvml::library(), host_nvml::gpu(0).uuid);
  const auto joined =
      joined_conditions({"cuda:0", "cuda:1"}, {gpu_conditions(first, {}), conditions});
  EXPECT_EQ(joined.at("gpu_mig").value, "off");
  EXPECT_EQ(joined.at("gpu_power_cap").value, "cuda:0 700 W; cuda:1 500 W");
}

TEST(GpuTelemetry, FillsTheWholeListFromCountersAndReadings) {
  host_nvml::configure(two_gpus());
  host_nvml::gpu(1).time_shares = {{nvml::Field::power_cap_time, 0.25},
                                   {nvml::Field::software_thermal_time, 0.5}};
  Telemetry telemetry({}, found_gpu());
  telemetry.begin();
  std::this_thread::sleep_for(std::chrono::milliseconds(40));
  const TelemetryRecord record = telemetry.end();
  EXPECT_NEAR(record.power_w.value.value(), 300.0, 15.0);
  EXPECT_NEAR(record.energy_j.value.value(), 300.0 * 0.045, 300.0 * 0.03);
  EXPECT_EQ(record.clock_mhz_median.value, 1500.0);
  EXPECT_EQ(record.clock_mhz_min.value, 1500.0);
  EXPECT_EQ(record.temperature_c_max.value, 60.0);
  EXPECT_NEAR(record.throttled_share.value.value(), 0.5, 0.05);
  ASSERT_TRUE(record.gpu && record.gpu->has_value());
  const GpuFigures& gpu = *record.gpu->value;
  EXPECT_NEAR(gpu.at("share_power_cap").value.value(), 0.25, 0.03);
  EXPECT_EQ(gpu.at("share_power_brake").value, 0.0);
  EXPECT_EQ(gpu.at("clock_mhz_stated_max").value, 1980.0);
  EXPECT_EQ(gpu.at("memory_temperature_c_max").value, 70.0);
  EXPECT_EQ(gpu.at("ecc_corrected_errors").value, 0.0) << "none in the window";
  EXPECT_EQ(gpu.at("pcie_generation").value, 5.0);
  EXPECT_EQ(gpu.at("pcie_lanes").value, 16.0);
  EXPECT_EQ(gpu.at("nvlinks_active").value, 18.0);
  EXPECT_EQ(gpu.at("nvlink_errors").value, 0.0);
  std::vector<std::string> names;
  for (const auto& [name, figure] : gpu) {
    EXPECT_TRUE(figure.has_value()) << name << ": " << figure.reason;
    names.push_back(name);
  }
  std::vector<std::string> listed = gpu_figure_names();
  std::sort(listed.begin(), listed.end());
  EXPECT_THAT(names, ElementsAreArray(listed));
}

TEST(GpuTelemetry, AnOldDriverWithoutTheNewCallsIsReadByTheOldOnes) {
  host_nvml::configure(two_gpus());
  nvml::Table table = host_nvml::library();
  table.get_temperature = nullptr;
  table.get_clock_event_reasons = nullptr;
  table.get_field_values = nullptr;
  host_nvml::gpu(1).event_reasons = nvml::kReasonHardwareThermal;
  Telemetry telemetry({}, std::make_shared<const Gpu>(&table, kUuid));
  telemetry.begin();
  const TelemetryRecord record = telemetry.end();
  EXPECT_EQ(record.temperature_c_max.value, 60.0);
  EXPECT_EQ(record.throttled_share.value, 1.0);
  const GpuFigures& gpu = *record.gpu->value;
  EXPECT_EQ(gpu.at("share_hardware_thermal").value, 1.0) << "of the readings";
  EXPECT_EQ(gpu.at("power_w_mean_of_readings").value, 300.0);
  EXPECT_EQ(gpu.at("memory_temperature_c_max").reason,
            "nvmlDeviceGetFieldValues 82: FUNCTION_NOT_FOUND (13)");
}

TEST(GpuTelemetry, ItsReadingsAreSpacedToTakeUnderAThousandthOfACore) {
  const GpuTelemetryOptions options;
  ASSERT_LT(options.longest_share, 1e-3);
  std::mt19937 generator(7);
  for (const double first_s : {1e-6, 70e-6, 2e-3}) {
    double dearest_s = first_s;
    double spent_s = 0.0;
    for (int reading = 0; reading < 1000; ++reading) {
      const double begins_s = next_reading_s(spent_s, dearest_s, options.longest_share);
      const double cost_s = dearest_s * std::uniform_real_distribution<>(0.1, 2.0)(generator);
      spent_s += cost_s;
      ASSERT_LT(spent_s, 1e-3 * begins_s) << "reading " << reading;
      // Nor is less read than that allows.
      ASSERT_GT(spent_s + 2.0 * dearest_s, 0.7e-3 * begins_s);
      if (reading % 50 == 0) dearest_s = std::max(dearest_s, cost_s);
    }
  }
}

/// The thread's share of a core where each call costs as much, over that long.
double sampler_share(std::chrono::microseconds cost, std::chrono::milliseconds window) {
  host_nvml::Options options = two_gpus();
  options.cost = cost;
  host_nvml::configure(options);
  Telemetry telemetry({}, found_gpu());
  telemetry.begin();
  std::this_thread::sleep_for(window);
  const TelemetryRecord record = telemetry.end();
  const GpuFigures& gpu = *record.gpu->value;
  EXPECT_GE(gpu.at("samples").value.value(), 2.0);
  const double share = gpu.at("sampler_cpu_share").value.value();
  EXPECT_GT(share, 0.0);
  return share;
}

TEST(GpuTelemetry, ItsThreadCostsUnderAThousandthOfACore) {
  if (kIsSlowedByThreadSanitizer) GTEST_SKIP() << "times say nothing under the thread sanitizer";
  // Some 70 us a reading. A virtual machine charges whom it wakes with milliseconds at times: what
  // is charged once weighs less the longer one counts, what is taken all the time does not.
  double share = 1.0;
  for (std::chrono::milliseconds window(900); share >= 1e-3 && window.count() < 15'000;
       window *= 2) {
    share = sampler_share(std::chrono::microseconds(10), window);
  }
  EXPECT_LT(share, 1e-3);
}

TEST(GpuTelemetry, ItsThreadWaitsLongerWhereReadingsAreDear) {
  if (kIsSlowedByThreadSanitizer) GTEST_SKIP() << "times say nothing under the thread sanitizer";
  // 2 ms a reading or more: read each 100 ms, the thread would take above 2 % of a core.
  EXPECT_LT(sampler_share(std::chrono::microseconds(200), std::chrono::milliseconds(1200)), 6e-3);
}

TEST(GpuTelemetry, StandsInAResultDocument) {
  EXPECT_EQ(gpu_figure_names().size(), 20U);
}

/// Whether any figure of what NVML tells is missing for that reason.
std::set<std::string> reasons_of_everything(const nvml::Table& table) {
  std::set<std::string> reasons;
  const auto gpu = std::make_shared<const Gpu>(&table, kUuid);
  const auto note = [&](const auto& stated) {
    if (!stated.has_value()) reasons.insert(stated.reason);
  };
  DeviceRecord device;
  device.driver = Stated<std::string>::known("for CUDA 13.0");
  identify(*gpu, device);
  note(device.serial);
  note(device.firmware);
  for (const auto& [name, condition] : gpu_conditions(*gpu, {})) note(condition);
  Telemetry telemetry({}, gpu);
  telemetry.begin();
  const TelemetryRecord record = telemetry.end();
  for (const auto* figure : {&record.energy_j, &record.power_w, &record.clock_mhz_median,
                             &record.temperature_c_max, &record.throttled_share}) {
    note(*figure);
  }
  if (record.gpu->has_value()) {
    for (const auto& [name, figure] : *record.gpu->value) note(figure);
  } else {
    reasons.insert(record.gpu->reason);
  }
  return reasons;
}

TEST(GpuTelemetry, AnErrorAtEachEntryIsAFigureThatIsMissingByName) {
  using Faults = FaultInjection<nvml::Table>;
  host_nvml::configure(two_gpus());
  nvml::Table inner = host_nvml::library();
  // What stands in for each other: each is looked at without its other.
  inner.get_temperature = nullptr;
  inner.get_clock_event_reasons = nullptr;
  inner.get_power_usage = nullptr;
  Faults::begin(inner);
  const std::set<std::string> before = reasons_of_everything(Faults::table());
  const std::map<std::string, int> calls = Faults::calls();
  EXPECT_EQ(calls.size(), 28U) << "each entry but those three";
  for (const auto& [name, count] : calls) {
    for (const int call : std::set<int>{1, count}) {
      Faults::begin(inner, {name, call, nvml::kGpuIsLost});
      const std::set<std::string> reasons = reasons_of_everything(Faults::table());
      EXPECT_TRUE(Faults::has_failed());
      EXPECT_EQ(host_nvml::open_sessions(), 0) << name;
      // Nobody misses one reading of several, another GPU's name, or the end of the session.
      const bool is_of_another =
          call == 1 && (name == "nvmlDeviceGetHandleByIndex_v2" || name == "nvmlDeviceGetUUID");
      // The driver's counters say what the bits would.
      const bool has_counters = name == "nvmlDeviceGetCurrentClocksThrottleReasons";
      const bool is_unharmed =
          (call == count || is_of_another || has_counters) && reasons == before;
      const bool tells = std::any_of(reasons.begin(), reasons.end(), [&, n = name](const auto& r) {
        return r.starts_with(n) && r.ends_with("GPU_IS_LOST (15)");
      });
      EXPECT_TRUE(tells || is_unharmed || name == "nvmlShutdown" ||
                  name == "nvmlSystemGetDriverVersion")
          << name << " call " << call;
    }
  }
}

}  // namespace
}  // namespace assay::harness
