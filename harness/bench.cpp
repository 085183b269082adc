#include "harness/bench.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "harness/basket_workloads.h"
#include "harness/bench_host.h"
#include "harness/bench_reporter.h"
#include "harness/clock.h"
#include "harness/interrupt.h"
#include "harness/measure_item.h"
#include "harness/run.h"
#include "results/atomic_file.h"

namespace assay::harness {
namespace {

/// Starts this program again with OpenMP's settings in its environment. Returns only where that is
/// not needed or not possible.
void restart_bound(const Device& device) {
  if (std::getenv("OMP_PROC_BIND") != nullptr) return;
  const std::string command = HostFiles{}.text("proc/self/cmdline").value_or("");
  std::vector<std::string> arguments;
  for (std::size_t begin = 0; begin < command.size();) {
    const std::size_t end = std::min(command.find('\0', begin), command.size());
    arguments.push_back(command.substr(begin, end - begin));
    begin = end + 1;
  }
  if (arguments.empty()) return;
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  for (const auto& [name, value] : thread_settings(device)) {
    setenv(name.c_str(), value.c_str(), 1);
  }
  execv("/proc/self/exe", pointers.data());
}

Catalogue available(const Catalogue& catalogue, const Target& target) {
  Catalogue found;
  std::copy_if(catalogue.begin(), catalogue.end(), std::back_inserter(found),
               [&](const CatalogueEntry& entry) {
                 return !unavailable_on(entry.workload, target).has_value();
               });
  return found;
}

SamplerOptions sampler_options(const HostFlags& flags, const Workload& workload,
                               const TimerRecord& timer) {
  SamplerOptions options;
  options.rule.estimator =
      workload.kind == WorkloadKind::training_step ? Estimator::ratio_of_sums : Estimator::median;
  options.item_seconds = std::max(flags.min_time_s.value_or(0.5), 1e-3);
  options.fixed_time = true;
  options.warm_up_min_s = flags.min_warm_up_s.value_or(0.1);
  options.warm_up_max_s = std::max(4.0 * options.warm_up_min_s, 0.5);
  options.clock_step_ns = static_cast<double>(timer.resolution_ns) + timer.read_cost_ns;
  return options;
}

HostedFigure figure_of(const MeasuredItem& measured) {
  const ItemRecord& record = measured.record;
  HostedFigure figure;
  if (record.status != "valid") {
    figure.error = record.status + ": " + record.error;
    return figure;
  }
  const auto batch = static_cast<double>(record.batch);
  const auto samples = static_cast<double>(record.sample_end_ns.size());
  figure.iteration_s = measured.judgement.estimate_ns * 1e-9 / batch;
  const auto add_rate = [&](const char* name, std::int64_t per_iteration) {
    if (per_iteration > 0) {
      figure.counters[name] = static_cast<double>(per_iteration) / figure.iteration_s;
    }
  };
  add_rate("FLOP/s", record.flops);
  add_rate("bytes/s", record.bytes);
  add_rate("tokens/s", record.tokens);
  figure.counters["iterations"] = samples * batch;
  figure.counters["samples"] = samples;
  // Few samples form no interval worth printing, and JSON has no infinity.
  if (measured.judgement.effective_samples >= 10.0) {
    figure.counters["interval"] = measured.judgement.half_width_relative;
  }
  return figure;
}

std::string list_of_names(const Catalogue& catalogue, BenchFormat format) {
  std::string text;
  nlohmann::json names = nlohmann::json::array();
  for (const CatalogueEntry& entry : catalogue) {
    text += entry.workload.name + '\n';
    names.push_back(entry.workload.name);
  }
  if (format == BenchFormat::json) return nlohmann::json{{"benchmarks", names}}.dump(2) + '\n';
  return text;
}

}  // namespace

std::optional<Error> run_bench(const std::vector<std::string>& arguments,
                               const BenchOptions& options,
                               const std::function<void(const std::string&)>& write,
                               const CatalogueSource& source) {
  const HostFlags flags = parse_host_flags(arguments);
  const Device device = select_device(options.device, options.cpu_isa);
  const Catalogue catalogue =
      filtered(available(source(basket_for(options.basket, device), device), device.target()),
               flags.filter, "--benchmark_filter");
  if (flags.list_tests) {
    write(list_of_names(catalogue, bench_format(flags.format)));
    return std::nullopt;
  }
  if (!flags.out.empty()) check_file_can_be_written(flags.out);
  if (options.restart_for_binding) restart_bound(device);
  apply(device);
  const OpenDevice open(device);
  const TimerRecord timer = measure_timer();
  const InputKey key{key_of_nonce(make_nonce(options.seed))};
  const InterruptGuard guard;
  std::vector<HostedBody> bodies;
  for (const CatalogueEntry& entry : catalogue) {
    bodies.push_back({entry.workload.name, [&] {
                        return figure_of(measure_item(
                            {entry, sampler_options(flags, entry.workload, timer), key},
                            open.target(), [] { return interrupted(); }, {}));
                      }});
  }
  BenchReporter display(bench_format(flags.format), write, flags.own_time_unit);
  std::string file_text;
  std::unique_ptr<BenchReporter> file;
  if (!flags.out.empty()) {
    file = std::make_unique<BenchReporter>(bench_format(flags.out_format),
                                           [&](const std::string& text) { file_text += text; });
  }
  host(bodies, flags, display, file.get());
  if (file) write_file_atomically(flags.out, file_text);
  if (display.first_error())
    return check_error(display.first_error()->text, display.first_error()->name);
  if (interrupted()) return check_error("the benchmarks were interrupted");
  return std::nullopt;
}

}  // namespace assay::harness
