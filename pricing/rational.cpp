#include "pricing/rational.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

#include "base/error.h"

namespace assay::pricing {

namespace {

constexpr std::size_t kLongestDecimal = 60;
constexpr std::size_t kDigitsOfInt64 = 18;

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

__extension__ using Wide = unsigned __int128;

/// The magnitude where it has at most 128 bits, as most figures of a price do: processor arithmetic
/// is several times as fast as that of unbounded integers.
std::optional<Wide> wide_magnitude(const Integer& x) {
  const auto& backend = x.backend();
  constexpr unsigned kLimbBits = 8 * sizeof(*backend.limbs());
  if (backend.size() * kLimbBits > 128) return std::nullopt;
  Wide value = 0;
  for (unsigned i = backend.size(); i-- > 0;) value = (value << kLimbBits) | backend.limbs()[i];
  return value;
}

/// n / d · factor to the nearest integer, a tie to the even one; nothing where a step needs more
/// than 128 bits or the result more than 63.
std::optional<std::int64_t> narrow_quotient(Wide n, Wide d, std::uint64_t factor) {
  constexpr auto kMost = static_cast<Wide>(std::numeric_limits<std::int64_t>::max());
  const Wide whole = n / d;
  if (d > ~Wide{0} / factor || whole >= kMost / factor) return std::nullopt;
  const Wide scaled = (n % d) * factor;
  Wide quotient = whole * factor + scaled / d;
  const Wide rest = scaled % d;
  const Wide missing = d - rest;
  if (rest > missing || (rest == missing && quotient % 2 == 1)) ++quotient;
  return static_cast<std::int64_t>(quotient);
}

/// a · b as high and low 128 bits.
std::pair<Wide, Wide> wide_product(Wide a, Wide b) {
  constexpr int kHalf = 64;
  constexpr Wide kLow = (Wide{1} << kHalf) - 1;
  const Wide low = (a & kLow) * (b & kLow);
  const Wide cross = (a >> kHalf) * (b & kLow) + (low >> kHalf);
  const Wide other = (a & kLow) * (b >> kHalf) + (cross & kLow);
  return {(a >> kHalf) * (b >> kHalf) + (cross >> kHalf) + (other >> kHalf),
          (other << kHalf) | (low & kLow)};
}

/// dividend / divisor to the nearest integer, a tie to the even one; divisor > 0.
Integer divided_half_even(const Integer& dividend, const Integer& divisor) {
  Integer quotient;
  Integer rest;
  boost::multiprecision::divide_qr(dividend, divisor, quotient, rest);  // towards zero
  const bool negative = dividend < 0;
  const Integer twice = 2 * abs(rest);
  if (twice > divisor || (twice == divisor && bit_test(abs(quotient), 0))) {
    quotient += negative ? -1 : 1;
  }
  return quotient;
}

}  // namespace

std::optional<Rational> decimal_of(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view magnitude = negative ? text.substr(1) : text;
  const std::size_t point = magnitude.find('.');
  const std::string_view whole = magnitude.substr(0, point);
  const std::string_view fraction =
      point == std::string_view::npos ? std::string_view{} : magnitude.substr(point + 1);
  const bool well_formed = text.size() <= kLongestDecimal && all_digits(whole) &&
                           (whole.size() == 1 || whole.front() != '0') &&
                           (point == std::string_view::npos || all_digits(fraction));
  if (!well_formed) return std::nullopt;
  // A leading zero would make the library read the digits as octal.
  std::string digits = std::string(whole) + std::string(fraction);
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  Integer scaled;
  if (digits.size() <= kDigitsOfInt64) {
    std::int64_t small = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), small);
    scaled = small;
  } else {
    scaled = Integer(digits);
  }
  if (negative) scaled = -scaled;
  return Rational(scaled, power_of_ten(static_cast<int>(fraction.size())));
}

Rational parse_decimal(std::string_view text, const std::string& where) {
  const std::optional<Rational> value = decimal_of(text);
  if (!value) {
    throw input_error(
        "'" + std::string(text.substr(0, kLongestDecimal)) + "' is not a decimal number", where,
        "write it like \"1250.00\" or \"0.07\": digits and one point");
  }
  return *value;
}

std::string shortest_decimal(double value, const std::string& where) {
  if (!std::isfinite(value)) throw input_error("not a finite number", where);
  std::array<char, 400> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return {buffer.data(), end.ptr};
}

Integer power_of_ten(int exponent) {
  static const auto table = [] {
    std::array<Integer, kDigitsOfInt64 + 1> powers;
    powers[0] = 1;
    for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
    return powers;
  }();
  const auto place = static_cast<std::size_t>(exponent);
  if (place < table.size()) return table[place];
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
  return divided_half_even(numerator(x), denominator(x));
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
  const bool small = abs(scaled) <= std::numeric_limits<std::int64_t>::max();
  std::string digits = small ? std::to_string(std::abs(static_cast<std::int64_t>(scaled)))
                             : Integer(abs(scaled)).str();
  const auto places = static_cast<std::size_t>(decimals);
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  if (decimals > 0) digits.insert(digits.size() - places, ".");
  return negative ? "-" + digits : digits;
}

std::string rounded_text(const Rational& x, int decimals) {
  const auto n = wide_magnitude(numerator(x));
  const auto d = wide_magnitude(denominator(x));
  if (n && d && decimals <= static_cast<int>(kDigitsOfInt64)) {
    const auto factor = static_cast<std::uint64_t>(power_of_ten(decimals));
    if (const auto quotient = narrow_quotient(*n, *d, factor)) {
      return decimal_text(Integer(numerator(x) < 0 ? -*quotient : *quotient), decimals);
    }
  }
  return decimal_text(divided_half_even(numerator(x) * power_of_ten(decimals), denominator(x)),
                      decimals);
}

std::string rounded_product_text(const Rational& a, const Rational& b, int decimals) {
  return decimal_text(divided_half_even(numerator(a) * numerator(b) * power_of_ten(decimals),
                                        denominator(a) * denominator(b)),
                      decimals);
}

bool less(const Rational& a, const Rational& b) {
  const auto a_n = wide_magnitude(numerator(a));
  const auto a_d = wide_magnitude(denominator(a));
  const auto b_n = wide_magnitude(numerator(b));
  const auto b_d = wide_magnitude(denominator(b));
  if (a_n && a_d && b_n && b_d && numerator(a) >= 0 && numerator(b) >= 0) {
    return wide_product(*a_n, *b_d) < wide_product(*b_n, *a_d);
  }
  return numerator(a) * denominator(b) < numerator(b) * denominator(a);
}

}  // namespace assay::pricing
