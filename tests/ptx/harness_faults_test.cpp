/// The path of the harness on functional devices, with host versions of cuBLASLt, NCCL and NVML:
/// whichever call of whichever library fails, the workload that made it is marked failed with the
/// call's name, the others' results are kept, the run's exit code says so, nothing is left behind
/// and nothing hangs. What NVML can't tell is null with the call's name and code, and fails nobody.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "harness/measure_process.h"
#include "harness/run.h"
#include "kernels/cuda/graph.h"
#include "kernels/gemm/gemm_workload.h"
#include "kernels/links/links.h"
#include "kernels/random/random.h"
#include "kernels/random/random_cuda.h"
#include "kernels/transformer/cuda_gang.h"
#include "ptx/host_blas.h"
#include "ptx/host_nccl.h"
#include "ptx_device/device.h"
#include "ptx_device/library.h"
#include "results/result_io.h"
#include "results/stated_json.h"
#include "support/fault_injection.h"
#include "support/host_nvml.h"

namespace assay::harness {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using DriverFaults = FaultInjection<cuda::DriverTable>;
using BlasFaults = FaultInjection<cuda::blas::Table>;
using NcclFaults = FaultInjection<cuda::nccl::Table>;
using NvmlFaults = FaultInjection<nvml::Table>;

constexpr int kDevices = 2;
constexpr std::int64_t kBytes = 1024;

transformer::StepOptions small_step() {
  transformer::StepOptions options;
  transformer::ModelConfig& model = options.model;
  model.name = "small";
  model.layers = 1;
  model.heads = model.kv_heads = 1;
  model.head_size = 64;
  model.width = 64;
  model.feed_forward = 64;
  model.sequence = 16;
  model.vocabulary = 32;
  model.initial_deviation = 0.1;
  options.batch = 1;
  options.sequence = 16;
  options.accumulation = 2;
  options.precision = Precision::bf16;
  return options;
}

Workload neighbour() {
  return links::host_copy_workload(links::HostCopy::host_to_device, kBytes);
}

/// A kernel recorded in a graph: the driver's calls that a step makes, without its cost.
struct RecordedFill {
  static constexpr std::int64_t kCount = 64;
  cuda::Buffer<random::Draw> draw;
  cuda::Buffer<std::int32_t> out;
  std::optional<cuda::Graph> graph;

  RecordedFill(const cuda::Stream& stream, const random::Draw& first)
      : draw(stream, std::vector<random::Draw>{first}),
        out(stream.device(), static_cast<std::size_t>(kCount)) {
    const auto fill = [&] { random::integers(stream, draw.data(), 0, 99, kCount, out.data()); };
    out.fill_zero(stream);
    fill();
    graph.emplace(stream, fill);
  }
};

Workload recorded_fill() {
  Workload w;
  w.family = "random";
  w.operation = "recorded";
  w.problem = {{"n", RecordedFill::kCount}};
  w.bytes = 4 * RecordedFill::kCount;
  w.inputs = "none";
  w.on_cuda = [](cuda::Stream& stream, const InputKey& key) {
    const random::Draw draw{key.key, 1};
    const auto fill = std::make_shared<RecordedFill>(stream, draw);
    Instance instance;
    instance.notes = {{"free_bytes", std::to_string(cuda::free_memory_bytes(stream.device()))}};
    instance.iterate = [=, &stream] {
      fill->graph->launch(stream);
      stream.synchronize();
    };
    instance.verify = [=, &stream] {
      std::vector<std::int32_t> expected(RecordedFill::kCount);
      random::integers_reference(draw, 0, 99, 0, RecordedFill::kCount, expected.data());
      const bool equal = fill->out.to_host(stream) == expected;
      return std::vector<Check>{{"differs from the definition", equal ? 0.0 : 1.0, 0.0}};
    };
    return instance;
  };
  return named(std::move(w));
}

/// From the cheapest to the dearest to run.
std::vector<Workload> workloads() {
  const auto collective = [](links::Collective operation) {
    return links::collective_workload(operation, kDevices, kBytes, &NcclFaults::table());
  };
  return {
      links::host_copy_workload(links::HostCopy::both_ways, kBytes),
      links::peer_copy_workload(0, 1, kBytes),
      collective(links::Collective::all_reduce),
      collective(links::Collective::all_gather),
      collective(links::Collective::reduce_scatter),
      collective(links::Collective::all_to_all),
      recorded_fill(),
      gemm::cuda_workload(gemm::square(64, gemm::Element::bf16, gemm::Element::bf16),
                          BlasFaults::table),
      transformer::training_step_workload(small_step(), BlasFaults::table),
      transformer::gang_workload(small_step(), kDevices, BlasFaults::table, &NcclFaults::table())};
}

/// New devices and libraries, with one fault among them or none.
struct Faults {
  Fault driver = {};
  Fault blas = {};
  Fault nccl = {};
  Fault nvml = {};
};
void begin(const Faults& faults, std::chrono::milliseconds patience) {
  ptx_device::Options device;
  device.device_count = kDevices;
  device.detect_races = false;
  device.detect_uninitialised = false;
  ptx_device::configure(device);
  static cuda::DriverTable clocked;
  clocked = host_blas::with_clock(ptx_device::driver());
  host_blas::Options library;
  library.architecture = device.architecture;
  library.proposals = {{.seconds = 1e-3}};
  library.enqueue = ptx_device::enqueue;
  host_blas::configure(ptx_device::driver(), library);
  host_nccl::configure({.patience = patience});
  const std::string uuid = cuda::read_device_facts(ptx_device::driver(), 0).uuid;
  host_nvml::configure({.gpus = {{.uuid = uuid}, {.uuid = "another GPU"}}});
  DriverFaults::begin(clocked, faults.driver);
  BlasFaults::begin(host_blas::library(), faults.blas);
  NcclFaults::begin(host_nccl::library(), faults.nccl);
  NvmlFaults::begin(host_nvml::library(), faults.nvml);
}

/// What a run leaves: the process's record, or why no device was found.
struct Outcome {
  ResultDocument result;
  std::optional<Error> refusal;

