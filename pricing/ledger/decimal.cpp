#include "pricing/ledger/decimal.h"

#include <fmt/format.h>

#include <limits>

#include "base/error.h"
#include "results/json_path.h"

namespace assay::pricing::ledger {

std::int64_t parse_fixed(std::string_view text, int decimals, const std::string& where) {
  const auto fail = [&](const char* what) {
    return input_error(fmt::format("'{}' {}", excerpt(text), what), where,
                       fmt::format("write a number with at most {} decimals", decimals));
  };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative) rest.remove_prefix(1);
  const std::size_t point = rest.find('.');
  const std::string_view whole = rest.substr(0, point);
  const std::string_view part = point == std::string_view::npos ? "" : rest.substr(point + 1);
  if (whole.empty() || (whole.size() > 1 && whole[0] == '0') ||
      (point != std::string_view::npos && part.empty())) {
    throw fail("is not a decimal number");
  }
  if (part.size() > static_cast<std::size_t>(decimals)) throw fail("has too many decimals");
  std::int64_t value = 0;
  const auto add = [&](char digit) {
    if (digit < '0' || digit > '9') throw fail("is not a decimal number");
    if (__builtin_mul_overflow(value, 10, &value) ||
        __builtin_add_overflow(value, digit - '0', &value)) {
      throw fail("is too large");
    }
  };
  for (const char digit : whole) add(digit);
  for (const char digit : part) add(digit);
  for (auto i = part.size(); i < static_cast<std::size_t>(decimals); ++i) add('0');
  return negative ? -value : value;
}

std::string fixed_text(std::int64_t value, int decimals) {
  std::uint64_t size = static_cast<std::uint64_t>(value);
  if (value < 0) size = ~size + 1;
  std::uint64_t unit = 1;
  for (int i = 0; i < decimals; ++i) unit *= 10;
  return fmt::format("{}{}.{:0{}}", value < 0 ? "-" : "", size / unit, size % unit, decimals);
}

}  // namespace assay::pricing::ledger
