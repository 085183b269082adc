#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <exception>
#include <memory>
#include <string>

#include "commands.h"
#include "support/context.h"

namespace {

constexpr const char* kDescription =
    "Assay measures what accelerators really deliver on training work, certifies it, and turns it\n"
    "into the fair rate of a compute unit (CU).\n\n"
    "The usual way:  assay run -> certify -> verify -> price";

/// Messages go to standard error, one line each; standard output is for results.
void set_up_messages() {
  auto logger =
      std::make_shared<spdlog::logger>("assay", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("assay: %v");
  spdlog::set_default_logger(std::move(logger));
}

bool has_command(const CLI::App& app, const std::string& name) {
  const auto named =
      app.get_subcommands([&](const CLI::App* command) { return command->get_name() == name; });
  return !named.empty();
}

/// One line: what, where, the mend.
int report(const std::string& line, assay::ExitCode code) {
  spdlog::error("{}", line);
  return static_cast<int>(code);
}

}  // namespace

int main(int argc, char** argv) {
  set_up_messages();
  CLI::App app{kDescription, "assay"};
  app.set_version_flag("--version", ASSAY_VERSION);
  app.require_subcommand(1);
  app.footer("Help: assay <command> --help. Exit codes: 0 done, 1 a check failed, 2 usage.");
  assay::cli::Context context;
  assay::cli::add_all_commands(app, context);
  try {
    if (argc > 1 && argv[1][0] != '-' && !has_command(app, argv[1])) {
      throw assay::input_error("no such command", argv[1], "see: assay --help");
    }
    app.parse(argc, argv);
    return static_cast<int>(context.exit_code);
  } catch (const CLI::Success& success) {  // --help and --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return report(std::string(error.what()) + " (see: assay --help)", assay::ExitCode::usage);
  } catch (const assay::Error& error) {
    return report(error.line(), error.code());
  } catch (const std::exception& error) {
    return report(std::string("internal error: ") + error.what(), assay::ExitCode::failed_check);
  }
}
