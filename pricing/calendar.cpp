#include "pricing/calendar.h"

#include <string_view>

#include "base/error.h"

namespace assay::pricing {

namespace {

/// True where `text` matches `form`, in which 'd' stands for a digit.
bool has_form(std::string_view text, std::string_view form) {
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == 'd' ? !digit : text[i] != form[i]) return false;
  }
  return true;
}

}  // namespace

std::chrono::sys_days parse_date(const std::string& text, const std::string& where) {
  if (has_form(text, "dddd-dd-dd")) {
    const std::chrono::year_month_day date{
        std::chrono::year(std::stoi(text.substr(0, 4))),
        std::chrono::month(static_cast<unsigned>(std::stoi(text.substr(5, 2)))),
        std::chrono::day(static_cast<unsigned>(std::stoi(text.substr(8, 2))))};
    if (date.ok()) return date;
    throw input_error("the date " + text + " does not exist", where, "check the calendar");
  }
  throw input_error("'" + text + "' is not a date", where, "write it as YYYY-MM-DD");
}

std::string checked_instant(const std::string& text, const std::string& where) {
  if (!has_form(text, "dddd-dd-ddTdd:dd:ddZ") || text.substr(11, 2) > "23" ||
      text.substr(14, 2) > "59" || text.substr(17, 2) > "59") {
    throw input_error("'" + text + "' is not an instant in UTC", where,
                      "write it as YYYY-MM-DDTHH:MM:SSZ");
  }
  (void)parse_date(text.substr(0, 10), where);
  return text;
}

}  // namespace assay::pricing
