#include "results/date_time.h"

#include <chrono>
#include <optional>

namespace assay {
namespace {

/// The number in `count` digits at the front of `text`, which it takes off.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return {};
  int number = 0;
  for (const char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return {};
    number = 10 * number + (c - '0');
  }
  text.remove_prefix(count);
  return number;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

bool take_date(std::string_view& text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return false;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return false;
  const auto day = take_digits(text, 2);
  return day && std::chrono::year_month_day{std::chrono::year{*year},
                                            std::chrono::month{static_cast<unsigned>(*month)},
                                            std::chrono::day{static_cast<unsigned>(*day)}}
                    .ok();
}

/// "13:45" as minutes of the day.
std::optional<int> take_minutes(std::string_view& text) {
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take(text, ':')) return {};
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59) return {};
  return 60 * *hour + *minute;
}

}  // namespace

bool is_date(std::string_view text) {
  return take_date(text) && text.empty();
}

bool is_date_time(std::string_view text) {
  constexpr int kMinutesOfDay = 24 * 60;
  if (!take_date(text) || !take(text, 'T')) return false;
  const auto local = take_minutes(text);
  if (!local || !take(text, ':')) return false;
  const auto second = take_digits(text, 2);
  if (!second || *second > 60) return false;
  if (take(text, '.')) {
    if (!take_digits(text, 1)) return false;
    while (take_digits(text, 1)) {
    }
  }
  int offset = 0;
  if (!take(text, 'Z')) {
    const bool east = take(text, '+');
    if (!east && !take(text, '-')) return false;
    const auto minutes = take_minutes(text);
    if (!minutes) return false;
    offset = east ? *minutes : -*minutes;
  }
  const int utc = (*local - offset + kMinutesOfDay) % kMinutesOfDay;
  return text.empty() && (*second < 60 || utc == kMinutesOfDay - 1);
}

}  // namespace assay
