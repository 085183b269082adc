#include "pricing/cost_of_service.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "pricing/capital.h"
#include "pricing/money.h"

namespace assay::pricing {

namespace {

constexpr int kMonthsPerYear = 12;
constexpr int kWattsPerKilowatt = 1000;

/// The lines of F as they come, each rounded once where asked.
class Lines {
 public:
  explicit Lines(Rounding rounding) : rounding_(rounding) {}

  void add(LineKind kind, const std::string& name, const Rational& cny, const std::string& where) {
    lines_.push_back(
        {kind, name, rounding_ == Rounding::to_fen ? to_cny(to_fen(cny, where)) : cny});
  }

  [[nodiscard]] Rational sum(std::initializer_list<LineKind> kinds) const {
    Rational total = 0;
    for (const CostLine& line : lines_) {
      if (std::find(kinds.begin(), kinds.end(), line.kind) != kinds.end()) total += line.cny;
    }
    return total;
  }

  [[nodiscard]] Rational sum() const {
    return std::accumulate(
        lines_.begin(), lines_.end(), Rational(0),
        [](const Rational& total, const CostLine& line) { return Rational(total + line.cny); });
  }

  [[nodiscard]] std::vector<CostLine> take() { return std::move(lines_); }

 private:
  Rounding rounding_;
  std::vector<CostLine> lines_;
};

Rational tariff_of(const CostSheet& sheet) {
  Rational tariff = 0;
  for (const NamedFigure& part : sheet.energy.price_parts) tariff += need_ex_vat(part.figure);
  return tariff;
}

Rational utilisation_that_counts(const CostSheet& sheet) {
  const Rational& utilisation = need(sheet.utilisation);
  if (sheet.used_and_useful.exclusion) return utilisation;
  return std::max(utilisation, need(*sheet.used_and_useful.floor));
}

Rational charge_of_test_year(const AssetClass& asset_class) {
  const std::vector<CapitalYear> years = capital_schedule(capital_terms(asset_class));
  if (!asset_class.year_of_life) return years.front().charge;
  const auto year = static_cast<std::size_t>(numerator(need(*asset_class.year_of_life)));
  return years.at(year - 1).charge;
}

}  // namespace

std::string kind_name(LineKind kind) {
  switch (kind) {
    case LineKind::capital:
      return "capital";
    case LineKind::operation_and_maintenance:
      return "operation_and_maintenance";
    case LineKind::standing_energy:
      return "standing_energy";
    case LineKind::demand_charge:
      return "demand_charge";
    case LineKind::margin:
      return "margin";
    case LineKind::other_revenue:
      return "other_revenue";
    case LineKind::variable_energy:
      return "variable_energy";
  }
  throw input_error("unknown kind of cost line");
}

CostOfService cost_of_service(const CostSheet& sheet, const DeviceFigures& device,
                              Rounding rounding) {
  if (device.k_cu_per_h <= 0) {
    throw input_error("the CU rate K is not above zero", sheet.file,
                      "a rate needs a device that delivers work");
  }
  const Energy& energy = sheet.energy;
  const Rational& idle_w = need(energy.idle_power);
  if (device.loaded_power_w < idle_w) {
    throw input_error("loaded power " + rounded_text(device.loaded_power_w, 3) +
                          " W is below idle power " + rounded_text(idle_w, 3) + " W",
                      energy.idle_power.where, "state both for the same boundary, per device");
  }
  CostOfService cost;
  cost.tariff_cny_per_kwh = tariff_of(sheet);
  const Rational cny_per_watt_hour = need(energy.pue) * cost.tariff_cny_per_kwh / kWattsPerKilowatt;
  const Rational& devices = need(sheet.device_count);

  Lines lines(rounding);
  for (const AssetClass& asset_class : sheet.asset_classes) {
    lines.add(LineKind::capital, asset_class.name, charge_of_test_year(asset_class),
              asset_class.price.where);
  }
  for (const NamedFigure& line : sheet.operation_and_maintenance) {
    lines.add(LineKind::operation_and_maintenance, line.name, need_ex_vat(line.figure),
              line.figure.where);
  }
  lines.add(LineKind::standing_energy, "standing energy",
            idle_w * devices * sheet.test_year_hours * cny_per_watt_hour, energy.idle_power.where);
  if (energy.demand) {
    lines.add(
        LineKind::demand_charge, "demand charge",
        need_ex_vat(energy.demand->charge) * need(energy.demand->billed_power) * kMonthsPerYear,
        energy.demand->charge.where);
  }
  if (sheet.margin.share_of_operating_cost) {
    const Figure& share = *sheet.margin.share_of_operating_cost;
    const Rational operating = lines.sum(
        {LineKind::operation_and_maintenance, LineKind::standing_energy, LineKind::demand_charge});
    lines.add(LineKind::margin, "margin on operating cost", need(share) * operating, share.where);
  }
  for (const NamedFigure& line : sheet.other_revenue) {
    lines.add(LineKind::other_revenue, line.name, -need_ex_vat(line.figure), line.figure.where);
  }
  cost.fixed_cny = lines.sum();
  cost.fixed_lines = lines.take();
  if (cost.fixed_cny < 0) {
    throw input_error("other revenue exceeds the whole fixed cost", sheet.file + ": /other_revenue",
                      "a site that earns more elsewhere than it costs has no cost to recover");
  }

  cost.utilisation = utilisation_that_counts(sheet);
  cost.delivered_cu = sheet.test_year_hours * need(sheet.availability) * cost.utilisation *
                      device.k_cu_per_h * devices;
  if (cost.delivered_cu <= 0) {
    throw input_error("no CU are delivered in the test year", sheet.utilisation.where,
                      "availability and the utilisation that counts must be above zero");
  }
  cost.variable_cny_per_cu =
      (device.loaded_power_w - idle_w) * cny_per_watt_hour / device.k_cu_per_h;
  cost.rate_cny_per_cu = cost.fixed_cny / cost.delivered_cu + cost.variable_cny_per_cu;
  return cost;
}

Waterfall waterfall(const CostOfService& cost) {
  const Rational scale(power_of_ten(kRateDecimals));
  Waterfall result;
  result.rate_micro = to_int64(round_half_even(cost.rate_cny_per_cu * scale), "rate");

  std::vector<Rational> remainders;
  std::int64_t left = result.rate_micro;
  const auto add = [&](LineKind kind, const std::string& name, const Rational& cny_per_cu) {
    const Rational micro = cny_per_cu * scale;
    const Integer whole = floor_of(micro);
    result.parts.push_back({kind, name, to_int64(whole, name)});
    remainders.push_back(micro - Rational(whole));
    left -= result.parts.back().micro_cny_per_cu;
  };
  for (const CostLine& line : cost.fixed_lines) {
    add(line.kind, line.name, line.cny / cost.delivered_cu);
  }
  add(LineKind::variable_energy, "variable energy", cost.variable_cny_per_cu);

  std::vector<std::size_t> order(result.parts.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
  for (std::size_t i = 0; i < static_cast<std::size_t>(left); ++i) {
    result.parts[order.at(i)].micro_cny_per_cu += 1;
  }
  result.variable_micro = result.parts.back().micro_cny_per_cu;
  result.fixed_micro = result.rate_micro - result.variable_micro;
  return result;
}

}  // namespace assay::pricing
