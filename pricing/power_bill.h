#pragma once
/// The price of electricity in its parts, as a Chinese two-part user's bill has them.
///
///   p̄ = Σ parts, each times the mean factor of the hours where time of use applies to it,
///       + l/(1 - l) · Σ parts that the loss is on       l: share of the energy lost on the way
///   s = Σ tiers of price · (PUE between the tier's ends)  CNY per kWh of IT energy
///
/// Standing energy is drawn at all hours, so its factor is the mean over the year's hours; variable
/// energy has the same unless the sheet files which share of it falls into each band.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "pricing/cost_sheet.h"

namespace assay::pricing {

/// Hours of a test year in a band. `start` and `end` are days, both in the year. Errors:
/// input_error for days that do not exist.
[[nodiscard]] std::int64_t hours_of_band(const TariffBand& band, const std::string& start,
                                         const std::string& end, const std::string& where);

/// Errors: input_error where hours stand in no band or in two, parts are named that are not there,
/// shares do not sum to 1, tiers do not rise from 0.
void check_power_bill(const CostSheet& sheet);

/// The price of one part for energy drawn at all hours and for variable energy, CNY/kWh ex VAT.
template <class Number>
struct TariffPart {
  std::string name;
  Number standing = 0;
  Number variable = 0;
};

template <class Number>
struct PowerTariff {
  Number standing = 0;              ///< CNY/kWh, all parts
  Number variable = 0;              ///< CNY/kWh, all parts
  Number surcharge_per_it_kwh = 0;  ///< CNY for each kWh of IT energy
};

/// Whether `name` stands among `names`.
[[nodiscard]] bool names_part(const std::vector<std::string>& names, const std::string& name);

/// Mean factors of time of use: over all hours, and over variable energy.
template <class Reader>
std::array<typename Reader::Number, 2> mean_factors(const CostSheet& sheet, const Reader& read) {
  using Number = typename Reader::Number;
  if (!sheet.energy.bill || sheet.energy.bill->bands.empty()) return {Number(1), Number(1)};
  Number by_hours = 0;
  Number by_use = 0;
  for (const TariffBand& band : sheet.energy.bill->bands) {
    const Number share_of_hours = Number(band.hours_of_year) / Number(sheet.test_year_hours);
    by_hours += share_of_hours * read.value(band.factor);
    by_use += (band.use_share ? Number(read.value(*band.use_share)) : share_of_hours) *
              read.value(band.factor);
  }
  return {by_hours, by_use};
}

/// Calls visit(name, standing, variable) for each part of the tariff, the line loss last.
template <class Reader, class Visit>
void for_each_tariff_part(const CostSheet& sheet, const Reader& read, Visit visit) {
  using Number = typename Reader::Number;
  const auto factors = mean_factors(sheet, read);
  static const std::vector<std::string> kNone;
  const bool has_bill = sheet.energy.bill.has_value();
  const std::vector<std::string>& timed = has_bill ? sheet.energy.bill->time_of_use_parts : kNone;
  const std::vector<std::string>& lossy = has_bill ? sheet.energy.bill->line_loss_parts : kNone;
  Number lost = 0;
  for (const NamedFigure& part : sheet.energy.price_parts) {
    const Number price = read.ex_vat(part.figure);
    if (names_part(lossy, part.name)) lost += price;
    if (names_part(timed, part.name)) {
      visit(part.name, Number(price * factors[0]), Number(price * factors[1]));
    } else {
      visit(part.name, price, price);
    }
  }
  if (!has_bill || !sheet.energy.bill->line_loss_share) return;
  const Number& l = read.value(*sheet.energy.bill->line_loss_share);
  const Number loss = lost * l / (Number(1) - l);
  static const std::string kLoss = kLineLoss;
  if (names_part(timed, kLoss)) {
    visit(kLoss, Number(loss * factors[0]), Number(loss * factors[1]));
  } else {
    visit(kLoss, loss, loss);
  }
}

template <class Reader>
PowerTariff<typename Reader::Number> tariff_of(const CostSheet& sheet, const Reader& read) {
  using Number = typename Reader::Number;
  PowerTariff<Number> tariff;
  for_each_tariff_part(
      sheet, read, [&tariff](const std::string&, const Number& standing, const Number& variable) {
        tariff.standing += standing;
        tariff.variable += variable;
      });
  if (!sheet.energy.bill || !sheet.energy.bill->pue_limit) return tariff;
  const Number& pue = read.value(sheet.energy.pue);
  const Number& limit = read.value(*sheet.energy.bill->pue_limit);
  const auto& tiers = sheet.energy.bill->tiers;
  for (std::size_t i = 0; i < tiers.size(); ++i) {
    const Number low = limit * (Number(1) + read.value(tiers[i].above));
    Number high = pue;
    if (i + 1 < tiers.size()) {
      const Number next = limit * (Number(1) + read.value(tiers[i + 1].above));
      if (next < high) high = next;
    }
    if (high > low) tariff.surcharge_per_it_kwh += (high - low) * read.ex_vat(tiers[i].price);
  }
  return tariff;
}

}  // namespace assay::pricing
