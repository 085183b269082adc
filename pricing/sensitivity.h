#pragma once
/// What a rate would be if its inputs were others: the tornado of sensitivities, and the cost of
/// a new entrant who buys today. Exact, of the rate before any rounding.
#include <string>
#include <vector>

#include "pricing/cost_of_service.h"
#include "pricing/cost_sheet.h"
#include "results/stated.h"

namespace assay::pricing {

/// One bar of the tornado.
struct Sensitivity {
  std::string input;  ///< "K", or the JSON pointer of a figure
  std::string unit;
  std::string low;  ///< the input's two values, as decimals
  std::string high;
  bool filed = false;  ///< the range is the sheet's; else a tenth either way, within bounds
  std::int64_t at_low_micro = 0;
  std::int64_t at_high_micro = 0;
  [[nodiscard]] std::int64_t swing_micro() const;
};

/// One bar for K and for each figure that moves the rate, the longest first. A life moves by one
/// year; a share stays within 0 and 1, a PUE above 1; a utilisation under the floor moves nothing.
[[nodiscard]] std::vector<Sensitivity> tornado(const CostSheet& sheet, const DeviceFigures& device);

/// The rate of the same site if it were bought today: each class at its price of today, without
/// grants, in the first year of its life; everything else as filed.
struct NewEntrant {
  Stated<std::string> cny_per_cu;  ///< six decimals, or which class has no price of today
  std::int64_t rate_micro = 0;
  std::vector<CostLine> capital;  ///< what each class would cost a year
};

[[nodiscard]] NewEntrant new_entrant(const CostSheet& sheet, const DeviceFigures& device);

}  // namespace assay::pricing
