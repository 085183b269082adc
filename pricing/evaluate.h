#pragma once
/// The formulas of pricing/cost_of_service.h, once, for exact rationals and for doubles.
#include <algorithm>
#include <string>

#include "pricing/capital.h"
#include "pricing/cost_of_service.h"
#include "pricing/cost_sheet.h"
#include "pricing/power_bill.h"
#include "pricing/reader.h"

namespace assay::pricing {

inline constexpr int kMonthsPerYear = 12;
inline constexpr int kWattsPerKilowatt = 1000;

/// What belongs to whom, of a line of a mixed fleet's sheet.
enum class Owner { own, shared };

template <class Number>
struct RateParts {
  PowerTariff<Number> tariff;
  Number fixed_cny = 0;
  Number utilisation = 0;
  Number delivered_cu = 0;
  Number variable_cny_per_cu = 0;
  [[nodiscard]] Number rate() const { return fixed_cny / delivered_cu + variable_cny_per_cu; }
};

/// Income tax on the equity's part of a class's return, CNY: return · e·r_e/r · τ/(1 - τ).
template <class Reader>
typename Reader::Number income_tax_on(const CostSheet& sheet, const AssetClass& asset_class,
                                      const typename Reader::Number& return_part,
                                      const Reader& read) {
  using Number = typename Reader::Number;
  const Number& r = read.value(asset_class.return_per_year);
  if (r == 0) return 0;
  const IncomeTax& tax = *sheet.income_tax;
  const Number equity = read.value(tax.equity_share) * read.value(tax.return_on_equity);
  const Number& rate = read.value(tax.rate);
  return return_part * equity / r * rate / (1 - rate);
}

/// Evaluates a sheet of one kind of device. `count(kind, name, cny, where, owner)` is called for
/// each line of F in turn and gives what of it counts: rounded, or its share, or as it is.
template <class Reader, class Count>
RateParts<typename Reader::Number> evaluate(const CostSheet& sheet,
                                            const typename Reader::Number& k_cu_per_h,
                                            const typename Reader::Number& loaded_w,
                                            const Reader& read, Count&& count) {
  using Number = typename Reader::Number;
  static const std::string kStanding = "standing energy";
  static const std::string kSurcharge = "surcharge on PUE";
  static const std::string kDemand = "demand charge";
  static const std::string kMargin = "margin on operating cost";
  static const std::string kTax = "income tax: ";
  const Energy& energy = sheet.energy;
  const auto owner = [](const auto& line) { return line.sku ? Owner::own : Owner::shared; };
  RateParts<Number> parts;
  parts.tariff = tariff_of(sheet, read);
  const Number& pue = read.value(energy.pue);
  const Number& devices = read.value(sheet.device_count);
  const Number& idle_w = read.value(energy.idle_power);
  const Number hours = Number(sheet.test_year_hours);

  Number operating = 0;
  for (const AssetClass& each : sheet.asset_classes) {
    CapitalYearOf<Number> year;
    // An annuity is the same each year; only its tax needs the year's base.
    for_each_capital_year(terms_by(each, read), each.year,
                          [&year](const CapitalYearOf<Number>& one) { year = one; });
    parts.fixed_cny +=
        count(LineKind::capital, each.name, year.charge, each.price.where, owner(each));
    if (each.return_tax == "post_tax") {
      parts.fixed_cny += count(LineKind::income_tax, kTax + each.name,
                               income_tax_on(sheet, each, year.return_part, read),
                               each.return_per_year.where, owner(each));
    }
  }
  for (const NamedFigure& line : sheet.operation_and_maintenance) {
    operating += count(LineKind::operation_and_maintenance, line.name, read.ex_vat(line.figure),
                       line.figure.where, owner(line));
  }
  const Number standing_kwh = idle_w * devices * hours / kWattsPerKilowatt;
  operating += count(LineKind::standing_energy, kStanding,
                     Number(standing_kwh * pue * parts.tariff.standing), energy.idle_power.where,
                     Owner::own);
  if (energy.bill && energy.bill->pue_limit) {
    operating += count(LineKind::pue_surcharge, kSurcharge,
                       Number(standing_kwh * parts.tariff.surcharge_per_it_kwh),
                       energy.bill->pue_limit->where, Owner::own);
  }
  if (energy.demand) {
    operating += count(LineKind::demand_charge, kDemand,
                       Number(read.ex_vat(energy.demand->charge) *
                              read.value(energy.demand->billed_power) * kMonthsPerYear),
                       energy.demand->charge.where, Owner::shared);
  }
  parts.fixed_cny += operating;
  if (sheet.margin.share_of_operating_cost) {
    const Figure& share = *sheet.margin.share_of_operating_cost;
    parts.fixed_cny += count(LineKind::margin, kMargin, Number(read.value(share) * operating),
                             share.where, Owner::own);
  }
  for (const NamedFigure& line : sheet.other_revenue) {
    parts.fixed_cny += count(LineKind::other_revenue, line.name, Number(-read.ex_vat(line.figure)),
                             line.figure.where, owner(line));
  }

  parts.utilisation = read.value(sheet.utilisation);
  if (!sheet.used_and_useful.exclusion) {
    parts.utilisation =
        std::max(parts.utilisation, Number(read.value(*sheet.used_and_useful.floor)));
  }
  parts.delivered_cu =
      hours * read.value(sheet.availability) * parts.utilisation * k_cu_per_h * devices;
  parts.variable_cny_per_cu = (loaded_w - idle_w) / kWattsPerKilowatt *
                              (pue * parts.tariff.variable + parts.tariff.surcharge_per_it_kwh) /
                              k_cu_per_h;
  return parts;
}

}  // namespace assay::pricing
