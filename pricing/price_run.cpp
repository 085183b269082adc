#include "pricing/price_run.h"

#include <system_error>

#include "base/error.h"
#include "pricing/ceiling.h"
#include "pricing/cost_sheet.h"
#include "pricing/cost_sheet_import.h"
#include "pricing/filing/filing.h"
#include "pricing/rate_card.h"
#include "pricing/site_rate.h"
#include "results/atomic_file.h"
#include "results/certificate.h"
#include "results/document.h"
#include "results/edition/basket.h"
#include "results/keys.h"

namespace assay::pricing {

namespace {

using nlohmann::json;

Error does_not_fit(const std::string& what, const std::string& mend) {
  return input_error(what, "price", mend);
}

PriceOutcome propose(const PriceRun& run) {
  const bool prices = !run.cost_sheet.empty() || !run.certificates.empty() || !run.filing.empty() ||
                      !run.report.empty() || !run.assets.empty() || !run.meter.empty() ||
                      !run.revocations.empty() || !run.basket.empty();
  if (prices) {
    throw does_not_fit("--ceiling proposes from rate cards and prices nothing",
                       "give --ceiling, --rate-cards, --supplier and -o alone");
  }
  if (run.rate_cards.empty()) {
    throw does_not_fit("--ceiling without --rate-cards", "name the folder of all sites' cards");
  }
  const CeilingRule rule = read_ceiling_rule(run.ceiling_rule);
  const CeilingProposal proposal =
      propose_ceiling(rule, read_rate_cards({run.rate_cards}), run.supplier, run.date_utc);
  json document = to_json(proposal);
  write_document(run.output, document);
  return {ceiling_table(proposal) + "proposal   " + run.output.string(), std::move(document)};
}

/// The sheet as filed, or completed by CSV; `completed` is then what is to be written.
CostSheet read_sheet(const PriceRun& run, json& completed) {
  if (run.assets.empty() && run.meter.empty()) {
    if (!run.completed_sheet.empty()) {
      throw does_not_fit("--completed-sheet without --assets or --meter",
                         "nothing would be completed");
    }
    return read_cost_sheet(run.cost_sheet);
  }
  if (run.completed_sheet.empty()) {
    throw does_not_fit("--assets and --meter complete a sheet that nobody would see",
                       "say with --completed-sheet where to write it: the card names its digest");
  }
  const std::string name = run.cost_sheet.string();
  completed = parse_json(read_file(run.cost_sheet), name);
  check_cost_sheet_form(completed, name);
  if (!run.assets.empty()) import_assets(completed, run.assets, name);
  if (!run.meter.empty()) import_meter(completed, run.meter, name);
  return cost_sheet_from_json(completed, name);
}

/// A rate of another basket is a rate of other goods: refused where the caller names the basket.
void check_basket(const std::string& name, const BasketRecord& basket, const std::string& where) {
  if (name.empty()) return;
  const Basket asked = load_basket(name);
  if (asked.name == basket.name && asked.digest == basket.digest) return;
  throw input_error("another basket: " + basket.name + " " + basket.version + ", not " +
                        asked.name + " " + asked.version,
                    where, "certify by " + asked.name + ", or leave --basket out");
}

std::string page_of(const RateCard& card, const std::vector<Certificate>& certificates) {
  std::string page = rate_card_markdown(card);
  for (const Certificate& each : certificates) {
    if (each.certificate_id == card.certificate.id)
      page += "\n---\n\n" + certificate_markdown(each);
  }
  return page;
}

/// "H800 8x" -> "h800-8x", for a file's name.
std::string file_name_of(const std::string& name) {
  std::string text;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool capital = c >= 'A' && c <= 'Z';
    text += letter ? c : capital ? static_cast<char>(c - 'A' + 'a') : '-';
  }
  return text;
}

/// Before anything is written: a path that can't be would leave the others' files behind.
void check_outputs(const PriceRun& run, bool fleet) {
  if (fleet) {
    check_folder_can_be_made(run.output);
  } else {
    check_file_can_be_written(run.output);
  }
  if (!run.filing.empty()) check_folder_can_be_made(run.filing);
  if (!run.report.empty()) check_file_can_be_written(run.report);
  if (!run.completed_sheet.empty()) check_file_can_be_written(run.completed_sheet);
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error || !std::filesystem::is_directory(folder)) {
    throw input_error("a mixed fleet's cards need a folder, which can't be made here",
                      folder.string(), "name a folder with -o");
  }
}

