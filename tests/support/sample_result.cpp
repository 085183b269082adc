#include "support/sample_result.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <optional>

#include "base/philox.h"
#include "base/token_law.h"
#include "results/edition/edition.h"
#include "results/edition/model_flops.h"

namespace assay {
namespace {

constexpr std::int64_t kWarmUpIterations = 5;
constexpr std::uint64_t kTokenKey = 12'345'678'901'234'567'890U;

/// A draw from the standard normal distribution (Box and Muller), named by (stream, index).
double normal(std::uint64_t stream, std::uint64_t index) {
  const Philox4 words = philox(2026, index, stream);
  return std::sqrt(-2.0 * std::log(philox_uniform(words.word[0]))) *
         std::cos(2.0 * std::numbers::pi * philox_uniform(words.word[1]));
}

std::vector<std::int64_t> sample_ends_ns(const SampleItem& item, std::int64_t process,
                                         std::uint64_t stream) {
  const std::size_t last = item.process_iteration_s.size() - 1;
  const double mean_s = item.process_iteration_s[std::min(static_cast<std::size_t>(process), last)];
  std::vector<std::int64_t> ends;
  std::int64_t end_ns = 0;
  for (std::int64_t i = 0; i < item.samples; ++i) {
    const double position =
        (static_cast<double>(i) + 0.5) / static_cast<double>(item.samples) - 0.5;
    const double sample_s =
        mean_s * static_cast<double>(item.batch) * (1.0 + item.drift_relative * position) *
        (1.0 + item.noise_relative * normal(stream, static_cast<std::uint64_t>(i)));
    end_ns += std::max<std::int64_t>(1, std::llround(1e9 * sample_s));
    ends.push_back(end_ns);
  }
  return ends;
}

TrainingRecord training_of(const SampleItem& item, double entropy_rate_nats, std::uint64_t stream) {
  TrainingRecord training;
  training.token_key = kTokenKey;
  training.vocabulary = item.vocabulary;
  training.log_vocabulary = std::log(static_cast<double>(item.vocabulary));
  training.entropy_rate_nats = entropy_rate_nats;
  const double first = item.first_loss > 0.0 ? item.first_loss : training.log_vocabulary;
  const double last = item.last_loss > 0.0
                          ? item.last_loss
                          : (2.0 * entropy_rate_nats + training.log_vocabulary) / 3.0;
  const std::int64_t steps = kWarmUpIterations + item.samples * item.batch;
  for (std::int64_t i = 0; i < steps; ++i) {
    const double decay = std::exp(-5.0 * static_cast<double>(i) / static_cast<double>(steps));
    const auto index = static_cast<std::uint64_t>(i);
    training.losses.push_back(last + (first - last) * decay +
                              item.loss_noise * normal(stream + 1, index));
    training.gradient_norms.push_back(0.5 + 2.0 * decay +
                                      0.05 * std::abs(normal(stream + 2, index)));
  }
  return training;
}

ItemRecord item_of(const SampleItem& item, double entropy_rate_nats, std::int64_t process,
                   std::uint64_t stream) {
  ItemRecord record;
  record.workload = item.workload;
  record.kind = item.kind;
  record.basket_item = item.basket_item;
  record.family = item.workload.substr(0, item.workload.find('/'));
  record.problem = item.problem;
  record.precision = item.precision;
  record.inputs = "normal(0, 1) by Philox";
  record.regime = "hot";
  record.flops = item.flops;
  record.bytes = item.bytes;
  record.tokens = item.tokens;
  record.warm_up_iterations = kWarmUpIterations;
  record.warm_up_ns = 60'000'000;
  record.steady = true;
  record.batch = item.batch;
  record.sample_end_ns = sample_ends_ns(item, process, stream);
  record.converged = true;
  record.stop_reason = "target";
  record.looks = 3;
  record.status = "valid";
  record.checks = {{"output", 1.25e-7, 3.0e-7, true}};
  if (item.kind == "training_step") record.training = training_of(item, entropy_rate_nats, stream);
  TelemetryRecord& telemetry = record.telemetry;
  telemetry.energy_j = Stated<double>::missing("no readable energy counter");
  telemetry.power_w = Stated<double>::missing("no readable energy counter");
  telemetry.clock_mhz_median = Stated<double>::known(2600.0);
  telemetry.clock_mhz_min = Stated<double>::known(2400.5);
  telemetry.temperature_c_max = Stated<double>::missing("no readable sensor");
  telemetry.throttled_share = Stated<double>::missing("the processor does not tell");
  telemetry.steal_share = Stated<double>::known(0.0);
  telemetry.other_load_share = Stated<double>::known(0.0125);
  record.notes = {{"micro_batch", "1"}};
  return record;
}

std::map<std::string, Stated<std::string>> sample_conditions() {
  std::map<std::string, Stated<std::string>> conditions;
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"cpu_model", "Sample CPU 9000"},
                                          {"cpu_sockets", "1"},
                                          {"cpu_cores", "2"},
                                          {"cpu_threads_per_core", "1"},
                                          {"numa_nodes", "1"},
                                          {"numa_binding", "0"},
                                          {"cpu_governor", "performance"},
                                          {"cpu_turbo", "on"},
                                          {"smt", "off"},
                                          {"cgroup_cpu_quota_cores", "unlimited"},
                                          {"memory_total_bytes", "8589934592"},
                                          {"kernel", "Linux 6.1.0"},
                                          {"operating_system", "Debian GNU/Linux 12 (bookworm)"},
                                          {"hypervisor", "none"},
                                          {"container", "none"},
                                          {"load_average_1m", "0.05"},
                                          {"omp_threads", "2"},
                                          {"omp_proc_bind", "close"},
                                          {"omp_places", "cores"},
                                          {"transparent_huge_pages", "madvise"},
                                          {"aslr", "2"}}) {
    conditions[name] = Stated<std::string>::known(value);
  }
  for (const char* name : {"gpu_driver", "gpu_persistence", "gpu_mps", "gpu_mig", "gpu_power_cap",
                           "gpu_default_power_cap", "gpu_other_processes"}) {
    conditions[name] = Stated<std::string>::missing("the device is a CPU");
  }
  return conditions;
}

}  // namespace

