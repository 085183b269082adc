#pragma once
/// The two-part cost of service of a test year, like a utility's: fair rate = F/H + e, CNY per CU,
/// ex VAT. A pure function of a cost sheet and what a certificate measured.
///
///   F = Σ A                       capital of each asset class (pricing/capital.h)
///     + income tax                of classes whose return is post-tax: equity return · τ/(1 - τ)
///     + operation and maintenance
///     + standing energy           idle power · devices · all hours · PUE · tariff
///     + surcharge on PUE          idle power · devices · all hours · s (pricing/power_bill.h)
///     + demand or capacity charge CNY/(kW month) · kW · 12
///     + margin                    share of the four lines above, where it is not in the return
///     - other revenue
///   H = hours · availability · max(utilisation, floor) · K · devices, in CU
///   e = (P_load - P_idle) · (PUE · tariff + s) / K, in CNY/CU
///
/// The formulas stand in pricing/evaluate.h. In the sheet of one SKU of a mixed fleet a line that
/// all share is rounded whole and then split to the fen by largest remainders, so that the SKUs'
/// parts sum to the site's line.
///
/// Each line of F is computed in exact rationals and rounded half-even to fen once; the rate is
/// rounded half-even to six decimals once. K_cert is in none of it: a device-hour is credited with
/// K_cert CU, so it earns rate · K_cert and the seller carries the doubt of the measurement.
#include <cstdint>
#include <string>
#include <vector>

#include "pricing/cost_sheet.h"
#include "pricing/rational.h"

namespace assay::pricing {

/// Decimals of a rate in CNY per CU.
inline constexpr int kRateDecimals = 6;
/// 42620939 as "42.620939".
[[nodiscard]] std::string rate_text(std::int64_t micro_cny_per_cu);

enum class LineKind {
  capital,
  income_tax,
  operation_and_maintenance,
  standing_energy,
  pue_surcharge,
  demand_charge,
  margin,
  other_revenue,
  variable_energy,
};

/// "capital", "operation_and_maintenance", ... as documents write them.
[[nodiscard]] std::string kind_name(LineKind kind);

/// One line of the fixed cost, CNY in the test year; other revenue is negative.
struct CostLine {
  LineKind kind = LineKind::capital;
  std::string name;
  Rational cny;
};

/// What a certificate says of one device.
struct DeviceFigures {
  Rational k_cu_per_h;
  Rational loaded_power_w;
};

enum class Rounding {
  to_fen,  ///< each line of F, as a rate card states it
  none,    ///< smooth, for sensitivities
};

struct CostOfService {
  std::vector<CostLine> fixed_lines;
  Rational fixed_cny;           ///< F
  Rational tariff_cny_per_kwh;  ///< sum of the price parts, ex VAT, for energy at all hours
  Rational variable_tariff_cny_per_kwh;  ///< the same for variable energy
  Rational surcharge_cny_per_it_kwh;     ///< on the PUE above a limit
  Rational utilisation;                  ///< the one that counts, after the floor
  Rational delivered_cu;                 ///< H
  Rational variable_cny_per_cu;          ///< e
  Rational rate_cny_per_cu;              ///< F/H + e, not rounded
};

/// Errors: input_error naming the figure that is missing or out of its bounds.
[[nodiscard]] CostOfService cost_of_service(const CostSheet& sheet, const DeviceFigures& device,
                                            Rounding rounding);

/// Whole fen in proportion to `shares` by largest remainder, ties to the earlier; they sum to it.
[[nodiscard]] std::vector<std::int64_t> split_fen(std::int64_t fen,
                                                  const std::vector<Rational>& shares);

/// One part of a rate.
struct WaterfallPart {
  LineKind kind = LineKind::capital;
  std::string name;
  std::int64_t micro_cny_per_cu = 0;
};

/// The rate and the parts it is made of, in millionths of a CNY per CU. The rate is rounded once;
/// the parts are rounded down and the units that are left over go to the largest remainders (ties
/// to the earlier line), so that they sum exactly to the rate.
struct Waterfall {
  std::int64_t rate_micro = 0;
  std::int64_t fixed_micro = 0;      ///< sum of the fixed parts
  std::int64_t variable_micro = 0;   ///< the variable part
  std::vector<WaterfallPart> parts;  ///< the fixed lines, then variable energy
};

[[nodiscard]] Waterfall waterfall(const CostOfService& cost);

}  // namespace assay::pricing
