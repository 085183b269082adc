/// assay run: measures a suite and writes the result document.
#include "harness/run.h"

#include <spdlog/spdlog.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "harness/launch_profile.h"
#include "results/atomic_file.h"
#include "results/result_io.h"
#include "support/context.h"
#include "support/ranges.h"
#include "support/result_table.h"

namespace assay::cli {
namespace {

struct RunOptions {
  harness::RunOptions run;
  std::optional<std::string> profile;
  std::filesystem::path output = "result.json";
};

void run_suite(const RunOptions& options, Context& context) {
  if (options.profile) {
    const harness::RunOptions& of = options.run;
    harness::profile_named({*options.profile, of.device, of.cpu_isa, of.basket, of.seed});
    say(context, "one iteration of " + *options.profile + " between NVTX ranges; nothing measured");
    say_json(context, {{"profiled", *options.profile}});
    return;
  }
  harness::RunOptions run_options = options.run;
  run_options.show_progress = !context.quiet;
  check_file_can_be_written(options.output);
  if (!context.quiet) {
    for (const std::string& shortfall : harness::foreseen_shortfalls(run_options)) {
      spdlog::warn("this run can't be graded certified: {}", shortfall);
    }
  }
  const ResultDocument result = harness::run_suite(run_options);
  write_result(options.output, result);
  say(context, result_table(result) + "\nresult  " + options.output.string());
  say_json(context, to_json(result));
  if (const auto trouble = harness::verdict(result)) throw *trouble;
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = add_command(app, context, "run",
                                  "Measure a suite in fresh processes and write a result document",
                                  "assay run --suite quick -o result.json",
                                  [options, &context] { run_suite(*options, context); });
  command
      ->add_option("--suite", options->run.suite,
                   "quick, standard, certify or gpu-check: planned for 2, 10, 20 and 4 minutes")
      ->capture_default_str();
  command
      ->add_option("--device", options->run.device,
                   "best, cpu, cuda, cuda:N or a UUID (assay devices); several at once: cuda:all, "
                   "cuda:0,cuda:1")
      ->capture_default_str();
  command->add_option("--cpu-isa", options->run.cpu_isa, "Force a CPU level (assay devices)");
  command->add_option("--basket", options->run.basket,
                      "Basket of scored work; by default tb1 on a GPU, tb1-lite on a CPU");
  command->add_option(
      "--filter", options->run.choices.filter,
      "Regular expression over workload names (assay list); makes it a custom suite");
  command->add_option("--processes", options->run.choices.processes,
                      "Fresh processes; makes it a custom suite");
  command->add_option("--item-seconds", options->run.choices.item_seconds,
                      "Seconds an item may take in a process; makes it a custom suite");
  command->add_option("--budget-seconds", options->run.choices.budget_seconds,
                      "Seconds a process may take: what has not begun by then is left out");
  command->add_option("--seed", options->run.seed, "Repeat a run's tokens, inputs and order")
      ->check(seed_range());
  command->add_option("--profile", options->profile,
                      "One warm iteration of this workload or item with NVTX ranges, for nsys and "
                      "ncu; no result");
  command->add_option("-o,--output", options->output, "Result document to write")
      ->capture_default_str();
}

}  // namespace assay::cli
