#include "pricing/bounds.h"

#include "base/error.h"

namespace assay::pricing {

void within(const Figure& figure, const Bounds& bounds) {
  if (!figure.value) return;
  const Rational& value = *figure.value;
  const auto refuse = [&](const std::string& why) {
    throw input_error(std::string(bounds.subject) + " of " + figure.value_text + " " + why,
                      figure.where, bounds.mend);
  };
  if (value < bounds.low) refuse("is below " + numerator(bounds.low).str());
  if (bounds.above_low && value == bounds.low) {
    refuse("is not above " + numerator(bounds.low).str());
  }
  if (value > bounds.high) refuse("is above " + rounded_text(bounds.high, 2));
  if (bounds.whole && denominator(value) != 1) refuse("is not a whole number");
}

void within_if(const std::optional<Figure>& figure, const Bounds& bounds) {
  if (figure) within(*figure, bounds);
}

Bounds share(const char* subject, const char* mend) {
  return {subject, 0, 1, mend};
}

Bounds amount(const char* subject) {
  return {subject, 0, Rational(power_of_ten(14)), "state amounts as zero or more"};
}

}  // namespace assay::pricing
