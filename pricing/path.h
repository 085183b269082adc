#pragma once
/// The rate over the years after the test year, as a multi-year order sets it.
///
///   capital         each class's charge of its year; a class past its life costs nothing, and the
///                   year says so. Only where the return is real does it rise with the CPI: a
///                   nominal return has inflation in it.
///   O&M             last year's · (1 + CPI - X)
///   power           the test year's quantities at that year's price: passed through, energy and
///                   demand and variable part alike
///   margin          its share of the above; other revenue as filed
///   true-up         in the first year: power as it came out less power as it was forecast, and O&M
///                   · (index as it came out - index forecast). Never volume: H is the test year's.
///   bound           a year's rate is at most 1 ± Z of the year's before; what a bound holds back
///   is
///                   shown, not carried over
///
/// Sources: CPI - X is the price control that the Body of Knowledge on Infrastructure Regulation
/// calls RPI - X; pass-through and true-up are those of multi-year tariff orders.
#include <cstdint>
#include <string>
#include <vector>

#include "pricing/cost_of_service.h"
#include "pricing/cost_sheet.h"

namespace assay::pricing {

struct PathYear {
  std::int64_t year = 0;
  std::int64_t capital_fen = 0;  ///< with income tax
  std::int64_t operation_and_maintenance_fen = 0;
  std::int64_t power_fen = 0;  ///< fixed part: standing energy, surcharge, demand
  std::int64_t margin_fen = 0;
  std::int64_t other_revenue_fen = 0;  ///< negative
  std::int64_t true_up_fen = 0;
  std::int64_t variable_micro = 0;  ///< CNY/CU
  std::int64_t unbounded_micro = 0;
  std::int64_t rate_micro = 0;
  std::string bound;               ///< "none", "upper" or "lower"
  std::vector<std::string> notes;  ///< classes past their life
};

/// The test year, then the years filed; empty where the sheet has no path.
[[nodiscard]] std::vector<PathYear> rate_path(const CostSheet& sheet,
                                              const CostOfService& test_year);

}  // namespace assay::pricing
