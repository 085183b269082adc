/// assay measure-process: the body of a fresh process. Only assay run calls it.
#include "harness/measure_process.h"

#include <filesystem>
#include <memory>

#include "support/context.h"

namespace assay::cli {

void add_measure_process(CLI::App& app, Context& context) {
  struct Options {
    std::filesystem::path spec;
    std::filesystem::path output;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(
      app, context, "measure-process", "Measure one process of a run (called by assay run)",
      "assay run", [options, &context] {
        context.exit_code =
            static_cast<ExitCode>(harness::measure_process(options->spec, options->output));
      });
  command->group("");  // not in the help: it is no user's command
  command->add_option("--spec", options->spec, "What to measure")->required();
  command->add_option("--output", options->output, "Where the record goes")->required();
}

}  // namespace assay::cli
