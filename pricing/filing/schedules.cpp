/// The schedules of a filing, line by line.
#include <fmt/format.h>

#include <algorithm>

#include "pricing/evaluate.h"
#include "pricing/filing/filing.h"
#include "pricing/money.h"

namespace assay::pricing {

namespace {

constexpr int kShareDecimals = 12;

std::string cny(const Rational& amount) {
  return cny_text(to_fen(amount, "filing"));
}

std::string source_of(const Figure& figure) {
  if (figure.source) return *figure.source;
  return figure.note.empty() ? "assumption" : "assumption: " + figure.note;
}

/// Adds rows numbered in order: "C1", "C2", ...
class Schedule {
 public:
  Schedule(const std::string& letter, const std::string& title, std::vector<std::string> columns,
           const std::string& note = {}) {
    schedule_.letter = letter;
    schedule_.title = title;
    schedule_.note = note;
    schedule_.amount_columns = std::move(columns);
  }

  std::string add(const std::string& description, std::vector<std::string> amounts,
                  const std::string& sum_of = {}, const Figure* figure = nullptr) {
    FilingRow row;
    row.line = schedule_.letter + std::to_string(schedule_.rows.size() + 1);
    row.description = description;
    row.amounts = std::move(amounts);
    row.sum_of = sum_of;
    if (figure != nullptr) {
      row.figure = figure->pointer;
      row.source = source_of(*figure);
    }
    schedule_.rows.push_back(row);
    return row.line;
  }

  void set_share(const std::string& share) { schedule_.rows.back().share = share; }
  [[nodiscard]] FilingSchedule take() { return std::move(schedule_); }

 private:
  FilingSchedule schedule_;
};

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : " ") + line;
  return text;
}

/// Where each line of the cost of service is detailed: by the line's name, "C3.charge_cny".
struct Details {
  std::vector<std::pair<std::string, std::string>> of;
  void set(const std::string& name, const std::string& reference) {
    of.emplace_back(name, reference);
  }
  [[nodiscard]] std::string find(const std::string& name) const {
    const auto found =
        std::find_if(of.begin(), of.end(), [&name](const auto& one) { return one.first == name; });
    return found == of.end() ? std::string() : found->second;
  }
};

FilingSchedule depreciation(const RateCard& card, Details& details) {
  Schedule schedule(
      "C", "depreciation", {"charge_cny", "return_cny", "depreciation_cny", "closing_base_cny"},
      "Each class over its whole life, in fen; the last year takes the remainder. The "
      "year of the test year is marked. A sum is of charge, return and depreciation.");
  for (const AssetClass& each : card.sheet.asset_classes) {
    std::vector<std::string> lines;
    Fen charge;
    Fen return_part;
    Fen depreciated;
    int number = 0;
    for (const CapitalYearFen& year : capital_schedule_fen(capital_terms(each), each.where)) {
      ++number;
      const bool in_test_year = number == each.year;
      lines.push_back(schedule.add(
          each.name + ", year " + std::to_string(number) + (in_test_year ? " (test year)" : ""),
          {cny_text(year.charge), cny_text(year.return_part), cny_text(year.depreciation),
           cny_text(year.closing_base)},
          "", number == 1 ? &each.life : nullptr));
      if (in_test_year) details.set(each.name, lines.back() + ".charge_cny");
      charge = charge + year.charge;
      return_part = return_part + year.return_part;
      depreciated = depreciated + year.depreciation;
    }
    schedule.add(each.name + ", whole life",
                 {cny_text(charge), cny_text(return_part), cny_text(depreciated), ""},
                 joined(lines));
  }
  return schedule.take();
}

