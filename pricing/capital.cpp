#include "pricing/capital.h"

#include <cmath>

#include "base/error.h"
#include "pricing/reader.h"

namespace assay::pricing {

CapitalTerms capital_terms(const AssetClass& asset_class) {
  if (asset_class.life_years == 0) (void)need(asset_class.life);
  CapitalTerms terms = terms_by(asset_class, ExactReader{});
  if (terms.price < terms.grants + terms.residual) {
    throw input_error("grants and residual value together exceed the price",
                      asset_class.price.where,
                      "a grant above price less residual leaves no capital to recover");
  }
  return terms;
}

Rational root_of_growth(const Rational& return_per_year) {
  return {scaled_square_root(1 + return_per_year, kRootDecimals), power_of_ten(kRootDecimals)};
}

double root_of_growth(double return_per_year) {
  return std::sqrt(1.0 + return_per_year);
}

std::vector<CapitalYear> capital_schedule(const CapitalTerms& terms) {
  std::vector<CapitalYear> years;
  for_each_capital_year(terms, terms.life_years,
                        [&years](const CapitalYear& year) { years.push_back(year); });
  return years;
}

std::vector<CapitalYearFen> capital_schedule_fen(const CapitalTerms& terms,
                                                 const std::string& where) {
  const Fen residual = to_fen(terms.residual, where);
  Fen base = to_fen(terms.price - terms.grants, where);
  std::vector<CapitalYearFen> years;
  const std::vector<CapitalYear> exact = capital_schedule(terms);
  for (std::size_t t = 0; t < exact.size(); ++t) {
    CapitalYearFen year;
    year.charge = to_fen(exact[t].charge, where);
    year.depreciation =
        t + 1 == exact.size() ? base - residual : to_fen(exact[t].depreciation, where);
    year.return_part = year.charge - year.depreciation;
    base = base - year.depreciation;
    year.closing_base = base;
    years.push_back(year);
  }
  return years;
}

std::string method_name(CapitalMethod method) {
  switch (method) {
    case CapitalMethod::annuity:
      return "annuity";
    case CapitalMethod::declining_base:
      return "declining_base";
    case CapitalMethod::tilted_annuity:
      return "tilted_annuity";
  }
  throw input_error("unknown capital method");
}

}  // namespace assay::pricing