SampleItem sample_kernel() {
  SampleItem item;
  item.workload = "gemm/square/m512_n512_k512/fp32";
  item.kind = "kernel";
  item.problem = {{"m", 512}, {"n", 512}, {"k", 512}};
  item.flops = 268'435'456;
  item.bytes = 3'145'728;
  item.tokens = 0;
  item.samples = 70;
  item.batch = 4;
  item.process_iteration_s = {0.0020};
  return item;
}

SampleItem in_precision(SampleItem item, const std::string& precision) {
  item.workload.replace(item.workload.rfind('/') + 1, std::string::npos, precision);
  item.precision = precision;
  return item;
}

ResultDocument sample_result(const SampleOptions& options) {
  ResultDocument result;
  result.created_utc = "2026-03-01T08:00:00Z";
  result.edition = "2026.1";
  result.nonce = "00112233445566778899aabbccddeeff";
  result.seed = 42;
  result.complete = true;
  result.tool = {.name = "assay",
                 .version = "0.1.0",
                 .commit = Stated<std::string>::missing("built outside a repository"),
                 .dirty = false,
                 .binary_sha256 = std::string(64, 'a'),
                 .compiler = "GNU 12.2.0",
                 .flags = "-O3 -DNDEBUG",
                 .libraries = {{"dnnl", "2.6.3"}, {"fmt", "9.1.0"}}};
  result.suite = {.name = "quick",
                  .processes = options.processes,
                  .item_seconds = 5.0,
                  .target_relative = 0.02,
                  .fixed_time = false,
                  .look_factor = 1.25,
                  .effective_samples_min = 60.0,
                  .warm_up_slope_max = 0.005,
                  .filter = ""};
  if (!options.basket.name.empty()) result.basket = options.basket;
  result.device = {.backend = "cpu",
                   .id = "cpu:0",
                   .name = "Sample CPU 9000",
                   .isa = "avx512",
                   .units = 2,
                   .memory_bytes = 8'589'934'592,
                   .uuid = Stated<std::string>::missing("a CPU has none"),
                   .serial = Stated<std::string>::missing("not readable"),
                   .firmware = Stated<std::string>::known("0x1"),
                   .driver = Stated<std::string>::missing("a CPU has none"),
                   .last_level_cache_bytes = Stated<std::int64_t>::known(33'554'432)};
  result.conditions = sample_conditions();
  result.environment = {{"OMP_NUM_THREADS", "2"}};
  result.timer = {.clock = "CLOCK_MONOTONIC",
                  .resolution_ns = 20,
                  .read_cost_ns = 21.5,
                  .rate_error_relative = Stated<double>::missing("no external reference")};

  std::map<std::int64_t, double> entropy_rates;  // by vocabulary
  for (const SampleItem& item : options.items) {
    if (item.kind == "training_step" && !entropy_rates.contains(item.vocabulary)) {
      entropy_rates[item.vocabulary] =
          entropy_rate_nats(make_token_law(kTokenKey, static_cast<std::int32_t>(item.vocabulary)));
    }
  }
  for (std::int64_t p = 0; p < options.processes; ++p) {
    ProcessRecord& process = result.processes.emplace_back();
    process.index = p;
    process.started_utc = "2026-03-01T08:0" + std::to_string(p % 10) + ":00Z";
    process.seed = result.seed + p;
    for (const SampleItem& item : options.items) {
      process.order.push_back(item.workload);
      const auto stream = static_cast<std::uint64_t>(100 * (p + 1)) + 4 * process.order.size();
      process.items.push_back(item_of(item, entropy_rates[item.vocabulary], p, stream));
    }
  }
  return result;
}

