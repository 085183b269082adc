/// Reading a cost sheet: form by the schema, then values, then bounds.
#include "base/error.h"
#include "pricing/cost_sheet.h"
#include "pricing/cost_sheet_bounds.h"
#include "pricing/power_bill.h"
#include "results/document.h"
#include "results/json_path.h"

namespace assay::pricing {

namespace {

using nlohmann::json;

/// A part of the document and where it stands. The schema has been checked, so fields are there.
class Part {
 public:
  Part(const json& value, std::string file, std::string pointer)
      : value_(&value), file_(std::move(file)), pointer_(std::move(pointer)) {}

  [[nodiscard]] Part at(const std::string& key) const {
    return {value_->at(key), file_, pointer_ + "/" + key};
  }
  [[nodiscard]] std::vector<Part> elements() const {
    std::vector<Part> parts;
    for (std::size_t i = 0; i < value_->size(); ++i) {
      parts.emplace_back(value_->at(i), file_, pointer_ + "/" + std::to_string(i));
    }
    return parts;
  }
  [[nodiscard]] bool is_null() const { return value_->is_null(); }
  [[nodiscard]] bool has(const std::string& key) const { return value_->contains(key); }
  [[nodiscard]] std::string text() const { return value_->get<std::string>(); }
  [[nodiscard]] std::optional<std::string> text_or_null() const {
    return is_null() ? std::nullopt : std::optional(text());
  }
  [[nodiscard]] const json& value() const { return *value_; }
  [[nodiscard]] const std::string& pointer() const { return pointer_; }
  [[nodiscard]] std::string where() const { return place(file_, pointer_); }
  [[nodiscard]] Rational decimal() const { return parse_decimal(text(), where()); }

