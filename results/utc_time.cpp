#include "results/utc_time.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "base/error.h"
#include "results/date_time.h"

namespace assay {
namespace {

using Seconds = std::chrono::sys_seconds;

std::string text_of(Seconds instant) {
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(instant - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

int digits(const std::string& text, std::size_t position, std::size_t count) {
  int value = 0;
  std::from_chars(text.data() + position, text.data() + position + count, value);
  return value;
}

Seconds instant_of(const std::string& utc) {
  if (utc.size() != 20 || utc.back() != 'Z' || !is_date_time(utc)) {
    throw input_error(fmt::format("\"{}\" is not an instant", utc), "time",
                      "write it as 2026-01-31T13:45:00Z");
  }
  const std::chrono::year_month_day date(
      std::chrono::year(digits(utc, 0, 4)),
      std::chrono::month(static_cast<unsigned>(digits(utc, 5, 2))),
      std::chrono::day(static_cast<unsigned>(digits(utc, 8, 2))));
  return std::chrono::sys_days(date) + std::chrono::hours(digits(utc, 11, 2)) +
         std::chrono::minutes(digits(utc, 14, 2)) + std::chrono::seconds(digits(utc, 17, 2));
}

}  // namespace

std::string utc_now() {
  return text_of(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
}

std::string utc_plus_days(const std::string& utc, int days) {
  return text_of(instant_of(utc) + std::chrono::days(days));
}

}  // namespace assay
