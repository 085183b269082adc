/// The rate card as a document.
#include "pricing/capital.h"
#include "pricing/evaluate.h"
#include "pricing/money.h"
#include "pricing/rate_card.h"
#include "results/document.h"
#include "results/stated_json.h"

namespace assay::pricing {

namespace {

using nlohmann::json;

constexpr int kShareDecimals = 12;

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
         {"cny_per_cu", rate_text(part.micro_cny_per_cu)}});
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
                       {"payment_timing", asset_class.mid_year ? "mid_year" : "year_end"},
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
          {"lower_cny_per_cu", figure(rate_text(interval.lower_micro))},
          {"upper_cny_per_cu", figure(rate_text(interval.upper_micro))},
          {"u_c_cny_per_cu", figure(rate_text(interval.u_c_micro))},
          {"expanded_cny_per_cu", figure(rate_text(interval.expanded_micro))},
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
  if (facts.declared) return nullptr;
  return {{"test_key", facts.test_key},
          {"id", facts.id},
          {"digest", facts.digest},
          {"issued_utc", facts.issued_utc},
          {"valid_until_utc", facts.valid_until_utc},
          {"verified_key_id", facts.verified_key_id},
          {"device", facts.device},
          {"device_count", facts.device_count}};
}

json declared_json(const RateCard& card) {
  if (!card.certificate.declared) return nullptr;
  const Figure& k = card.sheet.declared_throughput->k;
  return {{"device", card.sheet.declared_throughput->device},
          {"source", text_or_null(k.source)},
          {"date", text_or_null(k.date)},
          {"note", k.note}};
}

json sku_json(const CostSheet& sheet) {
  if (!sheet.allocation) return nullptr;
  const Allocation& allocation = *sheet.allocation;
  return {{"name", allocation.sku},
          {"shared_cost_key", allocation.key},
          {"share", rounded_text(allocation.shares.at(allocation.position), kShareDecimals)}};
}

json monte_carlo_json(const RateCard& card) {
  if (!card.monte_carlo) return nullptr;
  const MonteCarlo& drawn = *card.monte_carlo;
  const bool present = drawn.reason.empty();
  const auto micro = [present](std::int64_t value) {
    return present ? json(rate_text(value)) : json(nullptr);
  };
  const Stated<std::string> none = Stated<std::string>::missing(drawn.reason);
  return {{"reason", present ? json(nullptr) : json(drawn.reason)},
          {"draws", drawn.draws},
          {"seed", drawn.seed},
          {"generator", "Philox4x32-10"},
          {"without_rate", drawn.without_rate},
          {"mean_cny_per_cu", present ? drawn.mean : none},
          {"standard_uncertainty_cny_per_cu", present ? drawn.standard_uncertainty : none},
          {"lower_cny_per_cu", micro(drawn.lower_micro)},
          {"upper_cny_per_cu", micro(drawn.upper_micro)},
          {"tolerance_cny_per_cu", present ? json(drawn.tolerance) : json(nullptr)},
          {"low_difference_cny_per_cu", micro(drawn.low_difference_micro)},
          {"high_difference_cny_per_cu", micro(drawn.high_difference_micro)},
          {"agrees", present ? json(drawn.agrees) : json(nullptr)},
          {"verdict", present ? json(drawn.verdict) : json(nullptr)}};
}

json tornado_json(const RateCard& card) {
  if (!card.tornado) return nullptr;
  json bars = json::array();
  for (const Sensitivity& bar : *card.tornado) {
    bars.push_back({{"input", bar.input},
                    {"unit", bar.unit},
                    {"low", bar.low},
                    {"high", bar.high},
                    {"filed", bar.filed},
                    {"at_low_cny_per_cu", rate_text(bar.at_low_micro)},
                    {"at_high_cny_per_cu", rate_text(bar.at_high_micro)}});
  }
  return bars;
}