  [[nodiscard]] const std::vector<ItemRecord>& items() const {
    return result.processes.front().items;
  }
};

/// One warm-up iteration and one sample of each.
PlannedItem planned(const Workload& workload) {
  PlannedItem item;
  item.workload = workload.name;
  item.options.item_seconds = 1e-9;
  item.options.warm_up_min_s = item.options.warm_up_max_s = 0.0;
  item.options.sample_seconds_min = 1e-9;
  item.options.timer_error_max = 1e3;
  return item;
}

Outcome run(const std::vector<Workload>& suite) {
  Outcome outcome;
  try {
    const Device device = cuda_device(DriverFaults::table(), 0, &NvmlFaults::table());
    Catalogue catalogue;
    ProcessSpec spec;
    spec.nonce = "00000000000000110000000000000000";
    for (const Workload& workload : suite) {
      catalogue.push_back({workload, {}, {}});
      spec.process.items.push_back(planned(workload));
    }
    outcome.result.complete = true;
    outcome.result.device = device.record;
    for (auto& [name, condition] : gpu_conditions(*device.gpu, {})) {
      outcome.result.conditions[name] = condition;
    }
    outcome.result.processes.push_back(
        measure_items(spec, {device}, catalogue, [](const ProcessRecord&) {}));
    const nlohmann::json json = to_json(outcome.result.processes.front());
    EXPECT_EQ(to_json(process_from_json(json)), json);
  } catch (const Error& error) {
    outcome.refusal = error;
  }
  EXPECT_THAT(ptx_device::leaks(), IsEmpty());
  EXPECT_THAT(host_blas::leaks(), IsEmpty());
  EXPECT_THAT(host_nccl::leaks(), IsEmpty());
  EXPECT_EQ(host_nvml::open_sessions(), 0);
  return outcome;
}

std::chrono::milliseconds patience_of(const Workload& workload) {
  // Ranks in threads of their own may be late; those of one thread are in vain waited for.
  return std::chrono::milliseconds(workload.kind == WorkloadKind::training_step ? 20'000 : 50);
}

void expect_all_valid(const Outcome& outcome) {
  ASSERT_FALSE(outcome.refusal.has_value()) << outcome.refusal->line();
  for (const ItemRecord& item : outcome.items()) {
    EXPECT_EQ(item.status, "valid") << item.workload << ": " << item.error;
  }
  EXPECT_FALSE(verdict(outcome.result).has_value());
}

/// One workload failed, by that call; or all, where the device itself could not be opened.
void expect_told(const Outcome& outcome, const std::string& call) {
  std::optional<Error> told = outcome.refusal;
  if (!told) {
    std::size_t failed = 0;
    for (const ItemRecord& item : outcome.items()) {
      if (item.status == "valid") {
        EXPECT_FALSE(item.sample_end_ns.empty());
        continue;
      }
      ++failed;
      EXPECT_EQ(item.status, "failed");
      EXPECT_THAT(item.error, HasSubstr(call + " failed"));
    }
    EXPECT_TRUE(failed == 1 || failed == outcome.items().size()) << failed;
    told = verdict(outcome.result);
  }
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->code(), ExitCode::failed_check);
  EXPECT_THAT(told->line(), HasSubstr(call + " failed"));
}

/// A library whose calls are made to fail, one at a time.
struct Library {
  const char* name;
  std::map<std::string, int> (*calls)();
  bool (*has_failed)();
  Fault Faults::*fault;
  int code;
};
const std::vector<Library>& libraries() {
  static const std::vector<Library> kAll = {
      {"the driver", DriverFaults::calls, DriverFaults::has_failed, &Faults::driver,
       cuda::kNotSupported},
      {"cuBLASLt", BlasFaults::calls, BlasFaults::has_failed, &Faults::blas,
       cuda::blas::kInternalError},
      {"NCCL", NcclFaults::calls, NcclFaults::has_failed, &Faults::nccl, cuda::nccl::kSystemError}};
  return kAll;
}

/// The calls of a workload beside its neighbour, by library.
using Calls = std::map<std::string, std::map<std::string, int>>;
Calls calls_of(const Workload& workload) {
  SCOPED_TRACE(workload.name);
  begin({}, patience_of(workload));
  expect_all_valid(run({neighbour(), workload}));
  Calls calls;
  for (const Library& library : libraries()) calls[library.name] = library.calls();
  return calls;
}

void fail_at(const Workload& workload, const Library& library, const std::string& entry, int call) {
  SCOPED_TRACE(workload.name + ": " + entry + " call " + std::to_string(call));
  Faults faults;
  faults.*library.fault = {entry, call, library.code};
  begin(faults, patience_of(workload));
  const Outcome outcome = run({neighbour(), workload});
  EXPECT_TRUE(library.has_failed());
  expect_told(outcome, entry);
}

/// The entries of the tables that can fail, without those that name an error.
std::set<std::string> fallible_entries() {
  std::set<std::string> all;
  const auto add = [&](std::string_view name, auto entry) {
    using Returned = decltype([]<class R, class... P>(R (*)(P...)) -> R { throw 0; }(entry));
    if (std::is_same_v<Returned, int>) all.emplace(name);
  };
  for_each_entry(ptx_device::driver(), add);
  for_each_entry(host_blas::library(), add);
  for_each_entry(host_nccl::library(), add);
  all.erase("cuGetErrorName");
  all.erase("cuGetErrorString");
  return all;
}

/// Each entry in the cheapest workload that calls it, at its first and its last call.
TEST(HarnessFaults, EachEntryIsNamedByTheWorkloadThatCalledIt) {
  std::set<std::string> done;
  for (const Workload& workload : workloads()) {
    if (workload.kind == WorkloadKind::training_step) continue;
    const Calls calls = calls_of(workload);
    for (const Library& library : libraries()) {
      for (const auto& [entry, count] : calls.at(library.name)) {
        if (!done.insert(entry).second) continue;
        for (const int call : std::set<int>{1, count}) fail_at(workload, library, entry, call);
      }
    }
  }
  std::set<std::string> left_out = fallible_entries();
  for (const std::string& entry : done) left_out.erase(entry);
  EXPECT_THAT(left_out, ElementsAre("cublasLtMatmulAlgoCheck", "ncclCommAbort"))
      << "the next test's";
}

/// Inside of a step, of its graphs, and where one rank fails and another waits for it.
TEST(HarnessFaults, AStepAndAGangFailAtWhatTheyAreMadeOf) {
  const std::vector<Workload> all = workloads();
  const Workload& step = all[all.size() - 2];
  const Workload& gang = all.back();
  const std::vector<Library>& library = libraries();
  for (const char* entry : {"cuLaunchKernel", "cuGraphLaunch"}) fail_at(step, library[0], entry, 1);
  fail_at(step, library[1], "cublasLtMatmul", 1);
  fail_at(gang, library[0], "cuGraphLaunch", 1);
  for (const char* entry : {"ncclCommInitAll", "ncclAllReduce"}) {
    fail_at(gang, library[2], entry, 1);
  }
  // The second device takes over the first one's choice of an algorithm, if the library agrees.
  fail_at(gang, library[1], "cublasLtMatmulAlgoCheck", 1);
}

/// A rank that fails aborts the others; that this fails, too, changes nothing.
TEST(HarnessFaults, AGangIsGivenUpEvenWhereAbortingFails) {
  const Workload gang = workloads().back();
  for (const int call : {1, 2}) {
    Faults faults;
    faults.driver = {"cuGraphLaunch", 1, cuda::kNotSupported};
    faults.nccl = {"ncclCommAbort", call, cuda::nccl::kSystemError};
    begin(faults, patience_of(gang));
    const Outcome outcome = run({neighbour(), gang});
    EXPECT_TRUE(DriverFaults::has_failed());
    EXPECT_TRUE(NcclFaults::has_failed());
    expect_told(outcome, "cuGraphLaunch");
  }
}

/// All entries in all workloads, at the first, a middle and the last call: a test a workload, since
/// a step's take minutes.
class HarnessFaultsOfAll : public ::testing::TestWithParam<std::size_t> {};

TEST_P(HarnessFaultsOfAll, EachEntry) {
  const Workload workload = workloads().at(GetParam());
  RecordProperty("workload", workload.name);
  const Calls calls = calls_of(workload);
  for (const Library& library : libraries()) {
    for (const auto& [entry, count] : calls.at(library.name)) {
      for (const int call : std::set<int>{1, (count + 1) / 2, count}) {
        fail_at(workload, library, entry, call);
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Workload, HarnessFaultsOfAll,
                         ::testing::Range(std::size_t{0}, workloads().size()));

/// All that a document tells of NVML, as one text.
std::string told_by_nvml(const Outcome& outcome) {
  nlohmann::json all = outcome.result.conditions;
  all["serial"] = outcome.result.device.serial;
  all["firmware"] = outcome.result.device.firmware;
  all["driver"] = outcome.result.device.driver;
  for (const ItemRecord& item : outcome.items()) {
    const auto& gpu = item.telemetry.gpu;
    all["clock"] = item.telemetry.clock_mhz_median;
    all["temperature"] = item.telemetry.temperature_c_max;
    all["power"] = item.telemetry.power_w;
    all["energy"] = item.telemetry.energy_j;
    all["throttled"] = item.telemetry.throttled_share;
    all["gpu"] = gpu->has_value() ? nlohmann::json(*gpu->value) : nlohmann::json(gpu->reason);
  }
  return all.dump();
}

TEST(HarnessFaults, WhatNvmlCannotTellIsNullWithTheCode) {
  const auto faulty = [](const Fault& fault) {
    begin({.nvml = fault}, std::chrono::milliseconds(50));
    Outcome outcome = run({neighbour()});
    expect_all_valid(outcome);
    return outcome;
  };
  const std::string all = told_by_nvml(faulty({}));
  EXPECT_EQ(all.find("(999)"), std::string::npos) << all;
  const std::map<std::string, int> calls = NvmlFaults::calls();
  EXPECT_GE(calls.size(), 26U);
  // Of a figure that is read again and again the earlier readings stand; for some calls there is
  // another that answers, as the CUDA driver does for its version.
  const std::set<std::string> read_again = {"nvmlDeviceGetClockInfo", "nvmlDeviceGetFieldValues",
                                            "nvmlDeviceGetCurrPcieLinkGeneration",
                                            "nvmlDeviceGetCurrPcieLinkWidth"};
  const std::set<std::string> replaced = {"nvmlDeviceGetTemperatureV",
                                          "nvmlDeviceGetCurrentClocksEventReasons"};
  for (const auto& [entry, count] : calls) {
    for (const int call : std::set<int>{1, count}) {
      SCOPED_TRACE(entry + " call " + std::to_string(call));
      const std::string told = told_by_nvml(faulty({entry, call, nvml::kUnknown}));
      const bool stands = replaced.contains(entry) || (call > 1 && read_again.contains(entry));
      const bool of_driver = entry == "nvmlSystemGetDriverVersion" && call == 1;
      if (stands || of_driver || entry == "nvmlShutdown") continue;
      EXPECT_TRUE(NvmlFaults::has_failed());
      EXPECT_THAT(told, HasSubstr("UNKNOWN (999)"));
      EXPECT_THAT(told, HasSubstr(entry));
    }
  }
}

}  // namespace
}  // namespace assay::harness
