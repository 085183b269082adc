#include <cmath>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "results/edition/statistics.h"

namespace assay {
namespace {

// From here on the expansions in 1/ν are exact to the last digits, and the continued fraction slow.
constexpr double kManyDegrees = 1e6;

/// Γ(a + ½) / Γ(a). From a = 20 on by its asymptotic series, whose first term left out is below
/// 1e-16 there.
double gamma_ratio_half(double a) {
  if (a < 20.0) return std::tgamma(a + 0.5) / std::tgamma(a);
  const double inverse = 1.0 / a;
  const double square = inverse * inverse;
  const double series =
      inverse *
      (-1.0 / 8.0 +
       square * (1.0 / 192.0 +
                 square * (-1.0 / 640.0 + square * (17.0 / 14336.0 - square * (31.0 / 18432.0)))));
  return std::sqrt(a) * std::exp(series);
}

/// The continued fraction of I_x(a, b), A&S 26.5.8, by Lentz's method.
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300;
  constexpr double kPrecision = 1e-16;
  const auto kept_from_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double numerator = 1.0;
  double denominator = 1.0 / kept_from_zero(1.0 - (a + b) * x / (a + 1.0));
  double fraction = denominator;
  for (int step = 1; step <= 20000; ++step) {
    const double m = step;
    const double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
    denominator = 1.0 / kept_from_zero(1.0 + even * denominator);
    numerator = kept_from_zero(1.0 + even / numerator);
    fraction *= denominator * numerator;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
    denominator = 1.0 / kept_from_zero(1.0 + odd * denominator);
    numerator = kept_from_zero(1.0 + odd / numerator);
    const double change = denominator * numerator;
    fraction *= change;
    if (std::abs(change - 1.0) <= kPrecision) break;
  }
  return fraction;
}

/// P(T > t) for t >= 0: ½·I_x(ν/2, ½) with x = ν/(ν + t²), by whichever side converges.
double upper_tail(double t, double degrees) {
  if (degrees > kManyDegrees) {
    // A&S 26.7.8: a normal variable up to an error of order 1/ν².
    const double z = std::isinf(degrees) ? t
                                         : t * (1.0 - 1.0 / (4.0 * degrees)) /
                                               std::sqrt(1.0 + t * t / (2.0 * degrees));
    return 0.5 * std::erfc(z / std::numbers::sqrt2);
  }
  const double a = 0.5 * degrees;
  constexpr double kB = 0.5;
  const double total = degrees + t * t;
  if (std::isinf(total)) return 0.0;
  const double x = degrees / total;
  const double rest = t * t / total;  // 1 − x without cancellation
  // x^a·(1−x)^b / B(a, b), with B(a, ½) = √π·Γ(a)/Γ(a+½). log1p keeps x^a exact for x near 1.
  const double front = std::exp(-a * std::log1p(t * t / degrees)) * std::sqrt(rest) *
                       gamma_ratio_half(a) * std::numbers::inv_sqrtpi;
  if (x < (a + 1.0) / (a + kB + 2.0)) return 0.5 * front * beta_fraction(a, kB, x) / a;
  return 0.5 * (1.0 - front * beta_fraction(kB, a, rest) / kB);
}

double density(double t, double degrees) {
  const double a = 0.5 * degrees;
  return gamma_ratio_half(a) / std::sqrt(std::numbers::pi * degrees) *
         std::exp(-(a + 0.5) * std::log1p(t * t / degrees));
}

void require_probability(double probability) {
  if (!(probability > 0.0 && probability < 1.0)) {
    throw input_error("a probability must lie between 0 and 1", "quantile");
  }
}

void require_degrees(double degrees) {
  if (!(degrees > 0.0)) throw input_error("degrees of freedom must be positive", "Student's t");
}

/// z with P(Z > z) = tail, for 0 < tail <= ½: Newton's method on the logarithm of the tail. That is
/// concave, so after the first step it comes down on z from above and never leaves.
double normal_upper_quantile(double tail) {
  double z = 0.0;
  for (int step = 0; step < 100; ++step) {
    const double here = 0.5 * std::erfc(z / std::numbers::sqrt2);
    const double slope = std::exp(-0.5 * z * z) / std::sqrt(2.0 * std::numbers::pi);
    const double change = std::log(here / tail) * here / slope;
    z += change;
    if (std::abs(change) <= 1e-15 * (1.0 + z)) break;
  }
  return z;
}

/// t with P(T > t) = tail, for 0 < tail < ½: Newton's method kept inside a bracket.
double upper_quantile(double tail, double degrees) {
  const double z = normal_upper_quantile(tail);
  if (degrees > kManyDegrees) {
    if (std::isinf(degrees)) return z;
    // A&S 26.7.5, the first two terms.
    const double z3 = z * z * z;
    return z + (z3 + z) / (4.0 * degrees) +
           (5.0 * z3 * z * z + 16.0 * z3 + 3.0 * z) / (96.0 * degrees * degrees);
  }
  double low = 0.0;
  double high = 2.0 * z + 1.0;
  while (upper_tail(high, degrees) > tail) {
    low = high;
    high *= 2.0;
  }
  double t = 0.5 * (low + high);
  for (int step = 0; step < 200; ++step) {
    const double excess = upper_tail(t, degrees) - tail;
    (excess > 0.0 ? low : high) = t;
    double next = t + excess / density(t, degrees);
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    const double change = std::abs(next - t);
    t = next;
    if (change <= 1e-15 * t) break;
  }
  return t;
}

}  // namespace

double normal_cdf(double z) {
  return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

double normal_quantile(double probability) {
  require_probability(probability);
  return probability < 0.5 ? -normal_upper_quantile(probability)
                           : normal_upper_quantile(1.0 - probability);
}

double student_t_cdf(double t, double degrees) {
  require_degrees(degrees);
  return t < 0.0 ? upper_tail(-t, degrees) : 1.0 - upper_tail(t, degrees);
}

double student_t_quantile(double probability, double degrees) {
  require_probability(probability);
  require_degrees(degrees);
  if (probability == 0.5) return 0.0;
  // By symmetry the tail is found as it is given, so that small probabilities keep their digits.
  return probability < 0.5 ? -upper_quantile(probability, degrees)
                           : upper_quantile(1.0 - probability, degrees);
}

}  // namespace assay
