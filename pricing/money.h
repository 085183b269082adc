#pragma once
/// Money: whole fen (1 CNY = 100 fen) in 64 bits, every sum checked for overflow, decimal text at
/// the edges. The bound is about 92 trillion CNY either way.
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "pricing/rational.h"

namespace assay::pricing {

struct Fen {
  std::int64_t value = 0;
  friend auto operator<=>(const Fen&, const Fen&) = default;
};

/// Errors: input_error where the sum does not fit.
[[nodiscard]] Fen operator+(Fen a, Fen b);
[[nodiscard]] Fen operator-(Fen a, Fen b);

/// An amount of CNY rounded half-even to fen, once. Errors: input_error naming `where` when it does
/// not fit.
[[nodiscard]] Fen to_fen(const Rational& cny, const std::string& where);

/// Reads "2100000.00", "7" or "7.5"; at most two decimals. Errors: input_error naming `where`.
[[nodiscard]] Fen parse_cny(std::string_view text, const std::string& where);

[[nodiscard]] Rational to_cny(Fen amount);

/// "2100000.00".
[[nodiscard]] std::string cny_text(Fen amount);

/// "2,100,000.00", for people.
[[nodiscard]] std::string grouped_cny_text(Fen amount);

/// An exact integer as 64 bits. Errors: input_error naming `where` when it does not fit.
[[nodiscard]] std::int64_t to_int64(const Integer& value, const std::string& where);

}  // namespace assay::pricing
