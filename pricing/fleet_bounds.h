#pragma once
/// What a cost sheet may say of its devices and of everything that version 1 grew by. Called by
/// check_bounds (pricing/cost_sheet_bounds.h). Errors: input_error naming the figure and the mend.
#include "pricing/cost_sheet.h"

namespace assay::pricing {

/// Counts that fill nodes, availability and utilisation, of the one kind of device or of each SKU.
void check_devices(const CostSheet& sheet);

/// Lines name SKUs that are there.
void check_fleet(const CostSheet& sheet);

/// A post-tax return is what its parts make, and a tax is filed exactly where it is needed.
void check_income_tax(const CostSheet& sheet);

/// Rates above zero whose units say what their currency says.
void check_exchange_rates(const CostSheet& sheet);

/// Years that follow the test year one by one.
void check_path(const CostSheet& sheet);

/// Ranges that name a figure and have a low and a high end.
void check_sensitivities(const CostSheet& sheet);

}  // namespace assay::pricing
