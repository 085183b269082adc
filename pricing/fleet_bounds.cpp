#include "pricing/fleet_bounds.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "pricing/bounds.h"
#include "results/json_path.h"
#include "results/near_name.h"

namespace assay::pricing {

namespace {

void check_kind(const Figure& count, const Figure& per_node, const Figure& availability,
                const Figure& utilisation) {
  const Rational many(1000000);
  within(count, {"a device count", 1, many, "count whole devices", false, true});
  within(per_node, {"a node's device count", 1, many, "count whole devices", false, true});
  if (count.value && per_node.value && denominator(*count.value / *per_node.value) != 1) {
    throw input_error("the devices do not fill whole nodes", count.where,
                      "make count a multiple of per_node");
  }
  Bounds bounds = share("an availability", "write 97 % as \"0.97\"");
  bounds.above_low = true;
  within(availability, bounds);
  within(utilisation, share("a utilisation"));
}

/// Decimals of a number as filed.
int decimals_of(const std::string& text) {
  const std::size_t point = text.find('.');
  return point == std::string::npos ? 0 : static_cast<int>(text.size() - point - 1);
}

}  // namespace

void check_devices(const CostSheet& sheet) {
  if (sheet.skus.empty()) {
    check_kind(sheet.device_count, sheet.devices_per_node, sheet.availability, sheet.utilisation);
  }
  for (const Sku& sku : sheet.skus) {
    check_kind(sku.count, sku.per_node, sku.availability, sku.utilisation);
  }
}

void check_fleet(const CostSheet& sheet) {
  std::vector<std::string> names;
  for (const Sku& sku : sheet.skus) names.push_back(sku.name);
  const auto judge = [&names](const auto& line) {
    if (!line.sku || std::find(names.begin(), names.end(), *line.sku) != names.end()) return;
    const std::string near = near_name(*line.sku, names);
    throw input_error("no SKU is named '" + excerpt(*line.sku) + "'", line.where + "/sku",
                      near.empty() ? "name one of /skus, or leave it out: shared"
                                   : "did you mean '" + near + "'?");
  };
  for (const AssetClass& line : sheet.asset_classes) judge(line);
  for (const NamedFigure& line : sheet.operation_and_maintenance) judge(line);
  for (const NamedFigure& line : sheet.other_revenue) judge(line);
}

void check_income_tax(const CostSheet& sheet) {
  const bool needed =
      std::any_of(sheet.asset_classes.begin(), sheet.asset_classes.end(),
                  [](const AssetClass& each) { return each.return_tax == "post_tax"; });
  if (needed != sheet.income_tax.has_value()) {
    throw input_error(
        needed ? "a post-tax return without income_tax" : "income_tax without a post-tax return",
        sheet.file, "a return is pre-tax, or its tax is a line of its own");
  }
  if (!sheet.income_tax) return;
  const IncomeTax& tax = *sheet.income_tax;
  within(tax.rate, {"an income-tax rate", 0, Rational(9, 10), "write 25 % as \"0.25\""});
  within(tax.equity_share, share("a share of equity"));
  for (const Figure* part : {&tax.return_on_equity, &tax.cost_of_debt}) {
    within(*part, {"a return", 0, Rational(1, 2), "write 7 % a year as \"0.07\""});
  }
  const Rational made = need(tax.equity_share) * need(tax.return_on_equity) +
                        (1 - need(tax.equity_share)) * need(tax.cost_of_debt);
  for (const AssetClass& each : sheet.asset_classes) {
    if (each.return_tax != "post_tax" || !each.return_per_year.value) continue;
    const std::string& filed = each.return_per_year.value_text;
    if (rounded_text(made, decimals_of(filed)) == filed) continue;
    throw input_error(
        "the return of " + filed + " is not what equity and debt make, " + rounded_text(made, 6),
        each.return_per_year.where,
        "equity_share * return_on_equity + (1 - equity_share) * cost_of_debt");
  }
}

void check_exchange_rates(const CostSheet& sheet) {
  std::set<std::string> seen;
  for (const ExchangeRate& each : sheet.exchange_rates) {
    if (!seen.insert(each.name).second) {
      throw input_error("the exchange rate '" + each.name + "' stands twice", each.rate.where,
                        "give each rate a name of its own");
    }
    if (each.rate.unit != "CNY/" + each.currency || each.currency == "CNY") {
      throw input_error("an exchange rate for " + each.currency + " in " + each.rate.unit,
                        each.rate.where, "state CNY for one unit of the other currency");
    }
    within(each.rate, {"an exchange rate", 0, Rational(power_of_ten(9)),
                       "state CNY for one unit of the currency", true});
  }
}

void check_path(const CostSheet& sheet) {
  if (!sheet.path) return;
  const Bounds yearly{"a yearly change", Rational(-1, 2), Rational(1, 2), "write 2 % as \"0.02\""};
  within(sheet.path->x, yearly);
  within_if(sheet.path->bound, share("a bound on a year's change", "write 5 % as \"0.05\""));
  std::int64_t last = first_year(sheet);
  for (const RatePathTerms::Year& year : sheet.path->years) {
    if (year.year != last + 1) {
      throw input_error(
          "the path goes from " + std::to_string(last) + " to " + std::to_string(year.year),
          place(sheet.file, "/path/years"), "its years follow the test year one by one");
    }
    last = year.year;
    within(year.cpi, yearly);
    within(year.power_price_factor,
           {"a factor of the power price", 0, 20, "state it over the test year's price", true});
  }
  if (!sheet.path->true_up) return;
  within(sheet.path->true_up->power_forecast, amount("a power cost"));
  within(sheet.path->true_up->power_outturn, amount("a power cost"));
  within(sheet.path->true_up->index_forecast, yearly);
  within(sheet.path->true_up->index_outturn, yearly);
}

void check_sensitivities(const CostSheet& sheet) {
  for (const FiledRange& range : sheet.sensitivities) {
    if (find_figure(sheet, range.pointer) == nullptr) {
      throw input_error("no figure stands at '" + excerpt(range.pointer) + "'",
                        range.where + "/figure", "name a figure by its JSON pointer");
    }
    if (range.low >= range.high) {
      throw input_error("the range's low end is not below its high end", range.where,
                        "state low and high in the figure's unit");
    }
  }
}

}  // namespace assay::pricing
