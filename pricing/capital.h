#pragma once
/// What the capital of one asset class costs a year, exactly, by one of three named methods.
///
///   I price, G capital grants (netted out: nobody earns a return on a gift), RV residual value,
///   r allowed return a year, n life in years; payments at the end of each year.
///
///   annuity         A = (I - G - RV)·CRF + RV·r,  CRF = r(1+r)^n / ((1+r)^n - 1),  r = 0: 1/n
///   declining base  A_t = (I - G - RV)/n + r·B_(t-1)
///   tilted annuity  A_1 = (I - G - RV/(1+r)^n)·(r - g) / (1 - ((1+g)/(1+r))^n),
///                   A_t = A_1·(1+g)^(t-1);  r = g: the bracket is (1+r)/n; g = 0: the annuity
///
/// Depreciation is what is left of a charge after the return on the opening base:
/// D_t = A_t - r·B_(t-1), B_t = B_(t-1) - D_t, B_0 = I - G. For each method
///
///   Σ A_t/(1+r)^t + RV/(1+r)^n = I - G,   B_n = RV,   Σ D_t = I - G - RV.
///
/// Payments in the middle of each year divide A_t by √(1+r) and leave D_t as it is: what falls is
/// the return. The root is taken to kRootDecimals decimals, half up, so that a card can be
/// recomputed to the last digit; the first identity then holds for A_t times that root.
///
/// Sources: the annuity is capital recovery with return (E. L. Grant, W. G. Ireson, R. S.
/// Leavenworth, Principles of Engineering Economy); the tilted annuity is the form that cost models
/// of telecommunications regulators use for equipment whose price falls, derived here by asking for
/// the first identity with charges that grow by 1 + g.
#include <vector>

#include "pricing/cost_sheet.h"
#include "pricing/money.h"
#include "pricing/rational.h"

namespace assay::pricing {

/// In exact rationals, or in doubles for the draws of a Monte Carlo.
template <class Number>
struct CapitalTermsOf {
  CapitalMethod method = CapitalMethod::annuity;
  Number price = 0;            ///< I, CNY ex VAT
  Number grants = 0;           ///< G, CNY
  Number residual = 0;         ///< RV, CNY
  Number return_per_year = 0;  ///< r
  int life_years = 0;          ///< n
  Number price_trend = 0;      ///< g; 0 but for the tilted annuity
  bool mid_year = false;
};
using CapitalTerms = CapitalTermsOf<Rational>;

/// The terms of a class by a reader of figures (pricing/reader.h).
template <class Reader>
CapitalTermsOf<typename Reader::Number> terms_by(const AssetClass& asset_class,
                                                 const Reader& read) {
  CapitalTermsOf<typename Reader::Number> terms;
  terms.method = asset_class.method;
  terms.price = read.ex_vat(asset_class.price);
  terms.grants = read.ex_vat(asset_class.grants);
  terms.residual = asset_class.residual.unit == "1" ? terms.price * read.value(asset_class.residual)
                                                    : read.ex_vat(asset_class.residual);
  terms.return_per_year = read.value(asset_class.return_per_year);
  terms.life_years = asset_class.life_years;
  terms.mid_year = asset_class.mid_year;
  if (asset_class.price_trend) terms.price_trend = read.value(*asset_class.price_trend);
  return terms;
}

/// The terms of a class as filed. Errors: input_error where a figure is missing or where grants
/// and residual exceed the price.
[[nodiscard]] CapitalTerms capital_terms(const AssetClass& asset_class);

/// base^exponent, exponent >= 0.
template <class Number>
Number to_the_power(const Number& base, int exponent) {
  Number result = 1;
  for (int i = 0; i < exponent; ++i) result *= base;
  return result;
}

/// CRF(r, n), the capital recovery factor.
template <class Number>
Number capital_recovery_factor(const Number& return_per_year, int life_years) {
  if (return_per_year == 0) return Number(1) / Number(life_years);
  const Number growth = to_the_power(Number(1 + return_per_year), life_years);
  return return_per_year * growth / (growth - 1);
}

inline constexpr int kRootDecimals = 18;

/// √(1+r).
[[nodiscard]] Rational root_of_growth(const Rational& return_per_year);
[[nodiscard]] double root_of_growth(double return_per_year);

/// A_1, of an annuity or a tilted one.
template <class Number>
Number first_charge(const CapitalTermsOf<Number>& terms) {
  const Number& r = terms.return_per_year;
  if (terms.method == CapitalMethod::annuity) {
    return (terms.price - terms.grants - terms.residual) *
               capital_recovery_factor(r, terms.life_years) +
           terms.residual * r;
  }
  const Number growth = 1 + r;
  const Number trend = 1 + terms.price_trend;
  const Number financed =
      terms.price - terms.grants - terms.residual / to_the_power(growth, terms.life_years);
  if (growth == trend) return financed * growth / Number(terms.life_years);
  return financed * (growth - trend) / (1 - to_the_power(Number(trend / growth), terms.life_years));
}

/// One year of a class, in CNY.
template <class Number>
struct CapitalYearOf {
  Number charge = 0;        ///< A_t
  Number return_part = 0;   ///< A_t - D_t
  Number depreciation = 0;  ///< D_t
  Number closing_base = 0;  ///< B_t
};
using CapitalYear = CapitalYearOf<Rational>;

/// Calls visit(year) for years 1 to `last`, at most n.
template <class Number, class Visit>
void for_each_capital_year(const CapitalTermsOf<Number>& terms, int last, Visit visit) {
  const bool declining = terms.method == CapitalMethod::declining_base;
  Number base = terms.price - terms.grants;
  Number charge = declining ? Number(0) : first_charge(terms);
  const Number root = terms.mid_year ? Number(root_of_growth(terms.return_per_year)) : Number(1);
  for (int t = 1; t <= last; ++t) {
    const Number on_base = terms.return_per_year * base;
    if (declining) {
      charge = (terms.price - terms.grants - terms.residual) / Number(terms.life_years) + on_base;
    }
    CapitalYearOf<Number> year;
    year.depreciation = charge - on_base;
    year.charge = charge / root;
    year.return_part = year.charge - year.depreciation;
    base -= year.depreciation;
    year.closing_base = base;
    visit(year);
    if (terms.method == CapitalMethod::tilted_annuity) charge *= 1 + terms.price_trend;
  }
}

/// Years 1 to n.
[[nodiscard]] std::vector<CapitalYear> capital_schedule(const CapitalTerms& terms);

/// The same in whole fen, for the books: each year's depreciation is rounded once and the last
/// year's takes the remainder, so that Σ D_t is I - G - RV to the fen.
struct CapitalYearFen {
  Fen charge, return_part, depreciation, closing_base;
};
[[nodiscard]] std::vector<CapitalYearFen> capital_schedule_fen(const CapitalTerms& terms,
                                                               const std::string& where);

/// "annuity", "declining_base", "tilted_annuity", as documents write them.
[[nodiscard]] std::string method_name(CapitalMethod method);

}  // namespace assay::pricing
