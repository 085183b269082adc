#include "pricing/capital.h"

#include "base/error.h"

namespace assay::pricing {

namespace {

Rational tilted_first_charge(const CapitalTerms& terms) {
  const Rational growth = 1 + terms.return_per_year;
  const Rational trend = 1 + terms.price_trend;
  const Rational present_residual = terms.residual / power(growth, terms.life_years);
  const Rational financed = terms.price - terms.grants - present_residual;
  if (growth == trend) return financed * growth / terms.life_years;
  return financed * (growth - trend) / (1 - power(trend / growth, terms.life_years));
}

}  // namespace

CapitalTerms capital_terms(const AssetClass& asset_class) {
  CapitalTerms terms;
  terms.method = asset_class.method;
  terms.price = need_ex_vat(asset_class.price);
  terms.grants = need_ex_vat(asset_class.grants);
  terms.residual = asset_class.residual.unit == "1" ? terms.price * need(asset_class.residual)
                                                    : need_ex_vat(asset_class.residual);
  terms.return_per_year = need(asset_class.return_per_year);
  terms.life_years = static_cast<int>(numerator(need(asset_class.life)));
  if (asset_class.price_trend) terms.price_trend = need(*asset_class.price_trend);
  if (terms.price < terms.grants + terms.residual) {
    throw input_error("grants and residual value together exceed the price",
                      asset_class.price.where,
                      "a grant above price less residual leaves no capital to recover");
  }
  return terms;
}

Rational capital_recovery_factor(const Rational& return_per_year, int life_years) {
  if (return_per_year == 0) return {1, life_years};
  const Rational growth = power(1 + return_per_year, life_years);
  return return_per_year * growth / (growth - 1);
}

std::vector<CapitalYear> capital_schedule(const CapitalTerms& terms) {
  const Rational& r = terms.return_per_year;
  const Rational recovered = terms.price - terms.grants - terms.residual;
  Rational base = terms.price - terms.grants;
  Rational charge;
  if (terms.method == CapitalMethod::annuity) {
    charge = recovered * capital_recovery_factor(r, terms.life_years) + terms.residual * r;
  } else if (terms.method == CapitalMethod::tilted_annuity) {
    charge = tilted_first_charge(terms);
  }
  std::vector<CapitalYear> years;
  for (int t = 1; t <= terms.life_years; ++t) {
    CapitalYear year;
    year.return_part = r * base;
    if (terms.method == CapitalMethod::declining_base) {
      charge = recovered / terms.life_years + year.return_part;
    }
    year.charge = charge;
    year.depreciation = year.charge - year.return_part;
    base -= year.depreciation;
    year.closing_base = base;
    years.push_back(year);
    if (terms.method == CapitalMethod::tilted_annuity) charge *= 1 + terms.price_trend;
  }
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