FilingSchedule rate_base(const RateCard& card) {
  Schedule schedule(
      "B", "rate base",
      {"price_cny", "grants_cny", "accumulated_depreciation_cny", "opening_base_cny",
       "depreciation_cny", "closing_base_cny"},
      "CNY ex VAT. Opening base = price - grants - accumulated depreciation. Where a class's place "
      "in its life is not filed (an annuity is the same each year), its first year is shown.");
  std::vector<std::string> lines;
  Fen sums[6];
  for (const AssetClass& each : card.sheet.asset_classes) {
    const CapitalTerms terms = capital_terms(each);
    const std::vector<CapitalYearFen> years = capital_schedule_fen(terms, each.where);
    const Fen gross = to_fen(terms.price - terms.grants, each.where);
    const Fen price = to_fen(terms.price, each.where);
    const auto at = static_cast<std::size_t>(each.year) - 1;
    const Fen opening = at == 0 ? gross : years.at(at - 1).closing_base;
    const Fen row[6] = {price,
                        price - gross,
                        gross - opening,
                        opening,
                        years.at(at).depreciation,
                        years.at(at).closing_base};
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < 6; ++i) {
      sums[i] = sums[i] + row[i];
      texts.push_back(cny_text(row[i]));
    }
    lines.push_back(schedule.add(each.name, texts, "", &each.price));
  }
  std::vector<std::string> totals;
  for (const Fen& sum : sums) totals.push_back(cny_text(sum));
  schedule.add("rate base", totals, joined(lines));
  const bool exclusion = card.sheet.used_and_useful.exclusion;
  lines.clear();
  Fen left_out;
  for (const auto& plant : card.sheet.used_and_useful.excluded) {
    const bool priced = plant.price && plant.price->value;
    const Fen price = priced ? to_fen(need_ex_vat(*plant.price), plant.name) : Fen{};
    left_out = left_out + price;
    lines.push_back(
        schedule.add("excluded, not used and useful: " + plant.name + " (" + plant.reason + ")",
                     {priced ? cny_text(price) : "", "", "", "", "", ""}, "",
                     plant.price ? &*plant.price : nullptr));
  }
  schedule.add(exclusion ? "plant excluded, in no line above"
                         : "plant excluded: none (used and useful is applied by a floor of "
                           "utilisation)",
               {cny_text(left_out), "", "", "", "", ""}, joined(lines));
  return schedule.take();
}

FilingSchedule operating_costs(const RateCard& card, Details& details) {
  Schedule schedule("D", "operating costs", {"cny_per_year"},
                    "Operation and maintenance and other revenue, CNY ex VAT in the test year.");
  std::vector<std::string> lines;
  Fen sum;
  for (const NamedFigure& line : card.sheet.operation_and_maintenance) {
    const Fen amount = to_fen(need_ex_vat(line.figure), line.where);
    sum = sum + amount;
    lines.push_back(schedule.add(line.name, {cny_text(amount)}, "", &line.figure));
    details.set(line.name, lines.back() + ".cny_per_year");
  }
  schedule.add("operation and maintenance", {cny_text(sum)}, joined(lines));
  lines.clear();
  sum = {};
  for (const NamedFigure& line : card.sheet.other_revenue) {
    const Fen amount = to_fen(-need_ex_vat(line.figure), line.where);
    sum = sum + amount;
    lines.push_back(schedule.add(line.name + " (revenue)", {cny_text(amount)}, "", &line.figure));
    details.set(line.name, lines.back() + ".cny_per_year");
  }
  schedule.add("other revenue", {cny_text(sum)}, joined(lines));
  return schedule.take();
}

/// The line of that kind, where the cost of service has it.
const CostLine* line_of(const RateCard& card, LineKind kind) {
  const auto& lines = card.cost.fixed_lines;
  const auto found = std::find_if(lines.begin(), lines.end(),
                                  [kind](const CostLine& one) { return one.kind == kind; });
  return found == lines.end() ? nullptr : &*found;
}

