#include "support/context.h"

#include <cstdio>
#include <utility>

namespace assay::cli {

CLI::App* add_command(CLI::App& app, Context& context, const std::string& name,
                      const std::string& description, const std::string& example,
                      std::function<void()> body) {
  CLI::App* command = app.add_subcommand(name, description);
  command->add_flag("--json", context.json, "Print one JSON document instead of tables");
  command->add_flag("-q,--quiet", context.quiet, "Print nothing but errors");
  command->footer("Example:\n  " + example);
  command->callback(std::move(body));
  return command;
}

void say(const Context& context, const std::string& text) {
  if (context.json || context.quiet) return;
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (text.empty() || text.back() != '\n') std::fputc('\n', stdout);
}

void say_json(const Context& context, const nlohmann::json& document) {
  if (context.json) say_json_text(context, document.dump(2) + "\n");
}

void say_json_text(const Context& context, const std::string& text) {
  if (context.json) std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace assay::cli
