/// assay audit: posted prices, certificates and cost sheets -> a verdict for each price.
#include <memory>

#include "pricing/audit/audit_run.h"
#include "results/utc_time.h"
#include "support/context.h"

namespace assay::cli {

void add_audit(CLI::App& app, Context& context) {
  auto options = std::make_shared<pricing::AuditRun>();
  CLI::App* command = add_command(
      app, context, "audit",
      "Judge posted prices per CU; exit code 1 where a price is above or below cost, or a hard "
      "rule is broken",
      "assay audit --tariffs tariffs.csv --certificates certificates --cost-sheets sheets -o "
      "audit.csv",
      [options, &context] {
        if (options->date_utc.empty()) options->date_utc = utc_now();
        options->json = context.json;
        const pricing::AuditOutcome outcome = pricing::run_audit(*options);
        say(context, outcome.text);
        say_json_text(context, outcome.json);
        if (!outcome.failure.empty()) {
          context.failure = check_error(outcome.failure, options->tariffs.string());
        }
      });
  command->add_option("--tariffs", options->tariffs, "CSV of posted prices")->required();
  command->add_option("--certificates", options->certificates, "Folder of certificates, or files")
      ->required();
  command->add_option("-k,--key", options->key, "Laboratory's public key: check all signatures");
  command->add_option("--revocations", options->revocations,
                      "CSV of certificates that a registry revoked: certificate, effective_utc, "
                      "reason");
  command
      ->add_option("--cost-sheets", options->cost_sheets,
                   "Folder of the sites' cost sheets, or files")
      ->required();
  command->add_option("--rules", options->rules, "Rules and thresholds; those built in by default");
  command->add_option("--basket", options->basket, "Basket that certificates must be of")
      ->capture_default_str();
  command->add_option("--ceiling", options->ceiling,
                      "Rate ceiling, CNY per CU ex VAT; without it the band ends at the fair rate "
                      "times a factor of the rules");
  command->add_option("--date", options->date_utc, "Instant to judge at, UTC; now by default");
  command->add_option("-o,--output", options->output, "All rows: a .csv or .json file");
  command->add_option("--rows", options->rows, "Rows of the table")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
}

}  // namespace assay::cli
