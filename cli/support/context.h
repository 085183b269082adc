#pragma once
/// What every command shares: the flags that work everywhere, and what did not hold.
#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"

namespace assay::cli {

struct Context {
  bool json = false;   ///< one JSON document on standard output instead of tables
  bool quiet = false;  ///< nothing but errors, and the document where --json asks for it
  /// What a command that printed its results found not to hold: its line is printed after them,
  /// with --quiet as well, and its code is the exit code.
  std::optional<Error> failure;
};

/// Makes a subcommand with --json and --quiet, a description and an example in its help. `body`
/// runs after parsing; errors are exceptions.
CLI::App* add_command(CLI::App& app, Context& context, const std::string& name,
                      const std::string& description, const std::string& example,
                      std::function<void()> body);

/// Text for a person on standard output; nothing with --json or --quiet.
void say(const Context& context, const std::string& text);

/// The command's JSON document on standard output; nothing without --json.
void say_json(const Context& context, const nlohmann::json& document);
/// The same of a document that is text already.
void say_json_text(const Context& context, const std::string& text);

}  // namespace assay::cli
