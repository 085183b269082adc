#include "pricing/cost_of_service.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "pricing/capital.h"
#include "pricing/evaluate.h"
#include "pricing/money.h"

namespace assay::pricing {

namespace {

/// What of a line counts: rounded once where asked, and its share where all SKUs bear it.
Rational counted(const CostSheet& sheet, const Rational& cny, const std::string& where, Owner owner,
                 Rounding rounding) {
  const bool whole = owner == Owner::own || !sheet.allocation;
  if (rounding == Rounding::none) {
    return whole ? cny : Rational(cny * sheet.allocation->shares[sheet.allocation->position]);
  }
  const Fen fen = to_fen(cny, where);
  if (whole) return to_cny(fen);
  return to_cny(Fen{split_fen(fen.value, sheet.allocation->shares)[sheet.allocation->position]});
}

/// Whole units in proportion to exact parts: each rounded down, the units that are left over to the
/// largest remainders, ties to the earlier.
std::vector<std::int64_t> largest_remainders(const std::vector<Rational>& exact,
                                             std::int64_t total) {
  std::vector<std::int64_t> units;
  std::vector<Rational> remainders;
  std::int64_t left = total;
  for (const Rational& part : exact) {
    const Integer whole = floor_of(part);
    units.push_back(to_int64(whole, "part"));
    remainders.push_back(part - Rational(whole));
    left -= units.back();
  }
  std::vector<std::size_t> order(exact.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
  for (std::size_t i = 0; i < static_cast<std::size_t>(left); ++i) units[order.at(i)] += 1;
  return units;
}

}  // namespace

std::string kind_name(LineKind kind) {
  switch (kind) {
    case LineKind::capital:
      return "capital";
    case LineKind::income_tax:
      return "income_tax";
    case LineKind::operation_and_maintenance:
      return "operation_and_maintenance";
    case LineKind::standing_energy:
      return "standing_energy";
    case LineKind::pue_surcharge:
      return "pue_surcharge";
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
  const Rational& idle_w = need(sheet.energy.idle_power);
  if (device.loaded_power_w < idle_w) {
    throw input_error("loaded power " + rounded_text(device.loaded_power_w, 3) +
                          " W is below idle power " + rounded_text(idle_w, 3) + " W",
                      sheet.energy.idle_power.where,
                      "state both for the same boundary, per device");
  }
  for (const AssetClass& each : sheet.asset_classes) (void)capital_terms(each);  // refuses
  CostOfService cost;
  const RateParts<Rational> parts =
      evaluate(sheet, device.k_cu_per_h, device.loaded_power_w, ExactReader{},
               [&](LineKind kind, const std::string& name, const Rational& cny,
                   const std::string& where, Owner owner) {
                 Rational counts = counted(sheet, cny, where, owner, rounding);
                 cost.fixed_lines.push_back({kind, name, counts});
                 return counts;
               });
  cost.tariff_cny_per_kwh = parts.tariff.standing;
  cost.variable_tariff_cny_per_kwh = parts.tariff.variable;
  cost.surcharge_cny_per_it_kwh = parts.tariff.surcharge_per_it_kwh;
  cost.fixed_cny = parts.fixed_cny;
  if (cost.fixed_cny < 0) {
    throw input_error("other revenue exceeds the whole fixed cost", sheet.file + ": /other_revenue",
                      "a site that earns more elsewhere than it costs has no cost to recover");
  }

  cost.utilisation = parts.utilisation;
  cost.delivered_cu = parts.delivered_cu;
  if (cost.delivered_cu <= 0) {
    throw input_error("no CU are delivered in the test year", sheet.utilisation.where,
                      "availability and the utilisation that counts must be above zero");
  }
  cost.variable_cny_per_cu = parts.variable_cny_per_cu;
  cost.rate_cny_per_cu = parts.rate();
  return cost;
}

std::vector<std::int64_t> split_fen(std::int64_t fen, const std::vector<Rational>& shares) {
  std::vector<Rational> exact;
  exact.reserve(shares.size());
  for (const Rational& share : shares) exact.push_back(share * fen);
  return largest_remainders(exact, fen);
}

Waterfall waterfall(const CostOfService& cost) {
  const Rational scale(power_of_ten(kRateDecimals));
  Waterfall result;
  result.rate_micro = to_int64(round_half_even(cost.rate_cny_per_cu * scale), "rate");

  std::vector<Rational> exact;
  for (const CostLine& line : cost.fixed_lines) {
    exact.push_back(line.cny / cost.delivered_cu * scale);
    result.parts.push_back({line.kind, line.name, 0});
  }
  exact.push_back(cost.variable_cny_per_cu * scale);
  result.parts.push_back({LineKind::variable_energy, "variable energy", 0});
  const std::vector<std::int64_t> units = largest_remainders(exact, result.rate_micro);
  for (std::size_t i = 0; i < units.size(); ++i) result.parts[i].micro_cny_per_cu = units[i];
  result.variable_micro = result.parts.back().micro_cny_per_cu;
  result.fixed_micro = result.rate_micro - result.variable_micro;
  return result;
}

std::string rate_text(std::int64_t micro_cny_per_cu) {
  return decimal_text(micro_cny_per_cu, kRateDecimals);
}

}  // namespace assay::pricing
