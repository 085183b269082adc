/// assay programme: voucher programmes as data, and claims by them.
#include <filesystem>
#include <memory>
#include <string>

#include "pricing/programme/programme_run.h"
#include "pricing/programme/simulation_run.h"
#include "support/context.h"
#include "support/ranges.h"

namespace assay::cli {

namespace {

using pricing::programme::Files;
using pricing::programme::ProgrammeOutcome;

void report_outcome(Context& context, const ProgrammeOutcome& outcome) {
  say(context, outcome.text);
  say_json(context, outcome.document);
  if (!outcome.failure.empty()) context.failure = check_error(outcome.failure);
}

void add_own(CLI::App* command, const std::shared_ptr<Files>& own) {
  command->add_option("--programme", *own,
                      "File of a programme version beside the built-in ones; may be repeated");
}

void add_programme_list(CLI::App& parent, Context& context) {
  auto own = std::make_shared<Files>();
  add_own(add_command(parent, context, "list", "All programmes, what they pay and leave open",
                      "assay programme list",
                      [own, &context] {
                        report_outcome(context, pricing::programme::list_programmes(*own));
                      }),
          own);
}

void add_programme_show(CLI::App& parent, Context& context) {
  auto own = std::make_shared<Files>();
  auto id = std::make_shared<std::string>();
  auto version = std::make_shared<std::string>();
  CLI::App* command = add_command(
      parent, context, "show", "Every rule of a programme with its source, and what is unknown",
      "assay programme show beijing", [own, id, version, &context] {
        report_outcome(context, pricing::programme::show_programme(*id, *version, *own));
      });
  command->add_option("id", *id, "Programme")->required();
  command->add_option("--version", *version, "Only this version");
  add_own(command, own);
}

void add_programme_check(CLI::App& parent, Context& context) {
  auto file = std::make_shared<std::filesystem::path>();
  add_command(
      parent, context, "check", "Check the file of a programme of your own",
      "assay programme check our-town.json",
      [file, &context] { report_outcome(context, pricing::programme::check_programme(*file)); })
      ->add_option("file", *file, "Programme's file")
      ->required();
}

void add_programme_apply(CLI::App& parent, Context& context) {
  auto own = std::make_shared<Files>();
  auto claim = std::make_shared<std::filesystem::path>();
  auto output = std::make_shared<std::filesystem::path>();
  CLI::App* command = add_command(
      parent, context, "apply",
      "What a claim is paid, step by step; exit code 1 where it is refused, 2 where something that "
      "decides it is unknown",
      "assay programme apply claim.json", [own, claim, output, &context] {
        report_outcome(context, pricing::programme::apply_claim(*claim, *own, *output));
      });
  command->add_option("claim", *claim, "Claim's file")->required();
  command->add_option("-o,--output", *output, "Also write the ruling as JSON");
  add_own(command, own);
}

void add_programme_simulate(CLI::App& parent, Context& context) {
  auto run = std::make_shared<pricing::programme::SimulationRun>();
  CLI::App* command = add_command(
      parent, context, "simulate",
      "How far a budget goes over a list of applications, and who is served; or make such a list",
      "assay programme simulate shenzhen --applications list.csv --ceiling 45 --public-figure "
      "\"draw of 2026-12-01\"",
      [run, &context] { report_outcome(context, pricing::programme::run_simulation(*run)); });
  command->add_option("id", run->id, "Programme")->required();
  command->add_option("--version", run->version, "Its version, where there are several");
  command->add_option("--applications", run->applications, "CSV of applications");
  command->add_option("--generate", run->generate, "Make up this many applications instead");
  command->add_option("--seed", run->seed, "Of what is made up")
      ->check(seed_range())
      ->capture_default_str();
  command->add_option("--assume", run->assume,
                      "FIELD=VALUE for what the programme leaves open; may be repeated");
  command->add_option("--budget", run->budget, "CNY; the programme's by default");
  command->add_option("--ceiling", run->ceiling,
                      "Rate ceiling to assume, CNY per CU ex VAT; the programme's by default");
  command->add_option("--public-figure", run->public_figure,
                      "Draw the lottery with this figure, named before the list was closed");
  command->add_option("--share", run->shares, "Percentages to try, as 0.30; may be repeated");
  command->add_option("--cap", run->caps, "Caps to try, CNY; may be repeated");
  command->add_option("-o,--output", run->output,
                      "CSV: the applications made, or what each one is paid");
  add_own(command, std::shared_ptr<Files>(run, &run->own));
}

}  // namespace

void add_programme(CLI::App& app, Context& context) {
  CLI::App* parent =
      app.add_subcommand("programme", "Voucher programmes: list, show, check, apply, simulate");
  parent->require_subcommand(1);
  parent->footer(
      "Help: assay programme <command> --help.\n"
      "Example: assay programme apply claim.json");
  add_programme_list(*parent, context);
  add_programme_show(*parent, context);
  add_programme_check(*parent, context);
  add_programme_apply(*parent, context);
  add_programme_simulate(*parent, context);
}

}  // namespace assay::cli
