#include "pricing/money.h"

#include <limits>

#include "base/error.h"

namespace assay::pricing {

namespace {

Error too_large(const std::string& where) {
  return input_error("the amount is too large to be held in 64-bit fen", where,
                     "check its unit and its decimal point");
}

}  // namespace

std::int64_t to_int64(const Integer& value, const std::string& where) {
  if (value < std::numeric_limits<std::int64_t>::min() ||
      value > std::numeric_limits<std::int64_t>::max()) {
    throw input_error("the figure is too large to be held in 64 bits", where,
                      "check its unit and its decimal point");
  }
  return static_cast<std::int64_t>(value);
}

Fen operator+(Fen a, Fen b) {
  Fen sum;
  if (__builtin_add_overflow(a.value, b.value, &sum.value)) throw too_large("sum of money");
  return sum;
}

Fen operator-(Fen a, Fen b) {
  Fen difference;
  if (__builtin_sub_overflow(a.value, b.value, &difference.value)) {
    throw too_large("difference of money");
  }
  return difference;
}

Fen to_fen(const Rational& cny, const std::string& where) {
  return {to_int64(round_half_even(cny * 100), where)};
}

Fen parse_cny(std::string_view text, const std::string& where) {
  const Rational cny = parse_decimal(text, where);
  const Rational fen = cny * 100;
  if (denominator(fen) != 1) {
    throw input_error("'" + std::string(text) + "' has parts of a fen", where,
                      "state amounts of money with at most two decimals");
  }
  return to_fen(cny, where);
}

Rational to_cny(Fen amount) {
  return {amount.value, 100};
}

std::string cny_text(Fen amount) {
  return decimal_text(amount.value, 2);
}

std::string grouped_cny_text(Fen amount) {
  std::string text = cny_text(amount);
  const std::size_t first_digit = text.front() == '-' ? 1 : 0;
  for (std::size_t i = text.size() - 3; i > first_digit + 3; i -= 3) text.insert(i - 3, 1, ',');
  return text;
}

}  // namespace assay::pricing
