#include "pricing/ledger/quantity.h"

#include <fmt/format.h>

#include <chrono>
#include <limits>

#include "base/error.h"
#include "pricing/calendar.h"

namespace assay::pricing::ledger {

namespace {

__extension__ using Wide = __int128;

Error too_large() {
  return input_error("a figure of the ledger is too large to be held in 64 bits", {},
                     "check units and decimal points");
}

std::int64_t narrow(Wide value) {
  if (value > std::numeric_limits<std::int64_t>::max() ||
      value < std::numeric_limits<std::int64_t>::min()) {
    throw too_large();
  }
  return static_cast<std::int64_t>(value);
}

/// ISO 80000-1:2009, annex B, rule A; both arguments positive or zero.
Wide divide_half_even(Wide numerator, Wide denominator) {
  const Wide quotient = numerator / denominator;
  const Wide twice_rest = 2 * (numerator % denominator);
  const bool up = twice_rest > denominator || (twice_rest == denominator && quotient % 2 != 0);
  return up ? quotient + 1 : quotient;
}

}  // namespace

std::int64_t value_fen(std::int64_t quantity_ucu, std::int64_t rate_ucny_per_cu) {
  constexpr Wide kPerFen = 10'000'000'000;  // 1e-6 CU x 1e-6 CNY/CU = 1e-12 CNY; a fen is 1e-2
  return narrow(divide_half_even(Wide{quantity_ucu} * rate_ucny_per_cu, kPerFen));
}

std::int64_t share_of(std::int64_t amount, std::int64_t part, std::int64_t whole) {
  return narrow(divide_half_even(Wide{amount} * part, whole));
}

std::int64_t capacity_ucu(std::int64_t ucu_per_hour, std::int64_t seconds) {
  return narrow(Wide{ucu_per_hour} * seconds / 3600);
}

std::int64_t checked_sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) throw too_large();
  return sum;
}

std::int64_t parse_instant_s(const std::string& text, const std::string& where) {
  checked_instant(text, where);
  const auto two = [&](std::size_t at) { return std::stoi(text.substr(at, 2)); };
  const auto day = parse_date(text.substr(0, 10), where).time_since_epoch();
  return std::chrono::seconds(day).count() + two(11) * 3600 + two(14) * 60 + two(17);
}

std::string instant_text(std::int64_t instant_s) {
  const std::chrono::sys_seconds instant{std::chrono::seconds(instant_s)};
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(instant - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count());
}

std::int64_t local_day(std::int64_t instant_s, int utc_offset_minutes) {
  const std::int64_t local = instant_s + utc_offset_minutes * 60;
  return local >= 0 ? local / 86'400 : -((-local + 86'399) / 86'400);
}

std::int64_t year_start_s(int year, int utc_offset_minutes) {
  const std::chrono::sys_days first{std::chrono::year(year) / std::chrono::January / 1};
  return std::chrono::seconds(first.time_since_epoch()).count() - utc_offset_minutes * 60;
}

}  // namespace assay::pricing::ledger
