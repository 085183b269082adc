#include "support/context.h"

#include <utility>

#include "support/standard_output.h"

namespace assay::cli {

CLI::App* add_command(CLI::App& app, Context& context, const std::string& name,
                      const std::string& description, const std::string& example,
                      std::function<void()> body) {
  CLI::App* command = app.add_subcommand(name, description);
  command->add_flag("--json", context.json, "Print one JSON document instead of tables");
  command->add_flag("-q,--quiet", context.quiet,
                    "Print nothing but errors, and the document of --json");
  command->footer("Example:\n  " + example);
  command->callback(std::move(body));
  return command;
}

void say(const Context& context, const std::string& text) {
  if (context.json || context.quiet) return;
  write_output(text);
  if (!text.ends_with('\n')) write_output("\n");
}

void say_json(const Context& context, const nlohmann::json& document) {
  if (context.json) say_json_text(context, document.dump(2) + "\n");
}

void say_json_text(const Context& context, const std::string& text) {
  if (context.json) write_output(text);
}

}  // namespace assay::cli
