#include "pricing/programme/simulation_run.h"

#include <memory>

#include "base/error.h"
#include "pricing/programme/library.h"
#include "pricing/programme/simulation_text.h"
#include "results/atomic_file.h"
#include "results/document.h"
#include "results/json_path.h"

namespace assay::pricing::programme {

namespace {

using nlohmann::json;

const Programme& chosen(const Library& library, const SimulationRun& run) {
  const std::vector<const Programme*> versions = versions_of(library, run.id, "");
  std::string names;
  for (const Programme* each : versions) {
    if (each->version == run.version || (run.version.empty() && versions.size() == 1)) return *each;
    names += (names.empty() ? "" : ", ") + each->version;
  }
  throw input_error("which version of " + run.id + " is meant?", "--version", "one of: " + names);
}

/// "/caps/0/amount/value=none": JSON where it is some, else text.
Decision assumption_of(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos) {
    throw input_error("'" + excerpt(text) + "' is no FIELD=VALUE", "--assume",
                      "write --assume /rounding/value=floor_fen");
  }
  const std::string value = text.substr(equals + 1);
  // A number is text too: shares and amounts are decimal strings.
  const bool structured =
      !value.empty() && (value[0] == '{' || value[0] == '[' || value[0] == '"' || value == "true" ||
                         value == "false");
  return {text.substr(0, equals),
          std::make_shared<const json>(structured ? parse_json(value, "--assume") : json(value)),
          "assumed"};
}

SimulationOptions options_of(const SimulationRun& run) {
  SimulationOptions options;
  if (!run.budget.empty()) options.budget = parse_cny(run.budget, "--budget");
  if (options.budget && *options.budget < Fen{0}) {
    throw input_error("a budget of " + run.budget, "--budget", "it is zero or more");
  }
  if (!run.ceiling.empty()) {
    const Fraction ceiling = parse_fraction(run.ceiling, "--ceiling");
    if (!(Fraction(0) < ceiling)) {
      throw input_error("a ceiling of " + run.ceiling, "--ceiling", "it is above 0, CNY per CU");
    }
    options.ceiling = ceiling * Fraction(Int128{1}, Int128{10'000});
  }
  options.public_figure = run.public_figure;
  for (const std::string& share : run.shares) {
    options.shares.push_back(parse_fraction(share, "--share"));
    if (options.shares.back() < Fraction(0) || Fraction(1) < options.shares.back()) {
      throw input_error("a share of " + share, "--share", "write 30 % as 0.30");
    }
  }
  for (const std::string& cap : run.caps) {
    options.caps.push_back(parse_cny(cap, "--cap"));
    if (options.caps.back() < Fen{0}) {
      throw input_error("a cap of " + cap, "--cap", "it is zero or more");
    }
  }
  return options;
}

}  // namespace

ProgrammeOutcome run_simulation(const SimulationRun& run) {
  const Library library = programmes_with(run.own);
  const Programme& published = chosen(library, run);
  ProgrammeOutcome outcome;
  if (run.generate != 0) {
    if (run.output.empty()) {
      throw input_error("no file to write the applications to", "--generate", "add -o FILE.csv");
    }
    write_file_atomically(run.output, generate_applications(published, run.generate, run.seed));
    outcome.text = "wrote      " + run.output.string() + ": " + std::to_string(run.generate) +
                   " made-up applications, seed " + std::to_string(run.seed);
    outcome.document = {{"applications", run.generate}, {"seed", run.seed}};
    return outcome;
  }
  if (run.applications.empty()) {
    throw input_error("no applications", "--applications", "give a CSV, or make one: --generate");
  }
  std::vector<Decision> decisions;
  for (const std::string& text : run.assume) decisions.push_back(assumption_of(text));
  const Programme programme = with_decisions(published, decisions, "--assume");
  const ApplicationList list = read_applications(run.applications, programme);
  Simulation simulation = simulate(programme, list, options_of(run));
  for (const std::string& text : run.assume) simulation.assumptions.push_back("assumed: " + text);
  outcome.text = simulation_text(simulation, programme);
  outcome.document = to_json(simulation, programme);
  if (!run.output.empty()) {
    write_file_atomically(run.output, payments_csv(simulation, list));
  }
  return outcome;
}

}  // namespace assay::pricing::programme
