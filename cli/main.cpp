#include <cstdio>
#include <exception>

#include "commands.h"
#include "support/context.h"

namespace {

constexpr const char* kDescription =
    "Assay measures what accelerators really deliver on training work, certifies it, and turns it\n"
    "into the fair rate of a compute unit (CU).\n\n"
    "The usual way:  assay run -> certify -> verify -> price";

/// One line on standard error: what, where, the mend.
int report(const std::string& line, assay::ExitCode code) {
  std::fprintf(stderr, "assay: %s\n", line.c_str());
  return static_cast<int>(code);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{kDescription, "assay"};
  app.set_version_flag("--version", ASSAY_VERSION);
  app.require_subcommand(1);
  app.footer("Help: assay <command> --help. Exit codes: 0 done, 1 a check failed, 2 usage.");
  assay::cli::Context context;
  assay::cli::add_all_commands(app, context);
  try {
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
