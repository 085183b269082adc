/// assay bench: the registry under Google Benchmark's flags, for an engineer at work.
#include "harness/bench.h"

#include <memory>
#include <string>
#include <vector>

#include "support/context.h"
#include "support/ranges.h"
#include "support/standard_output.h"

namespace assay::cli {

void add_bench(CLI::App& app, Context& context) {
  struct Options {
    harness::BenchOptions bench;
    std::vector<std::string> flags;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(
      app, context, "bench", "Run workloads under Google Benchmark's flags; nothing is certified",
      "assay bench -- --benchmark_filter=gemm --benchmark_repetitions=3", [options, &context] {
        if (context.json) options->flags.emplace_back("--benchmark_format=json");
        const bool silent = context.quiet && !context.json;
        context.failure =
            harness::run_bench(options->flags, options->bench, [silent](const std::string& text) {
              if (silent) return;
              write_output(text);
              flush_output();  // a line as soon as it is measured
            });
      });
  command->add_option("--device", options->bench.device, "best, cpu, cuda, cuda:N or a UUID")
      ->capture_default_str();
  command->add_option("--cpu-isa", options->bench.cpu_isa, "Force a CPU level (assay devices)");
  command->add_option("--basket", options->bench.basket,
                      "Basket of training steps; by default tb1 on a GPU, tb1-lite on a CPU");
  command->add_option("--seed", options->bench.seed, "Repeat tokens and inputs")
      ->check(seed_range());
  command->add_option("flags", options->flags, "Google Benchmark's flags, after --");
}

}  // namespace assay::cli