 private:
  const json* value_;
  std::string file_;
  std::string pointer_;
};

Figure read_figure(const Part& part) {
  Figure figure;
  figure.pointer = part.pointer();
  figure.where = part.where();
  const Part value = part.at("value");
  if (!value.is_null()) {
    figure.value = value.decimal();
    figure.value_text = value.text();
  }
  figure.unit = part.at("unit").text();
  figure.source = part.at("source").text_or_null();
  figure.date = part.at("date").text_or_null();
  figure.note = part.at("note").text();
  if (part.has("vat")) {
    const Part vat = part.at("vat");
    figure.vat.emplace();
    figure.vat->included = vat.at("basis").text() == "included";
    if (!vat.at("rate").is_null()) {
      figure.vat->rate = vat.at("rate").decimal();
      figure.vat->rate_text = vat.at("rate").text();
    }
  }
  if (part.has("exchange")) figure.exchange = part.at("exchange").text();
  return figure;
}

std::optional<Figure> read_if_there(const Part& part, const std::string& key) {
  return part.has(key) ? std::optional(read_figure(part.at(key))) : std::nullopt;
}

std::optional<std::string> read_sku_name(const Part& part) {
  return part.has("sku") ? std::optional(part.at("sku").text()) : std::nullopt;
}

std::vector<std::string> read_names(const Part& list) {
  std::vector<std::string> names;
  for (const Part& part : list.elements()) names.push_back(part.text());
  return names;
}

std::optional<Figure> read_figure_or_null(const Part& part) {
  return part.is_null() ? std::nullopt : std::optional(read_figure(part));
}

std::vector<NamedFigure> read_named_figures(const Part& list) {
  std::vector<NamedFigure> figures;
  for (const Part& part : list.elements()) {
    figures.push_back({part.at("name").text(), part.where(), read_figure(part.at("figure")),
                       read_sku_name(part)});
  }
  return figures;
}

CapitalMethod read_method(const Part& part) {
  const std::string name = part.text();
  if (name == "annuity") return CapitalMethod::annuity;
  if (name == "declining_base") return CapitalMethod::declining_base;
  return CapitalMethod::tilted_annuity;
}

AssetClass read_asset_class(const Part& part) {
  AssetClass asset_class;
  asset_class.name = part.at("name").text();
  asset_class.where = part.where();
  asset_class.method = read_method(part.at("method"));
  asset_class.price = read_figure(part.at("price"));
  asset_class.grants = read_figure(part.at("grants"));
  asset_class.residual = read_figure(part.at("residual"));
  asset_class.return_per_year = read_figure(part.at("return").at("rate"));
  asset_class.return_basis = part.at("return").at("basis").text();
  asset_class.return_tax = part.at("return").at("tax").text();
  asset_class.life = read_figure(part.at("life"));
  asset_class.year_of_life = read_figure_or_null(part.at("year_of_life"));
  asset_class.price_trend = read_figure_or_null(part.at("price_trend"));
  asset_class.mid_year = part.at("payment_timing").text() == "mid_year";
  asset_class.price_today = read_if_there(part, "price_today");
  asset_class.sku = read_sku_name(part);
  if (part.has("items")) {
    for (const Part& item : part.at("items").elements()) {
      asset_class.items.push_back({item.at("name").text(), read_figure(item.at("quantity")),
                                   read_figure(item.at("unit_price"))});
    }
  }
  return asset_class;
}

TariffBand read_band(const Part& part) {
  TariffBand band;
  band.name = part.at("name").text();
  band.where = part.where();
  band.factor = read_figure(part.at("factor"));
  band.use_share = read_if_there(part, "use_share");
  for (const Part& month : part.at("months").elements()) {
    band.months.at(month.value().get<std::size_t>() - 1) = true;
  }
  for (const Part& hour : part.at("hours").elements()) {
    band.hours.at(hour.value().get<std::size_t>()) = true;
  }
  return band;
}

PowerBill read_bill(const Part& part) {
  PowerBill bill;
  bill.voltage = part.at("voltage").text();
  const Part use = part.at("time_of_use");
  if (!use.is_null()) {
    bill.time_of_use_parts = read_names(use.at("parts"));
    for (const Part& band : use.at("bands").elements()) bill.bands.push_back(read_band(band));
  }
  const Part loss = part.at("line_loss");
  if (!loss.is_null()) {
    bill.line_loss_share = read_figure(loss.at("share"));
    bill.line_loss_parts = read_names(loss.at("parts"));
  }
  const Part surcharge = part.at("pue_surcharge");
  if (!surcharge.is_null()) {
    bill.pue_limit = read_figure(surcharge.at("limit"));
    for (const Part& tier : surcharge.at("tiers").elements()) {
      bill.tiers.push_back({read_figure(tier.at("above")), read_figure(tier.at("price"))});
    }
  }
  return bill;
}

ExternalMeter read_meter(const Part& part) {
  return {part.at("instrument").text(), part.at("calibration").text(),
          part.at("sha256").text(),     part.at("start_utc").text(),
          part.at("end_utc").text(),    part.at("devices").value().get<std::int64_t>()};
}

Sku read_sku(const Part& part) {
  return {part.at("name").text(),
          part.where(),
          part.at("device").text(),
          read_figure(part.at("count")),
          read_figure(part.at("per_node")),
          read_figure(part.at("availability")),
          read_figure(part.at("utilisation")),
          read_figure(part.at("idle_power")),
          read_figure(part.at("loaded_power"))};
}

RatePathTerms read_path(const Part& part) {
  RatePathTerms path;
  path.x = read_figure(part.at("x"));
  path.bound = read_figure_or_null(part.at("bound"));
  for (const Part& year : part.at("years").elements()) {
    path.years.push_back({year.at("year").value().get<std::int64_t>(), read_figure(year.at("cpi")),
                          read_figure(year.at("power_price_factor"))});
  }
  const Part true_up = part.at("true_up");
  if (!true_up.is_null()) {
    path.true_up = RatePathTerms::TrueUp{
        read_figure(true_up.at("power_forecast")), read_figure(true_up.at("power_outturn")),
        read_figure(true_up.at("index_forecast")), read_figure(true_up.at("index_outturn"))};
  }
  return path;
}

Energy read_energy(const Part& part, bool fleet) {
  Energy energy;
  energy.pue = read_figure(part.at("pue").at("figure"));
  energy.pue_category = part.at("pue").at("category").text();
  energy.pue_period = part.at("pue").at("period").text();
  energy.price_parts = read_named_figures(part.at("price_parts"));
  energy.power_boundary = part.at("power_boundary").text();
  if (!fleet) {
    energy.idle_power = read_figure(part.at("idle_power"));
    energy.loaded_power = read_figure(part.at("loaded_power"));
  }
  const Part demand = part.at("demand");
  if (!demand.is_null()) {
    energy.demand =
        DemandCharge{read_figure(demand.at("charge")), read_figure(demand.at("billed_power")),
                     demand.has("basis") ? demand.at("basis").text() : std::string()};
  }
  if (part.has("bill")) energy.bill = read_bill(part.at("bill"));
  if (part.has("meter")) energy.meter = read_meter(part.at("meter"));
  return energy;
}

UsedAndUseful read_used_and_useful(const Part& part) {
  UsedAndUseful rule;
  rule.exclusion = part.at("rule").text() == "exclusion";
  rule.floor = read_figure_or_null(part.at("floor"));
  for (const Part& plant : part.at("excluded").elements()) {
    rule.excluded.push_back({plant.at("name").text(), plant.at("reason").text(),
                             read_if_there(plant, "price"), read_if_there(plant, "devices")});
  }
  return rule;
}

Margin read_margin(const Part& part) {
  Margin margin;
  margin.share_of_operating_cost = read_figure_or_null(part.at("share"));
  const bool inside = part.at("kind").text() == "inside_return";
  if (inside == margin.share_of_operating_cost.has_value()) {
    throw input_error(inside ? "a share has no place where the margin is inside the return"
                             : "the margin's share is missing",
                      part.at("share").where(),
                      "a margin is either inside the return or a share of operating cost");
  }
  return margin;
}

UncertainInput read_uncertain_input(const Part& part) {
  UncertainInput input;
  input.pointer = part.at("figure").text();
  input.standard_uncertainty = part.at("standard_uncertainty").decimal();
  input.uncertainty_text = part.at("standard_uncertainty").text();
  input.distribution = part.at("distribution").text();
  input.correlation_with_k = part.at("correlation_with_k").decimal();
  input.correlation_text = part.at("correlation_with_k").text();
  input.source = part.at("source").text_or_null();
  return input;
}

/// Says of a value that is no decimal how to write one, which a schema's pattern can't. Anything
/// else that is wrong is left to the schema.
void check_decimals(const json& part, const std::string& file, const std::string& pointer) {
  if (!part.is_structured()) return;
  if (part.is_object() && part.contains("unit") && part.contains("value")) {
    const json& value = part.at("value");
    const std::string where = place(file, pointer + "/value");
    if (value.is_number()) {
      throw input_error("the figure is a JSON number, which is not exact", where,
                        "write it as a decimal string, like \"1250.00\"");
    }
    if (value.is_string()) (void)parse_decimal(value.get<std::string>(), where);
  }
  for (const auto& [key, inner] : part.items()) {
    check_decimals(inner, file, pointer + "/" + key);
  }
}

/// A sheet states devices, availability, utilisation and power once: for one kind of device, or for
/// each SKU of a mixed fleet.
void check_one_or_many(const Part& root) {
  const Part energy = root.at("energy");
  const bool fleet = root.has("skus");
  const auto judge = [fleet](const Part& part, const std::string& key) {
    if (fleet != part.has(key)) return;
    const std::string name = part.pointer() + "/" + key;
    throw input_error(
        fleet ? name + " has no place beside skus" : "the field " + name + " is missing",
        fleet ? part.at(key).where() : part.where(),
        fleet ? "each SKU states its own" : "state it, or file a fleet as skus");
  };
  for (const char* key : {"devices", "availability", "utilisation"}) judge(root, key);
  for (const char* key : {"idle_power", "loaded_power"}) judge(energy, key);
  if (fleet != root.has("shared_cost_key")) {
    throw input_error(fleet ? "shared_cost_key is missing" : "shared_cost_key belongs to skus only",
                      root.where(), "name the key that splits shared costs of a mixed fleet");
  }
}

/// Each figure of another currency finds its rate.
void find_exchange_rates(CostSheet& sheet) {
  for (Figure* figure : all_figures(sheet)) {
    const std::string currency = currency_of(figure->unit);
    if (currency.empty() || currency == "CNY") {
      if (!figure->exchange) continue;
      throw input_error("an exchange rate for an amount in CNY", figure->where, "leave it out");
    }
    std::vector<int> fitting;
    for (std::size_t i = 0; i < sheet.exchange_rates.size(); ++i) {
      const ExchangeRate& rate = sheet.exchange_rates[i];
      const bool named = !figure->exchange || rate.name == *figure->exchange;
      if (rate.currency == currency && named) fitting.push_back(static_cast<int>(i));
    }
    if (fitting.size() != 1) {
      throw input_error(fitting.empty() ? "no exchange rate for " + currency
                                        : "the sheet has several exchange rates for " + currency,
                        figure->where,
                        fitting.empty() ? "state one in exchange_rates, with its date and source"
                                        : "name the one that applies: \"exchange\": \"...\"");
    }
    figure->exchange_index = fitting.front();
  }
}

void read_devices(CostSheet& sheet, const Part& root) {
  if (root.has("skus")) {
    for (const Part& part : root.at("skus").elements()) sheet.skus.push_back(read_sku(part));
    sheet.shared_cost_key = root.at("shared_cost_key").text();
    return;
  }
  sheet.device_count = read_figure(root.at("devices").at("count"));
  sheet.devices_per_node = read_figure(root.at("devices").at("per_node"));
  sheet.availability = read_figure(root.at("availability"));
  sheet.utilisation = read_figure(root.at("utilisation"));
}

/// What version 1 grew by; each may be left out.
void read_additions(CostSheet& sheet, const Part& root) {
  if (root.has("exchange_rates")) {
    for (const Part& part : root.at("exchange_rates").elements()) {
      sheet.exchange_rates.push_back(
          {part.at("name").text(), part.at("currency").text(), read_figure(part.at("rate"))});
    }
  }
  if (root.has("income_tax")) {
    const Part tax = root.at("income_tax");
    sheet.income_tax =
        IncomeTax{read_figure(tax.at("rate")), read_figure(tax.at("equity_share")),
                  read_figure(tax.at("return_on_equity")), read_figure(tax.at("cost_of_debt"))};
  }
  if (root.has("declared_throughput")) {
    const Part declared = root.at("declared_throughput");
    const Part basket = declared.at("basket");
    sheet.declared_throughput = DeclaredThroughput{
        declared.at("device").text(), basket.at("name").text(), basket.at("version").text(),
        basket.at("digest").text(), read_figure(declared.at("k"))};
  }
  if (root.has("sensitivities")) {
    for (const Part& part : root.at("sensitivities").elements()) {
      sheet.sensitivities.push_back({part.at("figure").text(), part.where(),
                                     part.at("low").decimal(), part.at("high").decimal()});
    }
  }
  if (root.has("path")) sheet.path = read_path(root.at("path"));
}

}  // namespace

void check_cost_sheet_form(const json& document, const std::string& where) {
  check_decimals(document, where, "");
  validate(document, "cost-sheet", where);
}

CostSheet cost_sheet_from_json(const json& document, const std::string& where) {
  check_cost_sheet_form(document, where);
  const Part root(document, where, "");
  CostSheet sheet;
  sheet.file = where;
  sheet.digest = digest(document);
  sheet.name = root.at("name").text();
  sheet.example = root.at("example").value().get<bool>();
  const Part site = root.at("site");
  sheet.site_name = site.at("name").text();
  sheet.site_operator = site.at("operator").text();
  sheet.site_location = site.at("location").text();
  const Part test_year = root.at("test_year");
  sheet.test_year_start = test_year.at("start").text();
  sheet.test_year_end = test_year.at("end").text();
  sheet.test_year_hours = test_year.at("hours").value().get<std::int64_t>();
  check_one_or_many(root);
  read_devices(sheet, root);
  read_additions(sheet, root);
  sheet.used_and_useful = read_used_and_useful(root.at("used_and_useful"));
  sheet.energy = read_energy(root.at("energy"), root.has("skus"));
  for (const Part& part : root.at("asset_classes").elements()) {
    sheet.asset_classes.push_back(read_asset_class(part));
  }
  sheet.operation_and_maintenance = read_named_figures(root.at("operation_and_maintenance"));
  sheet.other_revenue = read_named_figures(root.at("other_revenue"));
  sheet.margin = read_margin(root.at("margin"));
  for (const Part& part : root.at("uncertain_inputs").elements()) {
    sheet.uncertain_inputs.push_back(read_uncertain_input(part));
  }
  std::size_t index = 0;
  for (Figure* figure : all_figures(sheet)) figure->index = index++;
  find_exchange_rates(sheet);
  check_bounds(sheet);
  if (sheet.energy.bill) {
    for (TariffBand& band : sheet.energy.bill->bands) {
      band.hours_of_year =
          hours_of_band(band, sheet.test_year_start, sheet.test_year_end, band.where);
    }
  }
  refresh(sheet);
  return sheet;
}

CostSheet read_cost_sheet(const std::filesystem::path& path) {
  const std::string name = path.string();
  return cost_sheet_from_json(parse_json(read_file(path), name), name);
}

}  // namespace assay::pricing
