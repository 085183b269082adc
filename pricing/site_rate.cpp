#include "pricing/site_rate.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "pricing/money.h"
#include "results/document.h"
#include "results/json_path.h"
#include "results/test_key.h"

namespace assay::pricing {

namespace {

using nlohmann::json;

constexpr int kShareDecimals = 12;

const Certificate& certificate_of(const Sku& sku, const std::vector<Certificate>& certificates) {
  const Certificate* found = nullptr;
  for (const Certificate& each : certificates) {
    if (each.device.name != sku.device) continue;
    if (found != nullptr) {
      throw input_error("two certificates are of '" + sku.device + "'", sku.where,
                        "give one certificate for each SKU");
    }
    found = &each;
  }
  if (found == nullptr) {
    throw input_error("no certificate is of '" + sku.device + "'", sku.where,
                      "give the certificate whose device has that name");
  }
  return *found;
}

void check_certificates(const std::vector<Certificate>& certificates, const CostSheet& sheet) {
  const BasketRecord& first = certificates.front().basket;
  for (const Certificate& each : certificates) {
    const std::string where = "certificate " + each.certificate_id;
    if (each.basket.digest != first.digest) {
      throw input_error("another basket: " + each.basket.name + " " + each.basket.version +
                            ", not " + first.name + " " + first.version,
                        where, "rates of different baskets do not mix: certify by one basket");
    }
    if (std::none_of(sheet.skus.begin(), sheet.skus.end(),
                     [&each](const Sku& sku) { return sku.device == each.device.name; })) {
      throw input_error("no SKU of the sheet is of '" + each.device.name + "'", where,
                        "name the device in /skus, or leave the certificate out");
    }
  }
}

/// What a SKU weighs by the key.
Rational weight(const CostSheet& site, std::size_t position, const ChosenDevice& device) {
  const Sku& sku = site.skus.at(position);
  const std::string& key = site.shared_cost_key;
  if (key == "devices") return need(sku.count);
  if (key == "loaded_power") return need(sku.count) * device.figures.loaded_power_w;
  if (key == "capital") {
    Rational price = 0;
    for (const AssetClass& each : site.asset_classes) {
      if (each.sku == sku.name) price += need_ex_vat(each.price);
    }
    return price;
  }
  Rational utilisation = need(sku.utilisation);
  if (!site.used_and_useful.exclusion) {
    utilisation = std::max(utilisation, need(*site.used_and_useful.floor));
  }
  return site.test_year_hours * need(sku.availability) * utilisation * device.figures.k_cu_per_h *
         need(sku.count);
}

std::vector<Rational> shares_of(const CostSheet& sheet, const std::vector<ChosenDevice>& devices) {
  std::vector<Rational> shares;
  for (std::size_t i = 0; i < devices.size(); ++i) shares.push_back(weight(sheet, i, devices[i]));
  const Rational total = std::accumulate(shares.begin(), shares.end(), Rational(0));
  if (total == 0) {
    throw input_error("no SKU has a share by the key " + sheet.shared_cost_key,
                      place(sheet.file, "/shared_cost_key"), "choose another key");
  }
  for (Rational& share : shares) share /= total;
  return shares;
}

int rank(const std::string& grade) {
  return grade == "certified" ? 2 : grade == "indicative" ? 1 : 0;
}

}  // namespace

SiteRate price_site(const std::vector<Certificate>& certificates, const CostSheet& sheet,
                    const PriceRequest& request) {
  if (sheet.skus.empty()) {
    throw input_error("the sheet has one kind of device, and " +
                          std::to_string(certificates.size()) + " certificates are given",
                      sheet.file, "give one certificate, or file a fleet as skus");
  }
  check_certificates(certificates, sheet);
  SiteRate site;
  site.date_utc = request.date_utc;
  site.sheet = sheet;
  site.basket = certificates.front().basket;
  std::vector<const Certificate*> of_sku;
  std::vector<ChosenDevice> devices;
  for (std::size_t i = 0; i < sheet.skus.size(); ++i) {
    of_sku.push_back(&certificate_of(sheet.skus[i], certificates));
    // Power and K do not depend on the split, so any shares will do to choose them.
    devices.push_back(choose_device(
        *of_sku.back(), sheet_of_sku(sheet, i, std::vector<Rational>(sheet.skus.size()))));
  }
  site.shares = shares_of(sheet, devices);
  Rational variable_cny = 0;
  for (std::size_t i = 0; i < sheet.skus.size(); ++i) {
    site.cards.push_back(price(*of_sku[i], sheet_of_sku(sheet, i, site.shares), request));
    const RateCard& card = site.cards.back();
    site.fixed_cny += card.cost.fixed_cny;
    site.delivered_cu += card.cost.delivered_cu;
    variable_cny += card.cost.variable_cny_per_cu * card.cost.delivered_cu;
    site.test_key = site.test_key || card.certificate.test_key;
    if (site.grade.empty() || rank(card.certificate.grade) < rank(site.grade)) {
      site.grade = card.certificate.grade;
    }
  }
  const Rational micro(power_of_ten(kRateDecimals));
  site.rate_micro = to_int64(
      round_half_even((site.fixed_cny + variable_cny) / site.delivered_cu * micro), "site's rate");
  site.variable_micro =
      to_int64(round_half_even(variable_cny / site.delivered_cu * micro), "site's variable part");
  site.fixed_micro = site.rate_micro - site.variable_micro;
  return site;
}

json to_json(const SiteRate& site) {
  const CostSheet& sheet = site.sheet;
  json skus = json::array();
  for (std::size_t i = 0; i < site.cards.size(); ++i) {
    const RateCard& card = site.cards[i];
    skus.push_back({{"name", sheet.skus[i].name},
                    {"device", sheet.skus[i].device},
                    {"devices", sheet.skus[i].count.value_text},
                    {"share", rounded_text(site.shares[i], kShareDecimals)},
                    {"k_cu_per_h", card.certificate.k_cu_per_h},
                    {"delivered_cu", rounded_text(card.cost.delivered_cu, kRateDecimals)},
                    {"fixed_cny_per_year", cny_text(to_fen(card.cost.fixed_cny, "fixed cost"))},
                    {"cny_per_cu", decimal_text(card.waterfall.rate_micro, kRateDecimals)},
                    {"rate_card_digest", digest(to_json(card))}});
  }
  json document = {
      {"schema", {{"name", kSiteRateSchema}, {"version", kSiteRateSchemaVersion}}},
      {"name", sheet.name},
      {"date_utc", site.date_utc},
      {"grade", site.grade},
      {"example", sheet.example},
      {"test_key", site.test_key},
      {"basket",
       {{"name", site.basket.name},
        {"version", site.basket.version},
        {"digest", site.basket.digest}}},
      {"cost_sheet", {{"name", sheet.name}, {"digest", sheet.digest}}},
      {"site",
       {{"name", sheet.site_name},
        {"operator", sheet.site_operator},
        {"location", sheet.site_location}}},
      {"shared_cost_key", sheet.shared_cost_key},
      {"rate",
       {{"cny_per_cu", decimal_text(site.rate_micro, kRateDecimals)},
        {"fixed_cny_per_cu", decimal_text(site.fixed_micro, kRateDecimals)},
        {"variable_cny_per_cu", decimal_text(site.variable_micro, kRateDecimals)},
        {"unit", "CNY/CU"},
        {"vat", "excluded"}}},
      {"fixed_cny_per_year", cny_text(to_fen(site.fixed_cny, "fixed cost"))},
      {"delivered_cu", rounded_text(site.delivered_cu, kRateDecimals)},
      {"skus", skus},
  };
  validate(document, "site-rate", "site rate");
  return document;
}

std::string site_rate_table(const SiteRate& site) {
  std::string text = site.sheet.name + "\n";
  if (site.test_key) text += std::string("TEST KEY: ") + kTestKeyWarning + "\n";
  const auto row = [&text](const std::string& name, const std::string& share,
                           const std::string& fixed, const std::string& cu,
                           const std::string& rate) {
    text += fmt::format("{:<24}  {:>8}  {:>18}  {:>20}  {:>14}\n", name, share, fixed, cu, rate);
  };
  row("SKU", "share", "fixed CNY a year", "CU a year", "CNY/CU");
  for (std::size_t i = 0; i < site.cards.size(); ++i) {
    const RateCard& card = site.cards[i];
    row(site.sheet.skus[i].name, rounded_text(site.shares[i], 4),
        grouped_cny_text(to_fen(card.cost.fixed_cny, "fixed cost")),
        rounded_text(card.cost.delivered_cu, 3),
        decimal_text(card.waterfall.rate_micro, kRateDecimals));
  }
  row("site", "1", grouped_cny_text(to_fen(site.fixed_cny, "fixed cost")),
      rounded_text(site.delivered_cu, 3), decimal_text(site.rate_micro, kRateDecimals));
  return text + "grade " + site.grade + ", ex VAT, basket " + site.basket.name + " " +
         site.basket.version + "\n";
}

}  // namespace assay::pricing
