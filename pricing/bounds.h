#pragma once
/// A filed figure held against its bounds.
#include <string>

#include "pricing/cost_sheet.h"

namespace assay::pricing {

struct Bounds {
  const char* subject;
  Rational low;
  Rational high;
  const char* mend;
  bool above_low = false;  ///< the low end itself is refused
  bool whole = false;
};

/// A figure that is null passes: it is refused by name where the rate needs it. Errors: input_error
/// naming the figure, the bound and the mend.
void within(const Figure& figure, const Bounds& bounds);
void within_if(const std::optional<Figure>& figure, const Bounds& bounds);

/// A share of something, 0 to 1.
[[nodiscard]] Bounds share(const char* subject, const char* mend = "write 60 % as \"0.60\"");

/// An amount of money, zero or more.
[[nodiscard]] Bounds amount(const char* subject);

}  // namespace assay::pricing
