/// assay price: certificates and a cost sheet -> rate card, filing; rate cards -> ceiling.
#include <filesystem>
#include <memory>

#include "pricing/cost_sheet.h"
#include "pricing/price_run.h"
#include "results/utc_time.h"
#include "support/context.h"
#include "support/ranges.h"

namespace assay::cli {

void add_price(CLI::App& app, Context& context) {
  auto options = std::make_shared<pricing::PriceRun>();
  CLI::App* command = add_command(
      app, context, "price", "Turn a certificate and a cost sheet into the fair rate of a CU",
      "assay price --certificate certificate.json --cost-sheet sheet.json -o rate-card.json",
      [options, &context] {
        if (options->date_utc.empty()) options->date_utc = utc_now();
        const pricing::PriceOutcome outcome = pricing::run_price(*options);
        say(context, outcome.text);
        say_json(context, outcome.document);
      });
  command->add_option("--certificate", options->certificates,
                      "Certificate of assay certify; one for each SKU of a mixed fleet. Without it "
                      "K is what the sheet declares, and the rate is assumed");
  command->add_option("-k,--key", options->key, "Laboratory's public key: check the signature");
  command->add_option("--revocations", options->revocations,
                      "CSV of certificates that a registry revoked: certificate, effective_utc, "
                      "reason");
  command->add_option("--basket", options->basket,
                      "Price only by certificates of this basket; of any one by default");
  command->add_option("--cost-sheet", options->cost_sheet, "Cost sheet of the site");
  command->add_option("--assets", options->assets,
                      "CSV list of assets: fills price and lines of the sheet's classes");
  command->add_option("--meter", options->meter,
                      "CSV series of an external power meter: fills idle and loaded power");
  command->add_option("--completed-sheet", options->completed_sheet,
                      "Where to write the sheet that --assets and --meter completed");
  command->add_option("--date", options->date_utc, "Instant to price at, UTC; now by default");
  command
      ->add_option("--draws", options->draws,
                   "Draws of the Monte Carlo, 1,000 to 100,000,000 (8 bytes each); 0: none")
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Seed of the draws; it stands in the card")
      ->check(seed_range())
      ->capture_default_str();
  command
      ->add_option("-o,--output", options->output,
                   "Rate card to write; for a mixed fleet, a folder of them; with --ceiling, the "
                   "proposal")
      ->capture_default_str();
  command->add_option("--report", options->report,
                      "Also write a Markdown page: the rate, then the certificate");
  command->add_option("--filing", options->filing,
                      "Also write the schedules of a rate case into this folder: CSV and one page");
  command->add_option(
      "--ceiling", options->ceiling_rule,
      "Propose a rate ceiling by this rule (percentile, comparability, affiliates)");
  command->add_option("--rate-cards", options->rate_cards,
                      "With --ceiling: folder of the rate cards of all sites");
  command->add_option("--supplier", options->supplier,
                      "With --ceiling: the claimant's supplier, left out with its affiliates");
}

}  // namespace assay::cli
