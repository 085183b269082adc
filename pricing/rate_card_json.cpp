/// The rate card as a document.
#include "pricing/capital.h"
#include "pricing/money.h"
#include "pricing/rate_card.h"
#include "results/document.h"
#include "results/stated_json.h"

namespace assay::pricing {

namespace {

using nlohmann::json;

std::string micro_text(std::int64_t micro) {
  return decimal_text(micro, kRateDecimals);
}

json text_or_null(const std::optional<std::string>& text) {
  return text ? json(*text) : json(nullptr);
}

json figure_json(const Figure& figure) {
  json document = {{"figure", figure.pointer},
                   {"value", figure.value ? json(figure.value_text) : json(nullptr)},
                   {"unit", figure.unit},
                   {"source", text_or_null(figure.source)},
                   {"date", text_or_null(figure.date)},
                   {"note", figure.note}};
  if (figure.vat) {
    document["vat"] = {{"basis", figure.vat->included ? "included" : "excluded"},
                       {"rate", text_or_null(figure.vat->rate_text)}};
  }
  return document;
}

json waterfall_json(const RateCard& card) {
  json parts = json::array();
  for (std::size_t i = 0; i < card.waterfall.parts.size(); ++i) {
    const WaterfallPart& part = card.waterfall.parts[i];
    const bool fixed = i < card.cost.fixed_lines.size();
    parts.push_back(
        {{"kind", kind_name(part.kind)},
         {"name", part.name},
         {"cny_per_year",
          fixed ? json(cny_text(to_fen(card.cost.fixed_lines[i].cny, part.name))) : json(nullptr)},
         {"cny_per_cu", micro_text(part.micro_cny_per_cu)}});
  }
  return parts;
}

json capital_json(const RateCard& card) {
  json classes = json::array();
  for (const AssetClass& asset_class : card.sheet.asset_classes) {
    json years = json::array();
    for (const CapitalYearFen& year :
         capital_schedule_fen(capital_terms(asset_class), asset_class.where)) {
      years.push_back({{"year", years.size() + 1},
                       {"charge", cny_text(year.charge)},
                       {"return", cny_text(year.return_part)},
                       {"depreciation", cny_text(year.depreciation)},
                       {"closing_base", cny_text(year.closing_base)}});
    }
    classes.push_back({{"name", asset_class.name},
                       {"method", method_name(asset_class.method)},
                       {"return_basis", asset_class.return_basis},
                       {"return_tax", asset_class.return_tax},
                       {"payment_timing", "year_end"},
                       {"years", years}});
  }
  return classes;
}

json interval_json(const RateCard& card) {
  const RateInterval& interval = card.interval;
  const bool present = interval.reason.empty();
  const auto figure = [present](const std::string& text) {
    return present ? json(text) : json(nullptr);
  };
  json contributions = json::array();
  for (const Contribution& part : interval.contributions) {
    contributions.push_back(
        {{"input", part.input},
         {"standard_uncertainty", part.standard_uncertainty},
         {"unit", part.unit},
         {"effect_cny_per_cu", rounded_text(part.effect_cny_per_cu, kRateDecimals)},
         {"correlation_with_k", part.correlation_with_k},
         {"distribution", part.distribution}});
  }
  return {{"reason", present ? json(nullptr) : json(interval.reason)},
          {"lower_cny_per_cu", figure(micro_text(interval.lower_micro))},
          {"upper_cny_per_cu", figure(micro_text(interval.upper_micro))},
          {"u_c_cny_per_cu", figure(micro_text(interval.u_c_micro))},
          {"expanded_cny_per_cu", figure(micro_text(interval.expanded_micro))},
          {"coverage_factor", figure(interval.coverage_factor)},
          {"coverage_statement", interval.coverage_statement},
          {"nu_eff", interval.nu_eff},
          {"method", kIntervalMethod},
          {"contributions", contributions},
          {"grade", card.certificate.grade}};
}

json inputs_json(const RateCard& card) {
  json inputs = json::array();
  for (const Figure* figure : all_figures(card.sheet)) inputs.push_back(figure_json(*figure));
  return inputs;
}

json flags_json(const RateCard& card) {
  json flags = json::array();
  for (const RateFlag& flag : card.flags)
    flags.push_back({{"name", flag.name}, {"text", flag.text}});
  return flags;
}

json certificate_json(const CertificateFacts& facts) {
  return {{"id", facts.id},
          {"digest", facts.digest},
          {"issued_utc", facts.issued_utc},
          {"valid_until_utc", facts.valid_until_utc},
          {"verified_key_id", facts.verified_key_id},
          {"device", facts.device},
          {"device_count", facts.device_count}};
}

json energy_json(const RateCard& card) {
  const Energy& energy = card.sheet.energy;
  return {{"idle_power_w", energy.idle_power.value_text},
          {"loaded_power_w", card.loaded_power_w},
          {"loaded_power_origin", card.power_measured ? "measured" : "declared"},
          {"power_boundary", energy.power_boundary},
          {"pue", energy.pue.value_text},
          {"pue_category", energy.pue_category},
          {"pue_period", energy.pue_period},
          {"tariff_cny_per_kwh", rounded_text(card.cost.tariff_cny_per_kwh, kRateDecimals)},
          {"grade", "indicative"}};
}

json delivered_json(const RateCard& card) {
  const CostSheet& sheet = card.sheet;
  const bool filed = card.cost.utilisation == need(sheet.utilisation);
  json excluded = json::array();
  for (const auto& plant : sheet.used_and_useful.excluded) {
    excluded.push_back({{"name", plant.name}, {"reason", plant.reason}});
  }
  return {{"devices", sheet.device_count.value_text},
          {"availability", sheet.availability.value_text},
          {"utilisation",
           filed ? sheet.utilisation.value_text : sheet.used_and_useful.floor->value_text},
          {"utilisation_filed", sheet.utilisation.value_text},
          {"rule", sheet.used_and_useful.exclusion ? "exclusion" : "floor"},
          {"excluded", excluded},
          {"cu", rounded_text(card.cost.delivered_cu, kRateDecimals)}};
}

}  // namespace

json to_json(const RateCard& card) {
  const CostSheet& sheet = card.sheet;
  const CertificateFacts& facts = card.certificate;
  json document = {
      {"schema", {{"name", kRateCardSchema}, {"version", kRateCardSchemaVersion}}},
      {"name", sheet.name},
      {"date_utc", card.date_utc},
      {"grade", facts.grade},
      {"example", sheet.example},
      {"flags", flags_json(card)},
      {"basket",
       {{"name", facts.basket.name},
        {"version", facts.basket.version},
        {"digest", facts.basket.digest}}},
      {"certificate", certificate_json(facts)},
      {"cost_sheet", {{"name", sheet.name}, {"digest", sheet.digest}}},
      {"site",
       {{"name", sheet.site_name},
        {"operator", sheet.site_operator},
        {"location", sheet.site_location}}},
      {"test_year",
       {{"start", sheet.test_year_start},
        {"end", sheet.test_year_end},
        {"hours", sheet.test_year_hours}}},
      {"rate",
       {{"cny_per_cu", micro_text(card.waterfall.rate_micro)},
        {"fixed_cny_per_cu", micro_text(card.waterfall.fixed_micro)},
        {"variable_cny_per_cu", micro_text(card.waterfall.variable_micro)},
        {"unit", "CNY/CU"},
        {"vat", "excluded"},
        {"grade", facts.grade}}},
      {"interval", interval_json(card)},
      {"throughput",
       {{"k_cu_per_h", facts.k_cu_per_h},
        {"u_c_cu_per_h", facts.u_c_cu_per_h},
        {"nu_eff", facts.nu_eff},
        {"k_cert_cu_per_h", facts.k_cert_cu_per_h}}},
      {"device_hour",
       {{"credit_cu", facts.k_cert_cu_per_h},
        {"price_cny", card.device_hour_cny},
        {"grade", facts.grade}}},
      {"delivered", delivered_json(card)},
      {"energy", energy_json(card)},
      {"fixed_cny_per_year", cny_text(to_fen(card.cost.fixed_cny, "fixed cost"))},
      {"waterfall", waterfall_json(card)},
      {"capital", capital_json(card)},
      {"margin",
       sheet.margin.share_of_operating_cost ? "share_of_operating_cost" : "inside_return"},
      {"inputs", inputs_json(card)},
  };
  validate(document, "rate-card", "rate card");
  return document;
}

}  // namespace assay::pricing
