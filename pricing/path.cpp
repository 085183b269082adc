#include "pricing/path.h"

#include <algorithm>

#include "pricing/evaluate.h"
#include "pricing/money.h"

namespace assay::pricing {

namespace {

Rational sum_of(const CostOfService& cost, std::initializer_list<LineKind> kinds) {
  Rational sum = 0;
  for (const CostLine& line : cost.fixed_lines) {
    if (std::find(kinds.begin(), kinds.end(), line.kind) != kinds.end()) sum += line.cny;
  }
  return sum;
}

/// The share of a class's cost that this sheet bears.
Rational share_of(const CostSheet& sheet, const AssetClass& each) {
  if (each.sku || !sheet.allocation) return 1;
  return sheet.allocation->shares.at(sheet.allocation->position);
}

/// Charges and income tax of all classes `later` years after the test year, at an index of prices.
Rational capital_of(const CostSheet& sheet, int later, const Rational& index,
                    std::vector<std::string>& notes) {
  Rational total = 0;
  for (const AssetClass& each : sheet.asset_classes) {
    const int year = each.year_of_life ? each.year + later : 1;
    const int age = each.year + later;
    if (age > each.life_years) {
      notes.push_back("'" + each.name + "' is past its life: what replaces it is to be filed");
      continue;
    }
    const CapitalYear at =
        capital_schedule(capital_terms(each)).at(static_cast<std::size_t>(year - 1));
    Rational cost = at.charge;
    if (each.return_tax == "post_tax") {
      cost += income_tax_on(sheet, each, at.return_part, ExactReader{});
    }
    total += share_of(sheet, each) * cost * (each.return_basis == "real" ? index : Rational(1));
  }
  return total;
}

void bound_by(PathYear& year, std::int64_t before_micro, const std::optional<Figure>& bound) {
  year.rate_micro = year.unbounded_micro;
  year.bound = "none";
  if (!bound) return;
  const Rational& z = need(*bound);
  const std::int64_t highest = to_int64(floor_of(before_micro * (1 + z)), "rate");
  const std::int64_t lowest = -to_int64(floor_of(-(before_micro * (1 - z))), "rate");
  if (year.unbounded_micro > highest) {
    year.rate_micro = highest;
    year.bound = "upper";
  } else if (year.unbounded_micro < lowest) {
    year.rate_micro = lowest;
    year.bound = "lower";
  }
}

std::int64_t fen(const Rational& cny) {
  return to_fen(cny, "path").value;
}

}  // namespace

std::vector<PathYear> rate_path(const CostSheet& sheet, const CostOfService& test_year) {
  std::vector<PathYear> years;
  if (!sheet.path) return years;
  const RatePathTerms& terms = *sheet.path;
  const Rational micro(power_of_ten(kRateDecimals));
  Rational upkeep = sum_of(test_year, {LineKind::operation_and_maintenance});
  const Rational power = sum_of(
      test_year, {LineKind::standing_energy, LineKind::pue_surcharge, LineKind::demand_charge});
  const Rational revenue = sum_of(test_year, {LineKind::other_revenue});

  PathYear first;
  first.year = first_year(sheet);
  first.capital_fen = fen(sum_of(test_year, {LineKind::capital, LineKind::income_tax}));
  first.operation_and_maintenance_fen = fen(upkeep);
  first.power_fen = fen(power);
  first.margin_fen = fen(sum_of(test_year, {LineKind::margin}));
  first.other_revenue_fen = fen(revenue);
  first.variable_micro =
      to_int64(round_half_even(test_year.variable_cny_per_cu * micro), "variable part");
  first.unbounded_micro = first.rate_micro = waterfall(test_year).rate_micro;
  first.bound = "none";
  years.push_back(first);

  Rational index = 1;
  for (std::size_t i = 0; i < terms.years.size(); ++i) {
    const RatePathTerms::Year& filed = terms.years[i];
    const Rational& factor = need(filed.power_price_factor);
    index *= 1 + need(filed.cpi);
    PathYear year;
    year.year = filed.year;
    const Rational upkeep_before = upkeep;
    upkeep *= 1 + need(filed.cpi) - need(terms.x);
    year.capital_fen = fen(capital_of(sheet, static_cast<int>(i) + 1, index, year.notes));
    year.operation_and_maintenance_fen = fen(upkeep);
    year.power_fen = fen(power * factor);
    if (sheet.margin.share_of_operating_cost) {
      year.margin_fen =
          fen(need(*sheet.margin.share_of_operating_cost) *
              (to_cny(Fen{year.operation_and_maintenance_fen}) + to_cny(Fen{year.power_fen})));
    }
    year.other_revenue_fen = fen(revenue);
    if (i == 0 && terms.true_up) {
      year.true_up_fen = fen(need_ex_vat(terms.true_up->power_outturn) -
                             need_ex_vat(terms.true_up->power_forecast) +
                             upkeep_before * (need(terms.true_up->index_outturn) -
                                              need(terms.true_up->index_forecast)));
    }
    const std::int64_t fixed_fen = year.capital_fen + year.operation_and_maintenance_fen +
                                   year.power_fen + year.margin_fen + year.other_revenue_fen +
                                   year.true_up_fen;
    const Rational variable = test_year.variable_cny_per_cu * factor;
    year.variable_micro = to_int64(round_half_even(variable * micro), "variable part");
    year.unbounded_micro = to_int64(
        round_half_even((to_cny(Fen{fixed_fen}) / test_year.delivered_cu + variable) * micro),
        "rate");
    bound_by(year, years.back().rate_micro, terms.bound);
    years.push_back(year);
  }
  return years;
}

}  // namespace assay::pricing
