#include "pricing/cost_sheet_bounds.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "base/error.h"
#include "pricing/bounds.h"
#include "pricing/calendar.h"
#include "pricing/fleet_bounds.h"
#include "pricing/money.h"
#include "pricing/power_bill.h"
#include "results/json_path.h"

namespace assay::pricing {

namespace {

Bounds watts(const char* subject) {
  return {subject, 0, Rational(1000000), "state the power of one device in W"};
}

/// The lines of an asset list sum to the price, on one VAT basis and in one currency.
void check_items(const AssetClass& asset_class) {
  if (asset_class.items.empty()) return;
  Rational sum = 0;
  for (const AssetItem& item : asset_class.items) {
    within(item.quantity, {"a quantity", 0, Rational(power_of_ten(9)), "count what was bought"});
    within(item.unit_price, amount("a unit price"));
    const VatBasis& basis = *item.unit_price.vat;
    const VatBasis& of_price = *asset_class.price.vat;
    if (basis.included != of_price.included || (basis.included && basis.rate != of_price.rate)) {
      throw input_error("mixed VAT bases: the line differs from its class's price",
                        item.unit_price.where, "state a class's price on one basis");
    }
    if (item.unit_price.unit != asset_class.price.unit) {
      throw input_error("mixed currencies: the line differs from its class's price",
                        item.unit_price.where, "make a class for each currency");
    }
    sum += need(item.quantity) * need(item.unit_price);
  }
  if (sum != need(asset_class.price)) {
    throw input_error("the lines sum to " + rounded_text(sum, 2) + ", not to the price",
                      asset_class.price.where, "make price and lines agree");
  }
}

void check_asset_class(const AssetClass& asset_class) {
  within(asset_class.price, amount("a price"));
  within(asset_class.grants, amount("a capital grant"));
  if (asset_class.residual.unit == "1") {
    within(asset_class.residual, share("a residual share", "write 5 % of the price as \"0.05\""));
  } else {
    within(asset_class.residual, amount("a residual value"));
  }
  within(asset_class.return_per_year,
         {"a return", 0, Rational(1, 2), "write 7 % a year as \"0.07\""});
  within(asset_class.life, {"a life", 1, 50, "state the life in whole years", false, true});
  within_if(asset_class.price_trend, {"a price trend", -1, Rational(1, 2),
                                      "write a fall of 20 % a year as \"-0.20\"", true});
  within_if(asset_class.price_today, amount("a price"));
  const bool taxed = asset_class.return_tax == "post_tax";
  const bool moves = asset_class.method != CapitalMethod::annuity || taxed;
  if (moves != asset_class.year_of_life.has_value()) {
    throw input_error(moves ? taxed ? "year_of_life is needed: income tax moves over the years"
                                    : "year_of_life is needed: the charge moves over the years"
                            : "year_of_life has no place: an annuity is the same each year",
                      asset_class.where,
                      moves ? "state which year of the life the test year is" : "write null");
  }
  const bool tilted = asset_class.method == CapitalMethod::tilted_annuity;
  if (tilted != asset_class.price_trend.has_value()) {
    throw input_error(tilted ? "price_trend is needed by a tilted annuity"
                             : "price_trend belongs to a tilted annuity only",
                      asset_class.where,
                      tilted ? "state the yearly change of the price" : "write null");
  }
  check_items(asset_class);
  if (asset_class.year_of_life && asset_class.life.value) {
    within(*asset_class.year_of_life,
           {"a year of life", 1, *asset_class.life.value,
            "state which year of the life the test year is", false, true});
  }
}

void check_energy(const CostSheet& sheet) {
  const Energy& energy = sheet.energy;
  within(energy.pue, {"a PUE", 1, 5, "PUE is total over IT energy, so it is at least 1"});
  if (energy.price_parts.empty()) {
    throw input_error("the electricity tariff is missing", place(sheet.file, "/energy/price_parts"),
                      "state at least one price in CNY/kWh");
  }
  Rational tariff = 0;
  for (const NamedFigure& part : energy.price_parts) {
    within(part.figure, {"an electricity price", 0, 100, "state it in CNY/kWh, zero or more"});
    tariff += need(part.figure);
  }
  if (tariff == 0) {
    throw input_error("the electricity tariff is zero", place(sheet.file, "/energy/price_parts"),
                      "state what a kWh costs");
  }
  within(energy.idle_power, watts("an idle power"));
  within(energy.loaded_power, watts("a loaded power"));
  for (const Sku& sku : sheet.skus) {
    within(sku.idle_power, watts("an idle power"));
    within(sku.loaded_power, watts("a loaded power"));
  }
  check_power_bill(sheet);
  if (energy.demand) {
    const bool by_capacity = energy.demand->charge.unit.ends_with("(kVA month)");
    if (by_capacity != (energy.demand->billed_power.unit == "kVA")) {
      throw input_error(
          "a charge in " + energy.demand->charge.unit + " on " + energy.demand->billed_power.unit,
          energy.demand->billed_power.where, "state both per kW or both per kVA");
    }
    within(energy.demand->charge, amount("a demand charge"));
    within(energy.demand->billed_power,
           {"a billed power", 0, Rational(power_of_ten(7)), "state the power billed in kW"});
  }
}

void check_used_and_useful(const CostSheet& sheet) {
  const UsedAndUseful& rule = sheet.used_and_useful;
  const std::string where = place(sheet.file, "/used_and_useful");
  if (rule.exclusion == rule.floor.has_value()) {
    throw input_error(rule.exclusion ? "a floor has no place beside the exclusion rule"
                                     : "the floor rule needs its floor",
                      where, "'used and useful' is applied once: by a floor or by exclusion");
  }
  if (rule.exclusion == rule.excluded.empty()) {
    throw input_error(rule.exclusion ? "the exclusion rule names no excluded plant"
                                     : "plant is excluded under the floor rule",
                      where, "'used and useful' is applied once: by a floor or by exclusion");
  }
  within_if(rule.floor, share("a floor of utilisation"));
}

void check_test_year(const CostSheet& sheet) {
  const auto start = parse_date(sheet.test_year_start, place(sheet.file, "/test_year/start"));
  const auto end = parse_date(sheet.test_year_end, place(sheet.file, "/test_year/end"));
  const std::int64_t hours = ((end - start).count() + 1) * 24;
  if (hours != 8760 && hours != 8784) {
    throw input_error("the test year has " + std::to_string(hours) + " hours",
                      place(sheet.file, "/test_year"),
                      "a year has 8760 or 8784: start and end both belong to it");
  }
  if (hours != sheet.test_year_hours) {
    throw input_error("the test year's dates have " + std::to_string(hours) + " hours, not " +
                          std::to_string(sheet.test_year_hours),
                      place(sheet.file, "/test_year/hours"), "make hours and dates agree");
  }
}

/// Dates, sources, VAT and whole fen of every figure.
void check_figure(const Figure& figure) {
  if (figure.date) (void)parse_date(*figure.date, figure.where + "/date");
  if (figure.source && figure.source->empty()) {
    throw input_error("the source is empty", figure.where + "/source",
                      "name the source, or write null and say in the note what the figure is");
  }
  if (!figure.source && figure.note.empty()) {
    throw input_error("the figure has neither source nor note", figure.where,
                      "name its source, or say in its note that it is an assumption");
  }
  const bool money = !currency_of(figure.unit).empty();
  if (money != figure.vat.has_value()) {
    throw input_error(money ? "money without its VAT basis" : "VAT on a figure that is not money",
                      figure.where, "state vat for money only: {\"basis\": ..., \"rate\": ...}");
  }
  if (figure.vat) {
    if (figure.vat->included && !figure.vat->rate) {
      throw input_error("VAT is included at an unknown rate", figure.where + "/vat/rate",
                        "state the rate, e.g. \"0.13\"");
    }
    const bool is_fraction = !figure.vat->rate || (0 <= *figure.vat->rate && *figure.vat->rate < 1);
    if (!is_fraction) {
      throw input_error("the VAT rate is not between 0 and 1", figure.where + "/vat/rate",
                        "write 13 % as \"0.13\"");
    }
  }
  if (figure.value && (figure.unit == "CNY" || figure.unit == "CNY/year")) {
    (void)parse_cny(figure.value_text, figure.where + "/value");
  }
}

void check_uncertain_inputs(const CostSheet& sheet) {
  // What sets the test year is filed and varied in sensitivities; it is not a random quantity.
  static constexpr std::array<std::string_view, 8> kDeterminants = {
      "/devices/",     "/utilisation", "/used_and_useful/", "/life",
      "/year_of_life", "/count",       "/per_node",         "/path/"};
  std::set<std::string> seen;
  Rational squares = 0;
  for (std::size_t i = 0; i < sheet.uncertain_inputs.size(); ++i) {
    const UncertainInput& input = sheet.uncertain_inputs[i];
    const std::string where = place(sheet.file, "/uncertain_inputs/" + std::to_string(i));
    const std::vector<const Figure*> figures = all_figures(sheet);
    const bool known = std::any_of(figures.begin(), figures.end(), [&](const Figure* figure) {
      return figure->pointer == input.pointer;
    });
    if (!known) {
      throw input_error("no figure stands at '" + excerpt(input.pointer) + "'", where + "/figure",
                        "name a figure by its JSON pointer, e.g. \"/energy/pue/figure\"");
    }
    for (const std::string_view determinant : kDeterminants) {
      const bool whole_part = determinant.ends_with('/');
      if (whole_part ? input.pointer.starts_with(determinant)
                     : input.pointer.ends_with(determinant)) {
        throw input_error("'" + input.pointer + "' is a filed determinant of the test year",
                          where + "/figure",
                          "it is varied in sensitivities, not given an uncertainty");
      }
    }
    if (!seen.insert(input.pointer).second) {
      throw input_error("'" + input.pointer + "' stands twice", where + "/figure",
                        "give each figure one uncertainty");
    }
    if (input.standard_uncertainty <= 0) {
      throw input_error("the standard uncertainty is not above zero",
                        where + "/standard_uncertainty",
                        "leave the input out if it is known exactly");
    }
    squares += input.correlation_with_k * input.correlation_with_k;
    if (squares > 1) {
      throw input_error("the squared correlations with K sum to more than 1",
                        where + "/correlation_with_k",
                        "no joint distribution has them: check sign and size");
    }
  }
}

void check_names(const CostSheet& sheet) {
  // Names label the waterfall, so they are unique over all lines.
  std::set<std::string> seen;
  const auto once = [&](const std::string& name, const std::string& where) {
    if (name.empty()) throw input_error("the name is empty", where, "name the line");
    if (!seen.insert(name).second) {
      throw input_error("the name '" + name + "' stands twice", where,
                        "give each line a name of its own");
    }
  };
  for (const AssetClass& asset_class : sheet.asset_classes) {
    once(asset_class.name, asset_class.where + "/name");
  }
  for (const NamedFigure& line : sheet.operation_and_maintenance) {
    once(line.name, line.where + "/name");
  }
  for (const NamedFigure& line : sheet.other_revenue) once(line.name, line.where + "/name");
  seen.clear();
  for (const Sku& sku : sheet.skus) once(sku.name, sku.where + "/name");
  seen.clear();
  for (const NamedFigure& part : sheet.energy.price_parts) once(part.name, part.where + "/name");
}

}  // namespace

void check_bounds(const CostSheet& sheet) {
  check_test_year(sheet);
  for (const Figure* figure : all_figures(sheet)) check_figure(*figure);
  check_devices(sheet);
  check_used_and_useful(sheet);
  check_energy(sheet);
  for (const AssetClass& asset_class : sheet.asset_classes) check_asset_class(asset_class);
  for (const NamedFigure& line : sheet.operation_and_maintenance) {
    within(line.figure, amount("a cost"));
  }
  for (const NamedFigure& line : sheet.other_revenue) {
    within(line.figure, amount("a revenue"));
  }
  within_if(sheet.margin.share_of_operating_cost,
            share("a margin", "write 5 % of operating cost as \"0.05\""));
  check_names(sheet);
  check_fleet(sheet);
  check_income_tax(sheet);
  check_exchange_rates(sheet);
  check_path(sheet);
  check_sensitivities(sheet);
  if (sheet.declared_throughput) {
    within(sheet.declared_throughput->k,
           {"a CU rate", 0, Rational(1000000), "state K of one device in CU/h", true});
  }
  check_uncertain_inputs(sheet);
}

}  // namespace assay::pricing
