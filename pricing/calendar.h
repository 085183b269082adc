#pragma once
/// Dates of documents: "YYYY-MM-DD" in the proleptic Gregorian calendar, instants as
/// "YYYY-MM-DDTHH:MM:SSZ" (RFC 3339 in UTC, seconds), which sort as text.
#include <chrono>
#include <string>

namespace assay::pricing {

/// Errors: input_error naming `where` for another form or a date that does not exist.
[[nodiscard]] std::chrono::sys_days parse_date(const std::string& text, const std::string& where);

/// Checks the form and returns the text. Errors: as parse_date.
std::string checked_instant(const std::string& text, const std::string& where);

}  // namespace assay::pricing
