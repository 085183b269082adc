#pragma once
/// Exact numbers for pricing: rationals of unbounded integers, read from and written as decimal
/// text. Floating point never enters a price; a measured double enters as the decimal text of its
/// shortest round-trip form, which is what a document shows.
#include <boost/multiprecision/cpp_int.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace assay::pricing {

/// cpp_int and cpp_rational without expression templates: each operation gives a number, so `auto`,
/// std::max and conditional expressions mean what they say.
using Integer = boost::multiprecision::number<boost::multiprecision::cpp_int_backend<>,
                                              boost::multiprecision::et_off>;
using Rational = boost::multiprecision::number<boost::multiprecision::cpp_rational_backend,
                                               boost::multiprecision::et_off>;

/// Reads "-12.50" exactly. Grammar: an optional minus, digits without leading zeros, optionally a
/// point and digits; at most 60 characters. No exponent, plus sign, space, grouping, NaN or
/// infinity. `where` names the figure in errors (input_error).
[[nodiscard]] Rational parse_decimal(std::string_view text, const std::string& where);

/// The same; nothing where the text is not of that grammar.
[[nodiscard]] std::optional<Rational> decimal_of(std::string_view text);

/// The shortest decimal text, without exponent, that reads back as this double. Errors:
/// input_error for NaN and infinities.
[[nodiscard]] std::string shortest_decimal(double value, const std::string& where);

/// 10^exponent, exponent >= 0.
[[nodiscard]] Integer power_of_ten(int exponent);

/// base^exponent, exponent >= 0.
[[nodiscard]] Rational power(const Rational& base, int exponent);

/// The largest integer not above x.
[[nodiscard]] Integer floor_of(const Rational& x);

/// The nearest integer, a tie going to the even one (ISO 80000-1:2009, annex B, rule A).
[[nodiscard]] Integer round_half_even(const Rational& x);

/// The non-negative square root of x >= 0, times 10^decimals, to the nearest integer.
[[nodiscard]] Integer scaled_square_root(const Rational& x, int decimals);

/// scaled / 10^decimals as text: (4262, 2) -> "42.62", (-5, 2) -> "-0.05".
[[nodiscard]] std::string decimal_text(const Integer& scaled, int decimals);

/// x rounded half-even to that many decimals, as text.
[[nodiscard]] std::string rounded_text(const Rational& x, int decimals);

/// a · b rounded the same way, without the reduction to lowest terms that a product costs.
[[nodiscard]] std::string rounded_product_text(const Rational& a, const Rational& b, int decimals);

/// a < b by cross multiplication. The library's own comparison expands both into continued
/// fractions, which costs ten times as much.
[[nodiscard]] bool less(const Rational& a, const Rational& b);

}  // namespace assay::pricing
