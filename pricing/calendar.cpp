#include "pricing/calendar.h"

#include <string_view>

#include "base/error.h"
#include "results/date_time.h"

namespace assay::pricing {

std::chrono::sys_days parse_date(const std::string& text, const std::string& where) {
  if (!is_date(text)) {
    throw input_error("'" + text + "' is not a date of the calendar", where,
                      "write a day that exists as YYYY-MM-DD");
  }
  return std::chrono::year_month_day{
      std::chrono::year(std::stoi(text.substr(0, 4))),
      std::chrono::month(static_cast<unsigned>(std::stoi(text.substr(5, 2)))),
      std::chrono::day(static_cast<unsigned>(std::stoi(text.substr(8, 2))))};
}

std::string checked_instant(const std::string& text, const std::string& where) {
  constexpr std::size_t kLength = std::string_view("YYYY-MM-DDTHH:MM:SSZ").size();
  if (text.size() != kLength || !text.ends_with('Z') || !is_date_time(text)) {
    throw input_error("'" + text + "' is not an instant in UTC", where,
                      "write it as YYYY-MM-DDTHH:MM:SSZ");
  }
  return text;
}

}  // namespace assay::pricing
