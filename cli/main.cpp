#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <exception>
#include <memory>
#include <sstream>
#include <string>

#include "commands.h"
#include "support/context.h"
#include "support/standard_output.h"

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

/// The command that the first words name, and the word that should name one and doesn't.
struct Named {
  std::string command = "assay";
  std::string unknown;
};

Named command_named(const CLI::App& app, int argc, char** argv) {
  Named named;
  const CLI::App* at = &app;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    if (at->get_subcommands([](const CLI::App*) { return true; }).empty()) break;
    const auto next = at->get_subcommands(
        [&](const CLI::App* command) { return command->get_name() == argv[i]; });
    if (next.empty()) {
      named.unknown = argv[i];
      break;
    }
    at = next.front();
    named.command += " " + at->get_name();
  }
  return named;
}

/// Parses and runs the command. Help and version are results too, delivered like a table.
void run(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::ostringstream text;
    app.exit(success, text, text);
    assay::cli::write_output(text.str());
  }
  assay::cli::flush_output();
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
  const Named named = command_named(app, argc, argv);
  const std::string help = "see: " + named.command + " --help";
  try {
    if (!named.unknown.empty()) {
      throw assay::input_error("no such command", named.unknown, help);
    }
    run(app, argc, argv);
    if (context.failure) return report(context.failure->line(), context.failure->code());
    return static_cast<int>(assay::ExitCode::success);
  } catch (const CLI::ParseError& error) {
    return report(fmt::format("{} ({})", error.what(), help), assay::ExitCode::usage);
  } catch (const assay::Error& error) {
    return report(error.line(), error.code());
  } catch (const std::exception& error) {
    return report(std::string("internal error: ") + error.what(), assay::ExitCode::failed_check);
  }
}
