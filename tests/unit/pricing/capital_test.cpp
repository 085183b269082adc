/// The identities of capital recovery, exact in rationals, and that planted faults break them.
#include "pricing/capital.h"

#include <gtest/gtest.h>

#include "support.h"

namespace assay::pricing {
namespace {

/// Σ A_t/(1+r)^t + RV/(1+r)^n.
Rational present_value(const CapitalTerms& terms, const std::vector<CapitalYear>& years) {
  Rational sum = terms.residual / power(1 + terms.return_per_year, terms.life_years);
  for (std::size_t t = 0; t < years.size(); ++t) {
    sum += years[t].charge / power(1 + terms.return_per_year, static_cast<int>(t) + 1);
  }
  return sum;
}

/// B_n, by rolling the base forward from the charges alone.
Rational final_base(const CapitalTerms& terms, const std::vector<CapitalYear>& years) {
  Rational base = terms.price - terms.grants;
  for (const CapitalYear& year : years) base -= year.charge - terms.return_per_year * base;
  return base;
}

std::vector<CapitalTerms> many_terms() {
  std::vector<CapitalTerms> all;
  for (const CapitalMethod method :
       {CapitalMethod::annuity, CapitalMethod::declining_base, CapitalMethod::tilted_annuity}) {
    for (const char* rate : {"0", "0.07", "0.1234"}) {
      for (const char* grants : {"0", "250000.33"}) {
        for (const char* residual : {"0", "105000.01"}) {
          for (const int life : {1, 5, 12}) {
            CapitalTerms terms;
            terms.method = method;
            terms.price = 2100000;
            terms.grants = parse_decimal(grants, "G");
            terms.residual = parse_decimal(residual, "RV");
            terms.return_per_year = parse_decimal(rate, "r");
            terms.life_years = life;
            if (method == CapitalMethod::tilted_annuity) terms.price_trend = Rational(-1, 5);
            all.push_back(terms);
          }
        }
      }
    }
  }
  return all;
}

TEST(Capital, IdentitiesHoldExactly) {
  for (const CapitalTerms& terms : many_terms()) {
    const std::vector<CapitalYear> years = capital_schedule(terms);
    ASSERT_EQ(years.size(), static_cast<std::size_t>(terms.life_years));
    EXPECT_EQ(present_value(terms, years), terms.price - terms.grants);
    EXPECT_EQ(final_base(terms, years), terms.residual);
    EXPECT_EQ(years.back().closing_base, terms.residual);
    Rational depreciation = 0;
    for (const CapitalYear& year : years) depreciation += year.depreciation;
    EXPECT_EQ(depreciation, terms.price - terms.grants - terms.residual);
  }
}

TEST(Capital, PlantedFaultsBreakTheIdentities) {
  CapitalTerms terms;
  terms.price = 2100000;
  terms.grants = 300000;
  terms.residual = 105000;
  terms.return_per_year = Rational(7, 100);
  terms.life_years = 5;

  // RV·r left out.
  std::vector<CapitalYear> no_return_on_residual = capital_schedule(terms);
  for (CapitalYear& year : no_return_on_residual) {
    year.charge -= terms.residual * terms.return_per_year;
  }
  EXPECT_NE(present_value(terms, no_return_on_residual), terms.price - terms.grants);
  EXPECT_NE(final_base(terms, no_return_on_residual), terms.residual);

  // G not netted.
  CapitalTerms grant_forgotten = terms;
  grant_forgotten.grants = 0;
  const std::vector<CapitalYear> too_much = capital_schedule(grant_forgotten);
  EXPECT_NE(present_value(terms, too_much), terms.price - terms.grants);
  EXPECT_NE(final_base(terms, too_much), terms.residual);
}

TEST(Capital, AnnuityIsTheKnownFormula) {
  CapitalTerms terms;
  terms.price = 2100000;
  terms.residual = 105000;
  terms.return_per_year = Rational(7, 100);
  terms.life_years = 5;
  // CRF(7 %, 5) = 0.243890694... (any table of compound interest).
  EXPECT_EQ(rounded_text(capital_recovery_factor(terms.return_per_year, 5), 6), "0.243891");
  EXPECT_EQ(cny_text(to_fen(capital_schedule(terms).front().charge, "A")), "493911.94");
  EXPECT_EQ(capital_recovery_factor(Rational(0), 4), Rational(1, 4));
}

TEST(Capital, TiltedWithoutTrendIsTheAnnuity) {
  CapitalTerms terms;
  terms.price = 1000;
  terms.residual = 100;
  terms.return_per_year = Rational(1, 10);
  terms.life_years = 4;
  const Rational annuity = capital_schedule(terms).front().charge;
  terms.method = CapitalMethod::tilted_annuity;
  for (const CapitalYear& year : capital_schedule(terms)) EXPECT_EQ(year.charge, annuity);
  // r = g is a limit, not a division by zero.
  terms.price_trend = terms.return_per_year;
  EXPECT_EQ(present_value(terms, capital_schedule(terms)), terms.price);
}

TEST(Capital, BooksCloseToTheFen) {
  for (const CapitalTerms& terms : many_terms()) {
    const std::vector<CapitalYearFen> years = capital_schedule_fen(terms, "class");
    Fen depreciation;
    for (const CapitalYearFen& year : years) {
      depreciation = depreciation + year.depreciation;
      EXPECT_EQ(year.charge, year.return_part + year.depreciation);
    }
    EXPECT_EQ(depreciation, to_fen(terms.price - terms.grants, "x") - to_fen(terms.residual, "x"));
    EXPECT_EQ(years.back().closing_base, to_fen(terms.residual, "x"));
  }
}

TEST(Capital, GrantsBeyondThePriceAreRefused) {
  nlohmann::json document = test::worked_document();
  document[test::pointer("/asset_classes/0/grants/value")] = "2000000.00";
  const CostSheet sheet = test::sheet_of(document);
  EXPECT_NE(test::refusal([&] { (void)capital_terms(sheet.asset_classes[0]); }), "");
}

}  // namespace
}  // namespace assay::pricing
