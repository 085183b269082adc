#pragma once
/// Dates and times as documents carry them: RFC 3339, section 5.6.
#include <string_view>

namespace assay {

/// "2026-01-31": a day of the Gregorian calendar.
[[nodiscard]] bool is_date(std::string_view text);

/// "2026-01-31T13:45:00Z", with an optional fraction of a second, Z or an offset "+08:00". A
/// 60th second is allowed only where UTC can have one, at 23:59:60.
[[nodiscard]] bool is_date_time(std::string_view text);

}  // namespace assay
