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
/// Sources: the annuity is capital recovery with return (E. L. Grant, W. G. Ireson, R. S.
/// Leavenworth, Principles of Engineering Economy); the tilted annuity is the form that cost models
/// of telecommunications regulators use for equipment whose price falls, derived here by asking for
/// the first identity with charges that grow by 1 + g.
#include <vector>

#include "pricing/cost_sheet.h"
#include "pricing/money.h"
#include "pricing/rational.h"

namespace assay::pricing {

struct CapitalTerms {
  CapitalMethod method = CapitalMethod::annuity;
  Rational price;            ///< I, CNY ex VAT
  Rational grants;           ///< G, CNY
  Rational residual;         ///< RV, CNY
  Rational return_per_year;  ///< r
  int life_years = 0;        ///< n
  Rational price_trend;      ///< g; 0 but for the tilted annuity
};

/// The terms of a class as filed. Errors: input_error where a figure is missing or where grants
/// and residual exceed the price.
[[nodiscard]] CapitalTerms capital_terms(const AssetClass& asset_class);

/// CRF(r, n), the capital recovery factor.
[[nodiscard]] Rational capital_recovery_factor(const Rational& return_per_year, int life_years);

/// One year of a class, in CNY.
struct CapitalYear {
  Rational charge;        ///< A_t
  Rational return_part;   ///< r·B_(t-1)
  Rational depreciation;  ///< D_t
  Rational closing_base;  ///< B_t
};

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
