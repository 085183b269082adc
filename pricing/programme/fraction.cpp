#include "pricing/programme/fraction.h"

#include <limits>
#include <utility>

#include "base/error.h"
#include "pricing/money.h"

namespace assay::pricing::programme {

namespace {

Int128 divisor_of(Int128 a, Int128 b) {
  if (a < 0) a = -a;
  while (b != 0) a = std::exchange(b, a % b);
  return a;
}

[[noreturn]] void too_large() {
  throw input_error("an amount needs more than 128 bits to be exact", "",
                    "check the units and the decimal points of the amounts");
}

Int128 times(Int128 a, Int128 b) {
  Int128 product = 0;
  if (__builtin_mul_overflow(a, b, &product)) too_large();
  return product;
}

bool fits(Int128 a, Int128 b) {
  Int128 product = 0;
  return !__builtin_mul_overflow(a, b, &product);
}

Fraction lowest(const Fraction& x) {
  const Int128 common = divisor_of(x.numerator(), x.denominator());
  return {x.numerator() / common, x.denominator() / common};
}

Int128 floor_wide(const Fraction& x) {
  Int128 quotient = x.numerator() / x.denominator();
  if (x.numerator() % x.denominator() < 0) --quotient;
  return quotient;
}

std::int64_t narrow(Int128 x) {
  if (x < std::numeric_limits<std::int64_t>::min() ||
      x > std::numeric_limits<std::int64_t>::max()) {
    throw input_error("an amount is too large to be held in 64-bit fen", "",
                      "check the units and the decimal points of the amounts");
  }
  return static_cast<std::int64_t>(x);
}

/// Twice what lies above the floor, compared with one: -1, 0 or 1.
int against_half(const Fraction& x, Int128 below) {
  const Int128 rest = x.numerator() - below * x.denominator();  // in [0, denominator)
  const Int128 other = x.denominator() - rest;
  return rest < other ? -1 : rest == other ? 0 : 1;
}

Fraction sum(const Fraction& a, const Fraction& b) {
  Int128 total = 0;
  if (a.denominator() == b.denominator()) {
    if (__builtin_add_overflow(a.numerator(), b.numerator(), &total)) too_large();
    return {total, a.denominator()};
  }
  const Int128 common = divisor_of(a.denominator(), b.denominator());
  const Int128 scale_a = b.denominator() / common;
  const Int128 scale_b = a.denominator() / common;
  if (__builtin_add_overflow(times(a.numerator(), scale_a), times(b.numerator(), scale_b),
                             &total)) {
    too_large();
  }
  return {total, times(a.denominator(), scale_a)};
}

}  // namespace

Fraction::Fraction(Int128 numerator, Int128 denominator)
    : numerator_(numerator), denominator_(denominator) {}

Fraction operator+(const Fraction& a, const Fraction& b) {
  return sum(a, b);
}

Fraction operator-(const Fraction& a, const Fraction& b) {
  return sum(a, {-b.numerator_, b.denominator_});
}

Fraction operator*(const Fraction& a, const Fraction& b) {
  if (fits(a.numerator_, b.numerator_) && fits(a.denominator_, b.denominator_)) {
    return {a.numerator_ * b.numerator_, a.denominator_ * b.denominator_};
  }
  // In lowest terms across, nothing is left to cancel.
  const Fraction across = lowest({a.numerator_, b.denominator_});
  const Fraction down = lowest({b.numerator_, a.denominator_});
  return {times(across.numerator_, down.numerator_), times(across.denominator_, down.denominator_)};
}

Fraction operator/(const Fraction& a, const Fraction& b) {
  return a * Fraction(b.denominator_, b.numerator_);
}

bool operator<(const Fraction& a, const Fraction& b) {
  if (fits(a.numerator_, b.denominator_) && fits(b.numerator_, a.denominator_)) {
    return a.numerator_ * b.denominator_ < b.numerator_ * a.denominator_;
  }
  // Integer parts first, then the reciprocals of what is left (a continued fraction): no product.
  const Int128 whole_a = floor_wide(a);
  const Int128 whole_b = floor_wide(b);
  if (whole_a != whole_b) return whole_a < whole_b;
  const Fraction rest_a(a.numerator_ - whole_a * a.denominator_, a.denominator_);
  const Fraction rest_b(b.numerator_ - whole_b * b.denominator_, b.denominator_);
  if (rest_b.numerator_ == 0) return false;
  if (rest_a.numerator_ == 0) return true;
  return Fraction(rest_b.denominator_, rest_b.numerator_) <
         Fraction(rest_a.denominator_, rest_a.numerator_);
}

const Fraction& lesser(const Fraction& a, const Fraction& b) {
  return b < a ? b : a;
}

std::int64_t floor_of(const Fraction& x) {
  return narrow(floor_wide(x));
}

std::int64_t round_half_up(const Fraction& x) {
  const Int128 below = floor_wide(x);
  return narrow(against_half(x, below) >= 0 ? below + 1 : below);
}

std::int64_t round_half_even(const Fraction& x) {
  const Int128 below = floor_wide(x);
  const int half = against_half(x, below);
  return narrow(half > 0 || (half == 0 && below % 2 != 0) ? below + 1 : below);
}

Fraction parse_fraction(const std::string& decimal, const std::string& where) {
  constexpr std::size_t kMostDigits = 18;
  const Rational value = parse_decimal(decimal, where);
  if (decimal.size() > kMostDigits + 2) {
    throw input_error("'" + decimal + "' has too many digits", where, "18 digits are enough");
  }
  return {to_int64(boost::multiprecision::numerator(value), where),
          to_int64(boost::multiprecision::denominator(value), where)};
}

Integer to_integer(Int128 x) {
  // Boost takes no 128-bit integers where the compiler follows the standard strictly.
  constexpr int kHalf = 64;
  const Integer high(static_cast<std::int64_t>(x >> kHalf));
  const Integer low(static_cast<std::uint64_t>(x));
  return Integer(high * (Integer(1) << kHalf)) + low;
}

Rational to_rational(const Fraction& x) {
  return {to_integer(x.numerator()), to_integer(x.denominator())};
}

}  // namespace assay::pricing::programme
