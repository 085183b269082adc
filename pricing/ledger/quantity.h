#pragma once
/// The integers of the ledger: money in fen (1e-2 CNY), compute in micro-CU, rates in micro-CNY per
/// CU, instants in seconds since 1970-01-01T00:00:00Z. 64 bits each, products in 128; floating
/// point never touches a ledger.
#include <cstdint>
#include <limits>
#include <string>

namespace assay::pricing::ledger {

/// No single amount of an operation is larger: 1e13 CNY, 1e9 CU. Sums then stay far from 2^63.
inline constexpr std::int64_t kLargestAmount = 1'000'000'000'000'000;

/// |amount|, of any number at all: one that was not yet held against the bounds. The least one,
/// whose magnitude does not exist, gives the largest.
[[nodiscard]] constexpr std::int64_t magnitude(std::int64_t amount) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  return amount >= 0 ? amount : -(amount < -kMost ? -kMost : amount);
}

/// quantity x rate in fen, rounded half-even. Errors: input_error where it does not fit.
[[nodiscard]] std::int64_t value_fen(std::int64_t quantity_ucu, std::int64_t rate_ucny_per_cu);

/// amount x part / whole, rounded half-even; none is negative, whole is not zero. Errors:
/// input_error where it does not fit.
[[nodiscard]] std::int64_t share_of(std::int64_t amount, std::int64_t part, std::int64_t whole);

/// What a device certified at that rate gives in that many seconds, rounded down.
[[nodiscard]] std::int64_t capacity_ucu(std::int64_t ucu_per_hour, std::int64_t seconds);

/// Errors: input_error where the result does not fit.
[[nodiscard]] std::int64_t checked_sum(std::int64_t a, std::int64_t b);

/// "2026-01-31T13:45:00Z" and back. Errors: input_error naming `where` for another form.
[[nodiscard]] std::int64_t parse_instant_s(const std::string& text, const std::string& where);
[[nodiscard]] std::string instant_text(std::int64_t instant_s);

/// The local day, counted from 1970-01-01, where local time is that far ahead of UTC.
[[nodiscard]] std::int64_t local_day(std::int64_t instant_s, int utc_offset_minutes);

/// The first instant of a calendar year where local time is that far ahead of UTC.
[[nodiscard]] std::int64_t year_start_s(int year, int utc_offset_minutes);

}  // namespace assay::pricing::ledger
