#pragma once
/// What must hold before an amount is due: eligibility, supplier, contract, evidence, other money.
#include <optional>
#include <string>
#include <vector>

#include "pricing/programme/claim.h"
#include "pricing/programme/evaluate.h"
#include "pricing/programme/programme.h"

namespace assay::pricing::programme {

struct Conditions {
  std::vector<Finding> refusals;  ///< known rules that do not hold
  std::vector<Finding> stops;     ///< what must be known to say that all hold
};

/// Errors: input_error for a statement of the claim that the programme does not know.
[[nodiscard]] Conditions conditions_of(const Programme& programme, const Claim& claim);

/// All true: true; one false: false; else unknown, with the first unknown statement's name.
struct Truth {
  std::optional<bool> value;
  std::string unknown;
};
[[nodiscard]] Truth all_true(const Statements& statements, const Claim& claim);

constexpr int kMonthsOfYear = 12;

/// The calendar year of a day.
[[nodiscard]] int year_of(Day day);

/// The same day of a month later, or the month's last day.
[[nodiscard]] Day months_later(Day day, int months);

/// "/statements/x is not stated: <what it says>".
[[nodiscard]] Finding unstated(const Programme& programme, const std::string& statement);

}  // namespace assay::pricing::programme
