/// Reading a cost sheet: form by the schema, then values, then bounds.
#include "base/error.h"
#include "pricing/cost_sheet.h"
#include "pricing/cost_sheet_bounds.h"
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
  return figure;
}

std::optional<Figure> read_figure_or_null(const Part& part) {
  return part.is_null() ? std::nullopt : std::optional(read_figure(part));
}

std::vector<NamedFigure> read_named_figures(const Part& list) {
  std::vector<NamedFigure> figures;
  for (const Part& part : list.elements()) {
    figures.push_back({part.at("name").text(), part.where(), read_figure(part.at("figure"))});
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
  return asset_class;
}

Energy read_energy(const Part& part) {
  Energy energy;
  energy.pue = read_figure(part.at("pue").at("figure"));
  energy.pue_category = part.at("pue").at("category").text();
  energy.pue_period = part.at("pue").at("period").text();
  energy.price_parts = read_named_figures(part.at("price_parts"));
  energy.power_boundary = part.at("power_boundary").text();
  energy.idle_power = read_figure(part.at("idle_power"));
  energy.loaded_power = read_figure(part.at("loaded_power"));
  const Part demand = part.at("demand");
  if (!demand.is_null()) {
    energy.demand =
        DemandCharge{read_figure(demand.at("charge")), read_figure(demand.at("billed_power"))};
  }
  return energy;
}

UsedAndUseful read_used_and_useful(const Part& part) {
  UsedAndUseful rule;
  rule.exclusion = part.at("rule").text() == "exclusion";
  rule.floor = read_figure_or_null(part.at("floor"));
  for (const Part& plant : part.at("excluded").elements()) {
    rule.excluded.push_back({plant.at("name").text(), plant.at("reason").text()});
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

}  // namespace

CostSheet cost_sheet_from_json(const json& document, const std::string& where) {
  check_decimals(document, where, "");
  validate(document, "cost-sheet", where);
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
  sheet.device_count = read_figure(root.at("devices").at("count"));
  sheet.devices_per_node = read_figure(root.at("devices").at("per_node"));
  sheet.availability = read_figure(root.at("availability"));
  sheet.utilisation = read_figure(root.at("utilisation"));
  sheet.used_and_useful = read_used_and_useful(root.at("used_and_useful"));
  sheet.energy = read_energy(root.at("energy"));
  for (const Part& part : root.at("asset_classes").elements()) {
    sheet.asset_classes.push_back(read_asset_class(part));
  }
  sheet.operation_and_maintenance = read_named_figures(root.at("operation_and_maintenance"));
  sheet.other_revenue = read_named_figures(root.at("other_revenue"));
  sheet.margin = read_margin(root.at("margin"));
  for (const Part& part : root.at("uncertain_inputs").elements()) {
    sheet.uncertain_inputs.push_back(read_uncertain_input(part));
  }
  check_bounds(sheet);
  return sheet;
}

CostSheet read_cost_sheet(const std::filesystem::path& path) {
  const std::string name = path.string();
  return cost_sheet_from_json(parse_json(read_file(path), name), name);
}

}  // namespace assay::pricing
