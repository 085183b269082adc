#include "pricing/rational.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/error.h"

namespace assay::pricing {

namespace {

constexpr std::size_t kLongestDecimal = 60;

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Rational parse_decimal(std::string_view text, const std::string& where) {
  const bool negative = text.starts_with('-');
  const std::string_view magnitude = negative ? text.substr(1) : text;
  const std::size_t point = magnitude.find('.');
  const std::string_view whole = magnitude.substr(0, point);
  const std::string_view fraction =
      point == std::string_view::npos ? std::string_view{} : magnitude.substr(point + 1);
  const bool well_formed = text.size() <= kLongestDecimal && all_digits(whole) &&
                           (whole.size() == 1 || whole.front() != '0') &&
                           (point == std::string_view::npos || all_digits(fraction));
  if (!well_formed) {
    throw input_error(
        "'" + std::string(text.substr(0, kLongestDecimal)) + "' is not a decimal number", where,
        "write it like \"1250.00\" or \"0.07\": digits and one point");
  }
  // A leading zero would make the library read the digits as octal.
  std::string digits = std::string(whole) + std::string(fraction);
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  const Rational value(Integer(digits), power_of_ten(static_cast<int>(fraction.size())));
  return negative ? Rational(-value) : value;
}

std::string shortest_decimal(double value, const std::string& where) {
  if (!std::isfinite(value)) throw input_error("not a finite number", where);
  std::array<char, 400> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return {buffer.data(), end.ptr};
}

Integer power_of_ten(int exponent) {
  return boost::multiprecision::pow(Integer(10), static_cast<unsigned>(exponent));
}

Rational power(const Rational& base, int exponent) {
  Rational result = 1;
  for (int i = 0; i < exponent; ++i) result *= base;
  return result;
}

Integer floor_of(const Rational& x) {
  const Integer& denominator_value = denominator(x);
  Integer quotient = numerator(x) / denominator_value;  // truncates towards zero
  if (numerator(x) < 0 && quotient * denominator_value != numerator(x)) quotient -= 1;
  return quotient;
}

Integer round_half_even(const Rational& x) {
  const Integer below = floor_of(x);
  const Rational twice_rest = 2 * (x - Rational(below));
  const bool up = twice_rest > 1 || (twice_rest == 1 && below % 2 != 0);
  return up ? Integer(below + 1) : below;
}

Integer scaled_square_root(const Rational& x, int decimals) {
  if (x < 0) throw input_error("square root of a negative number");
  const Rational scaled = x * Rational(power_of_ten(2 * decimals));
  const Integer below = boost::multiprecision::sqrt(floor_of(scaled));
  const Rational middle = Rational(below) + Rational(1, 2);
  return scaled > middle * middle ? Integer(below + 1) : below;
}

std::string decimal_text(const Integer& scaled, int decimals) {
  const bool negative = scaled < 0;
  std::string digits = Integer(abs(scaled)).str();
  const auto places = static_cast<std::size_t>(decimals);
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  if (decimals > 0) digits.insert(digits.size() - places, ".");
  return negative ? "-" + digits : digits;
}

std::string rounded_text(const Rational& x, int decimals) {
  return decimal_text(round_half_even(x * Rational(power_of_ten(decimals))), decimals);
}

}  // namespace assay::pricing