SampleOptions sample_options_of(const Basket& basket, double pflops) {
  SampleOptions options;
  options.basket = {basket.name, basket.version, basket.digest};
  options.items.clear();
  for (const BasketItem& each : basket.items) {
    SampleItem item;
    const std::int64_t batch = each.tokens_per_step / each.model.sequence;
    item.problem = {{"batch", batch}, {"sequence", each.model.sequence}};
    item.workload = "transformer/" + each.name + "_step/batch" + std::to_string(batch) +
                    "_sequence" + std::to_string(each.model.sequence) + "/" + item.precision;
    item.basket_item = each.name;
    item.tokens = each.tokens_per_step;
    item.flops = model_flops_per_token(each.model) * each.tokens_per_step;
    item.vocabulary = each.model.vocabulary;
    const double step_s = static_cast<double>(item.flops) / (pflops * 1e15);
    item.process_iteration_s = {step_s, 1.01 * step_s, 0.99 * step_s};
    options.items.push_back(item);
  }
  options.items.push_back(sample_kernel());
  if (basket.precision != "bf16_or_fp32") {
    for (SampleItem& item : options.items) item = in_precision(item, basket.precision);
  }
  return options;
}

ResultDocument certified_sample_result(const std::string& basket, const std::string& device,
                                       double pflops) {
  constexpr std::int64_t kProcesses = 5;
  constexpr std::int64_t kMinimumStepNs = 10'000'000;
  constexpr double kRoofOverTraining = 1.5;
  SampleOptions options = sample_options_of(load_basket(basket), pflops);
  options.processes = kProcesses;
  for (SampleItem& item : options.items) {
    item.samples = 200;
    item.noise_relative = 0.002;
    if (item.kind == "kernel") {
      // The best product of the run, above what training reaches.
      item.process_iteration_s = {static_cast<double>(item.flops) /
                                  (kRoofOverTraining * pflops * 1e15)};
    }
    // Nanoseconds must not round a fast device's samples away.
    const double step_s = item.process_iteration_s.front();
    item.batch = std::max<std::int64_t>(
        1, std::llround(static_cast<double>(kMinimumStepNs) * 1e-9 / step_s));
  }
  ResultDocument result = sample_result(options);
  result.suite.name = "certify";
  result.suite.processes = kProcesses;
  result.suite.fixed_time = true;
  result.suite.target_relative = kCertifyTargetRelative;
  result.tool.commit = Stated<std::string>::known("0123abcd");
  result.timer.rate_error_relative = Stated<double>::known(1e-6);
  result.device.name = device;
  for (ProcessRecord& process : result.processes) {
    for (ItemRecord& item : process.items) item.warm_up_ns = 120'000'000'000;
  }
  return result;
}

}  // namespace assay
