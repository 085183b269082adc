/// assay quote: a training job, certificates and offers -> hours, billed CU and price of each.
#include <memory>

#include "pricing/quote/quote_run.h"
#include "results/utc_time.h"
#include "support/context.h"

namespace assay::cli {

void add_quote(CLI::App& app, Context& context) {
  auto options = std::make_shared<pricing::QuoteRun>();
  CLI::App* command = add_command(
      app, context, "quote",
      "Quote a training job: hours, billed CU and price at each offer, the cheapest first; exit "
      "code 1 where no offer can be quoted",
      "assay quote --parameters 7B --tokens 1T --devices 8 --certificates certificates "
      "--rate-cards cards",
      [options, &context] {
        if (options->date_utc.empty()) options->date_utc = utc_now();
        const pricing::QuoteOutcome outcome = pricing::run_quote(*options);
        say(context, outcome.text);
        say_json(context, outcome.document);
        if (!outcome.failure.empty()) context.failure = check_error(outcome.failure, "quote");
      });
  command->add_option("--parameters", options->parameters, "Parameters of the model: 7B");
  command->add_option("--active-parameters", options->active_parameters,
                      "Of a mixture of experts, those that a token visits");
  command->add_option("--model", options->model,
                      "In place of parameters: a known model (llama-3-8b) or an assay.model file");
  command->add_option("--sequence", options->sequence,
                      "Tokens of a training sequence, in place of the model's");
  command->add_option("--tokens", options->tokens, "Tokens to train on: 1T");
  command->add_option("--cu", options->compute_units,
                      "In place of a model: compute units of the basket's mix, as measured");
  command->add_option("--devices", options->devices, "Devices that the one job runs on")
      ->capture_default_str();
  command->add_option("--certificates", options->certificates, "Folder of certificates, or files")
      ->required();
  command->add_option("-k,--key", options->key, "Laboratory's public key: check all signatures");
  command->add_option("--revocations", options->revocations,
                      "CSV of certificates that a registry revoked: certificate, effective_utc, "
                      "reason");
  command->add_option("--rate-cards", options->rate_cards, "Folder of rate cards, or files");
  command->add_option("--tariffs", options->tariffs, "CSV of posted prices, as assay audit reads");
  command->add_option("--claim", options->claim,
                      "Claim on a voucher programme as the applicant would file it: each offer's "
                      "price is filled in");
  command->add_option("--programme", options->programmes,
                      "With --claim: file of a programme version beside the built-in ones; may be "
                      "repeated");
  command->add_option("--basket", options->basket, "Basket that the CU are of")
      ->capture_default_str();
  command->add_option("--date", options->date_utc, "Instant to quote at, UTC; now by default");
  command->add_option("-o,--output", options->output, "Also write the quote's .json here");
}

}  // namespace assay::cli
