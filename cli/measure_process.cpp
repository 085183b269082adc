/// assay measure-process: the body of a fresh process. Only assay run calls it.
#include "harness/measure_process.h"

#include <filesystem>
#include <memory>

#include "support/context.h"

namespace assay::cli {

void add_measure_process(CLI::App& app, Context& /*context*/) {
  struct Options {
    std::filesystem::path spec;
    std::filesystem::path output;
  };
  auto options = std::make_shared<Options>();
  // No user's command: it isn't in the help, and it prints nothing.
  CLI::App* command = app.add_subcommand("measure-process", "Measure one process of a run");
  command->group("");
  command->callback([options] { harness::measure_process(options->spec, options->output); });
  command->add_option("--spec", options->spec, "What to measure")->required();
  command->add_option("--output", options->output, "Where the record goes")->required();
}

}  // namespace assay::cli