PriceOutcome price_fleet(const PriceRun& run, const std::vector<Certificate>& certificates,
                         const CostSheet& sheet, const PriceRequest& request,
                         const json& completed) {
  if (!run.report.empty()) {
    throw does_not_fit("--report writes one page, and a mixed fleet has several",
                       "leave it out: each SKU's page stands beside its card");
  }
  const SiteRate site = price_site(certificates, sheet, request);
  json document = to_json(site);
  check_outputs(run, true);
  make_folder(run.output);
  if (!completed.is_null()) write_document(run.completed_sheet, completed);
  for (const RateCard& card : site.cards) {
    const std::string name = file_name_of(card.sheet.allocation->sku);
    write_document(run.output / (name + ".json"), to_json(card));
    write_file_atomically(run.output / (name + ".md"), page_of(card, certificates));
    if (!run.filing.empty()) write_filing(run.filing / name, card);
  }
  write_document(run.output / "site.json", document);
  return {site_rate_table(site) + "rate cards  " + run.output.string(), std::move(document)};
}

}  // namespace

PriceOutcome run_price(const PriceRun& run) {
  if (!run.ceiling_rule.empty()) return propose(run);
  if (!run.rate_cards.empty() || !run.supplier.empty()) {
    throw does_not_fit("--rate-cards and --supplier belong to --ceiling", "name the rule's file");
  }
  if (run.cost_sheet.empty()) {
    throw does_not_fit("no cost sheet is given", "name it with --cost-sheet");
  }
  if (run.draws < 0) throw does_not_fit("--draws is below 0", "write 0 to draw nothing");
  const std::string public_pem = run.key.empty() ? std::string() : read_public_key(run.key);
  std::vector<Certificate> certificates;
  for (const std::filesystem::path& path : run.certificates) {
    certificates.push_back(read_certificate(path, public_pem));
    check_basket(run.basket, certificates.back().basket, path.string());
  }
  json completed;
  const CostSheet sheet = read_sheet(run, completed);
  PriceRequest request;
  request.date_utc = run.date_utc;
  if (!run.revocations.empty()) request.revocations = read_revocations(run.revocations);
  request.sensitivities = true;
  if (run.draws > 0) request.monte_carlo = MonteCarloRequest{run.draws, run.seed};

  if (certificates.empty() && sheet.declared_throughput) {
    const DeclaredThroughput& declared = *sheet.declared_throughput;
    check_basket(run.basket,
                 {declared.basket_name, declared.basket_version, declared.basket_digest},
                 run.cost_sheet.string());
  }
  if (!sheet.skus.empty() && certificates.empty()) {
    throw does_not_fit("a mixed fleet without certificates", "give the certificate of each SKU");
  }
  if (!sheet.skus.empty() || certificates.size() > 1) {
    return price_fleet(run, certificates, sheet, request, completed);
  }
  const RateCard card = certificates.empty() ? price_declared(sheet, request)
                                             : price(certificates.front(), sheet, request);
  json document = to_json(card);
  const std::string page = run.report.empty() ? std::string() : page_of(card, certificates);
  check_outputs(run, false);
  if (!completed.is_null()) write_document(run.completed_sheet, completed);
  if (!run.filing.empty()) write_filing(run.filing, card);
  if (!run.report.empty()) write_file_atomically(run.report, page);
  write_document(run.output, document);
  return {rate_card_table(card) + "\nrate card  " + run.output.string(), std::move(document)};
}

}  // namespace assay::pricing