FilingSchedule power(const RateCard& card, Details& details) {
  const Energy& energy = card.sheet.energy;
  Schedule schedule("E", "power", {"kwh", "cny_per_kwh", "cny_per_year"},
                    energy.bill ? "Voltage: " + energy.bill->voltage +
                                      ". Standing energy by the parts of its price, ex VAT."
                                : "Standing energy by the parts of its price, ex VAT.");
  const Rational it_kwh = need(energy.idle_power) * need(card.sheet.device_count) *
                          card.sheet.test_year_hours / kWattsPerKilowatt;
  const Rational facility_kwh = it_kwh * need(energy.pue);
  schedule.add("standing IT energy: idle power at all hours", {rounded_text(it_kwh, 3), "", ""}, "",
               &energy.idle_power);
  schedule.add("standing facility energy: times PUE", {rounded_text(facility_kwh, 3), "", ""}, "",
               &energy.pue);
  std::vector<std::pair<std::string, Rational>> parts;
  for_each_tariff_part(card.sheet, ExactReader{},
                       [&parts](const std::string& name, const Rational& standing,
                                const Rational&) { parts.emplace_back(name, standing); });
  std::vector<Rational> shares;
  shares.reserve(parts.size());
  for (const auto& [name, price] : parts) shares.push_back(price / card.cost.tariff_cny_per_kwh);
  const Fen total = to_fen(line_of(card, LineKind::standing_energy)->cny, "standing energy");
  const std::vector<std::int64_t> split = split_fen(total.value, shares);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool filed = i < energy.price_parts.size();
    lines.push_back(
        schedule.add("standing energy, " + parts[i].first,
                     {"", rounded_text(parts[i].second, kRateDecimals), cny_text(Fen{split[i]})},
                     "", filed ? &energy.price_parts[i].figure : &*energy.bill->line_loss_share));
  }
  details.set(
      "standing energy",
      schedule.add("standing energy", {"", "", cny_text(total)}, joined(lines)) + ".cny_per_year");
  if (const CostLine* surcharge = line_of(card, LineKind::pue_surcharge)) {
    details.set(surcharge->name,
                schedule.add("surcharge on PUE above the limit",
                             {rounded_text(it_kwh, 3),
                              rounded_text(card.cost.surcharge_cny_per_it_kwh, kRateDecimals),
                              cny(surcharge->cny)},
                             "", &*energy.bill->pue_limit) +
                    ".cny_per_year");
  }
  if (energy.demand) {
    const Rational year =
        need_ex_vat(energy.demand->charge) * need(energy.demand->billed_power) * kMonthsPerYear;
    details.set("demand charge",
                schedule.add("demand or capacity charge: " + energy.demand->charge.value_text +
                                 " " + energy.demand->charge.unit + " on " +
                                 energy.demand->billed_power.value_text + " " +
                                 energy.demand->billed_power.unit + ", twelve months",
                             {"", "", cny(year)}, "", &energy.demand->charge) +
                    ".cny_per_year");
  }
  const Rational variable_kwh = (card.device.loaded_power_w - need(energy.idle_power)) /
                                kWattsPerKilowatt / card.device.k_cu_per_h *
                                card.cost.delivered_cu * need(energy.pue);
  schedule.add("variable facility energy of the CU delivered (in the rate by the CU)",
               {rounded_text(variable_kwh, 3),
                rounded_text(card.cost.variable_tariff_cny_per_kwh, kRateDecimals),
                cny(card.cost.variable_cny_per_cu * card.cost.delivered_cu)},
               "", &energy.loaded_power);
  return schedule.take();
}

FilingSchedule billing_determinants(const RateCard& card) {
  const CostSheet& sheet = card.sheet;
  Schedule schedule("F", "billing determinants", {"quantity"},
                    "Units of the tariff: what is delivered in the test year, and what it earns.");
  const Rational hours = need(sheet.device_count) * sheet.test_year_hours;
  schedule.add("devices", {sheet.device_count.value_text}, "", &sheet.device_count);
  schedule.add("hours of the test year", {std::to_string(sheet.test_year_hours)});
  schedule.add("device-hours of the test year", {rounded_text(hours, 3)});
  schedule.add("availability", {sheet.availability.value_text}, "", &sheet.availability);
  schedule.add("utilisation filed", {sheet.utilisation.value_text}, "", &sheet.utilisation);
  schedule.add("utilisation that counts", {rounded_text(card.cost.utilisation, kRateDecimals)});
  schedule.add("device-hours sold, by that utilisation",
               {rounded_text(hours * need(sheet.availability) * card.cost.utilisation, 3)});
  schedule.add("K, CU/h of one device", {card.certificate.k_cu_per_h});
  schedule.add("CU delivered, H", {rounded_text(card.cost.delivered_cu, kRateDecimals)});
  schedule.add("fair rate, CNY/CU", {rate_text(card.waterfall.rate_micro)});
  schedule.add("revenue at the fair rate, CNY",
               {cny(card.cost.delivered_cu *
                    Rational(card.waterfall.rate_micro, power_of_ten(kRateDecimals)))});
  return schedule.take();
}

