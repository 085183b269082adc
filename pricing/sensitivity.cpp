#include "pricing/sensitivity.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "pricing/money.h"

namespace assay::pricing {

namespace {

/// A filed decimal has at most 60 characters, and a tenth of it one more.
constexpr int kMostDecimals = 61;

std::int64_t micro_of(const CostSheet& sheet, const DeviceFigures& device) {
  const Rational rate = cost_of_service(sheet, device, Rounding::none).rate_cny_per_cu;
  return to_int64(round_half_even(rate * Rational(power_of_ten(kRateDecimals))), "rate");
}

struct Range {
  Rational low;
  Rational high;
  bool filed = false;
};

/// The range of a figure: filed, or a tenth either way as far as its bounds allow; none for what
/// is no quantity of the rate's (a path, an item of a list, a place in a life).
std::optional<Range> range_of(const CostSheet& sheet, const Figure& figure) {
  for (const FiledRange& filed : sheet.sensitivities) {
    if (filed.pointer == figure.pointer) return Range{filed.low, filed.high, true};
  }
  const std::string& at = figure.pointer;
  const auto part_of = [&at](const char* part) { return at.find(part) != std::string::npos; };
  const bool no_quantity = !figure.value || *figure.value == 0 || figure.unit == "device" ||
                           part_of("/items/") || part_of("/path/") || part_of("/excluded/") ||
                           part_of("/price_today") || part_of("/year_of_life") ||
                           part_of("/declared_throughput/") || part_of("/income_tax/equity") ||
                           part_of("/income_tax/return") || part_of("/income_tax/cost");
  if (no_quantity) return std::nullopt;
  const Rational& value = *figure.value;
  if (at.ends_with("/life")) {
    return Range{std::max(Rational(1), Rational(value - 1)), value + 1};
  }
  Range range{value * Rational(9, 10), value * Rational(11, 10)};
  if (range.low > range.high) std::swap(range.low, range.high);
  if (at.ends_with("/pue/figure") || at.ends_with("/pue_surcharge/limit")) {
    range.low = std::max(range.low, Rational(1));
  } else if (figure.unit == "1" && !part_of("/time_of_use/")) {
    range.high = std::min(range.high, Rational(1));
  }
  return range;
}

/// The number as it is: what is printed is what the rate was computed at. All ends are decimals, a
/// tenth of a decimal among them.
std::string shown(const Rational& value) {
  int decimals = 0;
  while (decimals < kMostDecimals && denominator(value * Rational(power_of_ten(decimals))) != 1) {
    ++decimals;
  }
  return rounded_text(value, decimals);
}

/// A class whose year of life lies beyond a shorter life has no such rate.
bool fits(const CostSheet& sheet) {
  return std::all_of(sheet.asset_classes.begin(), sheet.asset_classes.end(),
                     [](const AssetClass& each) { return each.year <= each.life_years; });
}

std::optional<std::int64_t> rate_at(const CostSheet& sheet, const DeviceFigures& device,
                                    const Figure& figure, const Rational& value) {
  CostSheet moved = sheet;
  DeviceFigures moved_device = device;
  // Loaded power may have been measured: then the measured value moves by as much.
  if (figure.pointer == sheet.energy.loaded_power.pointer) {
    moved_device.loaded_power_w = value;
  } else {
    set_figure(moved, figure.pointer, value);
  }
  if (!fits(moved)) return std::nullopt;
  try {
    return micro_of(moved, moved_device);
  } catch (const Error&) {
    return std::nullopt;  // beyond what can be priced: grants over the price, idle over loaded
  }
}

}  // namespace

std::int64_t Sensitivity::swing_micro() const {
  return std::abs(at_high_micro - at_low_micro);
}

std::vector<Sensitivity> tornado(const CostSheet& sheet, const DeviceFigures& device) {
  std::vector<Sensitivity> bars;
  const auto add = [&bars](Sensitivity bar) {
    if (bar.swing_micro() != 0) bars.push_back(std::move(bar));
  };
  const Rational low_k = device.k_cu_per_h * Rational(9, 10);
  const Rational high_k = device.k_cu_per_h * Rational(11, 10);
  add({"K", "CU/h", shown(low_k), shown(high_k), false,
       micro_of(sheet, {low_k, device.loaded_power_w}),
       micro_of(sheet, {high_k, device.loaded_power_w})});
  for (const Figure* figure : all_figures(sheet)) {
    std::optional<Range> range = range_of(sheet, *figure);
    if (!range) continue;
    if (figure->pointer == sheet.energy.loaded_power.pointer && !range->filed) {
      range->low = device.loaded_power_w * Rational(9, 10);
      range->high = device.loaded_power_w * Rational(11, 10);
    }
    const auto low = rate_at(sheet, device, *figure, range->low);
    const auto high = rate_at(sheet, device, *figure, range->high);
    if (!low || !high) continue;
    add({figure->pointer, figure->unit, shown(range->low), shown(range->high), range->filed, *low,
         *high});
  }
  std::stable_sort(bars.begin(), bars.end(), [](const Sensitivity& a, const Sensitivity& b) {
    return a.swing_micro() > b.swing_micro();
  });
  return bars;
}

NewEntrant new_entrant(const CostSheet& sheet, const DeviceFigures& device) {
  NewEntrant result;
  CostSheet today = sheet;
  for (AssetClass& each : today.asset_classes) {
    if (!each.price_today || !each.price_today->value) {
      result.cny_per_cu =
          Stated<std::string>::missing("no price of today is filed for '" + each.name + "'");
      return result;
    }
    // A residual filed as an amount keeps its share of the price.
    if (each.residual.unit != "1") {
      const Rational filed_price = need_ex_vat(each.price);
      const Rational residual_share =
          filed_price == 0 ? Rational(0) : Rational(need_ex_vat(each.residual) / filed_price);
      each.residual.value = residual_share;
      each.residual.unit = "1";
      each.residual.vat.reset();
      each.residual.exchange_index = -1;
    }
    each.price = *each.price_today;
    each.grants.value = 0;
    if (each.year_of_life) each.year_of_life->value = 1;
    each.year = 1;
  }
  const CostOfService cost = cost_of_service(today, device, Rounding::to_fen);
  for (const CostLine& line : cost.fixed_lines) {
    if (line.kind == LineKind::capital) result.capital.push_back(line);
  }
  result.rate_micro = waterfall(cost).rate_micro;
  result.cny_per_cu = Stated<std::string>::known(decimal_text(result.rate_micro, kRateDecimals));
  return result;
}

}  // namespace assay::pricing
