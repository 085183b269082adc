/// assay price: certificate and cost sheet -> rate card.
#include <filesystem>
#include <memory>

#include "pricing/cost_sheet.h"
#include "pricing/rate_card.h"
#include "results/atomic_file.h"
#include "results/certificate.h"
#include "results/document.h"
#include "results/utc_time.h"
#include "support/context.h"

namespace assay::cli {
namespace {

struct Options {
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::filesystem::path cost_sheet;
  std::filesystem::path output = "rate-card.json";
  std::filesystem::path report;
  std::string date_utc;
};

void run(const Options& options, const Context& context) {
  const std::string public_pem = options.key.empty() ? std::string() : read_file(options.key);
  const Certificate certificate = read_certificate(options.certificate, public_pem);
  const pricing::CostSheet sheet = pricing::read_cost_sheet(options.cost_sheet);
  pricing::PriceRequest request;
  request.date_utc = options.date_utc.empty() ? utc_now() : options.date_utc;
  const pricing::RateCard card = pricing::price(certificate, sheet, request);
  write_document(options.output, pricing::to_json(card));
  if (!options.report.empty()) {
    write_file_atomically(options.report, pricing::rate_card_markdown(card) + "\n---\n\n" +
                                              certificate_markdown(certificate));
  }
  say(context, pricing::rate_card_table(card) + "\nrate card  " + options.output.string());
  say_json(context, pricing::to_json(card));
}

}  // namespace

void add_price(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  CLI::App* command = add_command(
      app, context, "price", "Turn a certificate and a cost sheet into the fair rate of a CU",
      "assay price --certificate certificate.json --cost-sheet sheet.json -o rate-card.json",
      [options, &context] { run(*options, context); });
  command->add_option("--certificate", options->certificate, "Certificate of assay certify")
      ->required();
  command->add_option("-k,--key", options->key, "Laboratory's public key: check the signature");
  command->add_option("--cost-sheet", options->cost_sheet, "Cost sheet of the site")->required();
  command->add_option("--date", options->date_utc, "Instant to price at, UTC; now by default");
  command->add_option("-o,--output", options->output, "Rate card to write")->capture_default_str();
  command->add_option("--report", options->report,
                      "Also write a Markdown page: the rate, then the certificate");
}

}  // namespace assay::cli