FilingSchedule rate_of_return(const RateCard& card, Details& details) {
  Schedule schedule(
      "G", "rate of return", {"return_per_year", "return_cny", "income_tax_cny"},
      "The return of each class in the test year and, where it is post-tax, the tax on "
      "its equity's part: return · e·r_e/r · tax/(1 - tax).");
  std::vector<std::string> lines;
  Fen returns;
  Fen taxes;
  for (const AssetClass& each : card.sheet.asset_classes) {
    const CapitalTerms terms = capital_terms(each);
    const auto year = static_cast<std::size_t>(each.year) - 1;
    const Rational part = capital_schedule(terms).at(year).return_part;
    const bool taxed = each.return_tax == "post_tax";
    // That of the books, as schedule C has it: charge less depreciation, each in whole fen.
    const Fen return_fen = capital_schedule_fen(terms, each.where).at(year).return_part;
    const Fen tax_fen =
        taxed ? to_fen(income_tax_on(card.sheet, each, part, ExactReader{}), each.where) : Fen{};
    returns = returns + return_fen;
    taxes = taxes + tax_fen;
    lines.push_back(
        schedule.add(each.name + ", " + each.return_basis + (taxed ? ", post-tax" : ", pre-tax"),
                     {each.return_per_year.value_text, cny_text(return_fen), cny_text(tax_fen)}, "",
                     &each.return_per_year));
    if (taxed) details.set("income tax: " + each.name, lines.back() + ".income_tax_cny");
  }
  schedule.add("return and income tax", {"", cny_text(returns), cny_text(taxes)}, joined(lines));
  if (card.sheet.income_tax) {
    const IncomeTax& tax = *card.sheet.income_tax;
    schedule.add("income-tax rate", {tax.rate.value_text, "", ""}, "", &tax.rate);
    schedule.add("share of equity", {tax.equity_share.value_text, "", ""}, "", &tax.equity_share);
    schedule.add("return on equity", {tax.return_on_equity.value_text, "", ""}, "",
                 &tax.return_on_equity);
    schedule.add("cost of debt", {tax.cost_of_debt.value_text, "", ""}, "", &tax.cost_of_debt);
  }
  return schedule.take();
}

