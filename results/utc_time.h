#pragma once
/// Instants as certificates carry them: RFC 3339 in UTC with whole seconds, "2026-01-31T13:45:00Z".
/// In this form the order of texts is the order of instants.
#include <string>

namespace assay {

[[nodiscard]] std::string utc_now();

/// The instant a number of days of 86,400 s later. Errors: input_error where it is not of the form
/// above.
[[nodiscard]] std::string utc_plus_days(const std::string& utc, int days);

}  // namespace assay
