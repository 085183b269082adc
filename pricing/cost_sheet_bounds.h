#pragma once
/// What a cost sheet may say beyond its form: numbers within their bounds, names once, dates that
/// exist, uncertain inputs that name a figure.
#include "pricing/cost_sheet.h"

namespace assay::pricing {

/// Errors: input_error naming the figure, the bound and the mend.
void check_bounds(const CostSheet& sheet);

}  // namespace assay::pricing