FilingSchedule cost_of_service_schedule(const RateCard& card, const Details& details) {
  Schedule schedule(
      "A", "cost of service", {"cny_per_year", "cny_per_cu"},
      "Fixed cost F over the CU delivered, and variable energy. The parts in CNY/CU sum "
      "exactly to the rate.");
  std::vector<std::string> lines;
  std::vector<std::string> operating;
  for (std::size_t i = 0; i < card.cost.fixed_lines.size(); ++i) {
    const CostLine& line = card.cost.fixed_lines[i];
    const std::vector<std::string> amounts = {cny(line.cny),
                                              rate_text(card.waterfall.parts[i].micro_cny_per_cu)};
    if (line.kind == LineKind::margin) {
      lines.push_back(
          schedule.add("margin on operating cost (share of lines " + joined(operating) + ")",
                       amounts, "", &*card.sheet.margin.share_of_operating_cost));
      continue;
    }
    const std::string reference = details.find(line.name);
    lines.push_back(schedule.add(line.name, amounts, reference));
    const auto& own = card.sheet.asset_classes;
    const bool own_class = std::any_of(own.begin(), own.end(), [&](const AssetClass& each) {
      return each.sku && (line.name == each.name || line.name == "income tax: " + each.name);
    });
    const auto is_own = [&line](const std::vector<NamedFigure>& figures) {
      return std::any_of(figures.begin(), figures.end(), [&line](const NamedFigure& one) {
        return one.sku && one.name == line.name;
      });
    };
    const bool whole = own_class || is_own(card.sheet.operation_and_maintenance) ||
                       is_own(card.sheet.other_revenue) || line.kind == LineKind::standing_energy ||
                       line.kind == LineKind::pue_surcharge;
    if (card.sheet.allocation && !whole) {
      const Allocation& part = *card.sheet.allocation;
      schedule.set_share(rounded_text(part.shares.at(part.position), kShareDecimals));
    }
    if (line.kind != LineKind::capital && line.kind != LineKind::income_tax &&
        line.kind != LineKind::other_revenue) {
      operating.push_back(lines.back());
    }
  }
  const std::string fixed = schedule.add(
      "fixed cost F", {cny(card.cost.fixed_cny), rate_text(card.waterfall.fixed_micro)},
      joined(lines));
  const std::string variable =
      schedule.add("variable energy e", {"", rate_text(card.waterfall.variable_micro)});
  schedule.add("fair rate F/H + e, ex VAT", {"", rate_text(card.waterfall.rate_micro)},
               fixed + " " + variable);
  if (card.new_entrant.cny_per_cu.has_value()) {
    schedule.add("beside it: cost of a new entrant at today's prices",
                 {"", *card.new_entrant.cny_per_cu.value});
  }
  return schedule.take();
}

FilingSchedule forecast(const RateCard& card) {
  const bool present = card.path.size() > 1;
  Schedule schedule("H", "test year and forecast year", {"test_year", "forecast_year", "change"},
                    present ? "Forecast year " + std::to_string(card.path[1].year) +
                                  ": CPI - X on operation and maintenance, power passed through."
                            : "The sheet files no path: there is no forecast year.");
  if (!present) return schedule.take();
  const PathYear& now = card.path[0];
  const PathYear& next = card.path[1];
  std::vector<std::string> lines;
  const auto add = [&](const std::string& name, std::int64_t PathYear::*amount) {
    lines.push_back(schedule.add(name, {cny_text({now.*amount}), cny_text({next.*amount}),
                                        cny_text({next.*amount - now.*amount})}));
    return next.*amount;
  };
  std::int64_t next_sum = 0;
  next_sum += add("capital and income tax", &PathYear::capital_fen);
  next_sum += add("operation and maintenance", &PathYear::operation_and_maintenance_fen);
  next_sum += add("power, fixed part", &PathYear::power_fen);
  next_sum += add("margin", &PathYear::margin_fen);
  next_sum += add("other revenue", &PathYear::other_revenue_fen);
  next_sum += add("true-up", &PathYear::true_up_fen);
  const std::int64_t now_sum = to_fen(card.cost.fixed_cny, "fixed cost").value;
  schedule.add("fixed cost F",
               {cny_text({now_sum}), cny_text({next_sum}), cny_text({next_sum - now_sum})},
               joined(lines));
  schedule.add("rate, CNY/CU", {rate_text(now.rate_micro), rate_text(next.rate_micro),
                                rate_text(next.rate_micro - now.rate_micro)});
  return schedule.take();
}

}  // namespace

std::vector<FilingSchedule> filing_schedules(const RateCard& card) {
  Details details;
  FilingSchedule c = depreciation(card, details);
  FilingSchedule d = operating_costs(card, details);
  FilingSchedule e = power(card, details);
  FilingSchedule g = rate_of_return(card, details);
  return {cost_of_service_schedule(card, details),
          rate_base(card),
          std::move(c),
          std::move(d),
          std::move(e),
          billing_determinants(card),
          std::move(g),
          forecast(card)};
}

}  // namespace assay::pricing