json new_entrant_json(const RateCard& card) {
  json capital = json::array();
  for (const CostLine& line : card.new_entrant.capital) {
    capital.push_back({{"name", line.name}, {"cny_per_year", cny_text(to_fen(line.cny, "line"))}});
  }
  return {{"cny_per_cu", card.new_entrant.cny_per_cu}, {"capital", capital}};
}

json path_json(const RateCard& card) {
  json years = json::array();
  const auto fen = [](std::int64_t value) { return cny_text(Fen{value}); };
  for (const PathYear& year : card.path) {
    years.push_back({{"year", year.year},
                     {"capital_cny", fen(year.capital_fen)},
                     {"operation_and_maintenance_cny", fen(year.operation_and_maintenance_fen)},
                     {"power_cny", fen(year.power_fen)},
                     {"margin_cny", fen(year.margin_fen)},
                     {"other_revenue_cny", fen(year.other_revenue_fen)},
                     {"true_up_cny", fen(year.true_up_fen)},
                     {"variable_cny_per_cu", rate_text(year.variable_micro)},
                     {"unbounded_cny_per_cu", rate_text(year.unbounded_micro)},
                     {"cny_per_cu", rate_text(year.rate_micro)},
                     {"bound", year.bound},
                     {"notes", year.notes}});
  }
  return years;
}

json tariff_parts_json(const CostSheet& sheet) {
  json parts = json::array();
  for_each_tariff_part(
      sheet, ExactReader{},
      [&parts](const std::string& name, const Rational& standing, const Rational& variable) {
        parts.push_back({{"name", name},
                         {"standing_cny_per_kwh", rounded_text(standing, kRateDecimals)},
                         {"variable_cny_per_kwh", rounded_text(variable, kRateDecimals)}});
      });
  return parts;
}

json meter_json(const CostSheet& sheet) {
  if (!sheet.energy.meter) return nullptr;
  const ExternalMeter& meter = *sheet.energy.meter;
  return {{"instrument", meter.instrument}, {"calibration", meter.calibration},
          {"sha256", meter.sha256},         {"start_utc", meter.start_utc},
          {"end_utc", meter.end_utc},       {"devices", meter.devices}};
}

json energy_json(const RateCard& card) {
  const Energy& energy = card.sheet.energy;
  const bool metered = energy.meter.has_value() && !card.power_measured;
  const std::string declared_or_metered = metered ? "metered" : "declared";
  return {
      {"idle_power_w", energy.idle_power.value_text},
      {"loaded_power_w", card.loaded_power_w},
      {"loaded_power_origin", card.power_measured ? "measured" : declared_or_metered},
      {"power_boundary", energy.power_boundary},
      {"pue", energy.pue.value_text},
      {"pue_category", energy.pue_category},
      {"pue_period", energy.pue_period},
      {"tariff_cny_per_kwh", rounded_text(card.cost.tariff_cny_per_kwh, kRateDecimals)},
      {"variable_tariff_cny_per_kwh",
       rounded_text(card.cost.variable_tariff_cny_per_kwh, kRateDecimals)},
      {"surcharge_cny_per_it_kwh", rounded_text(card.cost.surcharge_cny_per_it_kwh, kRateDecimals)},
      {"tariff_parts", tariff_parts_json(card.sheet)},
      {"meter", meter_json(card.sheet)},
      {"grade", metered && card.certificate.grade == "certified" ? "certified" : "indicative"}};
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
      {"declared_throughput", declared_json(card)},
      {"sku", sku_json(sheet)},
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
       {{"cny_per_cu", rate_text(card.waterfall.rate_micro)},
        {"fixed_cny_per_cu", rate_text(card.waterfall.fixed_micro)},
        {"variable_cny_per_cu", rate_text(card.waterfall.variable_micro)},
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
      {"monte_carlo", monte_carlo_json(card)},
      {"tornado", tornado_json(card)},
      {"new_entrant", new_entrant_json(card)},
      {"path", path_json(card)},
      {"inputs", inputs_json(card)},
  };
  validate(document, "rate-card", "rate card");
  return document;
}

}  // namespace assay::pricing
