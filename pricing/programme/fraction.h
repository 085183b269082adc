#pragma once
/// Exact fractions of 128-bit integers, for amounts in fen while a claim passes its steps: a
/// hundred thousand claims are evaluated in seconds, which unbounded rationals do not allow. A
/// result that does not fit even in lowest terms is an error, never a wrong figure.
#include <cstdint>
#include <string>

#include "pricing/rational.h"

namespace assay::pricing::programme {

__extension__ using Int128 = __int128;

class Fraction {
 public:
  Fraction() = default;
  /// A whole number, implicitly: amounts in fen are fractions.
  Fraction(std::int64_t whole) : numerator_(whole) {}
  /// denominator > 0.
  Fraction(Int128 numerator, Int128 denominator);

  [[nodiscard]] Int128 numerator() const { return numerator_; }
  [[nodiscard]] Int128 denominator() const { return denominator_; }

  /// Errors: input_error where the result needs more than 128 bits.
  friend Fraction operator+(const Fraction& a, const Fraction& b);
  friend Fraction operator-(const Fraction& a, const Fraction& b);
  friend Fraction operator*(const Fraction& a, const Fraction& b);
  /// b > 0.
  friend Fraction operator/(const Fraction& a, const Fraction& b);
  friend bool operator<(const Fraction& a, const Fraction& b);
  friend bool operator==(const Fraction& a, const Fraction& b) { return !(a < b) && !(b < a); }

 private:
  Int128 numerator_ = 0;
  Int128 denominator_ = 1;
};

[[nodiscard]] const Fraction& lesser(const Fraction& a, const Fraction& b);

/// The largest integer not above x. Errors: input_error where it needs more than 64 bits.
[[nodiscard]] std::int64_t floor_of(const Fraction& x);
/// The nearest integer, a tie going up. Errors: as floor_of.
[[nodiscard]] std::int64_t round_half_up(const Fraction& x);
/// The nearest integer, a tie going to the even one. Errors: as floor_of.
[[nodiscard]] std::int64_t round_half_even(const Fraction& x);

/// Reads a decimal of at most 18 digits in all. Errors: input_error naming `where`.
[[nodiscard]] Fraction parse_fraction(const std::string& decimal, const std::string& where);

/// For texts.
[[nodiscard]] Integer to_integer(Int128 x);
[[nodiscard]] Rational to_rational(const Fraction& x);

}  // namespace assay::pricing::programme
