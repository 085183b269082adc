/// What version 1 of the cost sheet grew by: currencies, mid-year payments, post-tax returns, asset
/// lists, a declared throughput.
#include <gmock/gmock.h>

#include "pricing/capital.h"
#include "pricing/cost_of_service.h"
#include "pricing/money.h"
#include "support.h"

namespace assay::pricing {
namespace {

using nlohmann::json;
using test::figure;
using test::pointer;
using ::testing::HasSubstr;

std::string refusal_of_document(const json& document) {
  return test::refusal([&] { (void)test::sheet_of(document); });
}

CostOfService cost_of_document(const json& document) {
  return cost_of_service(test::sheet_of(document), test::worked_device(), Rounding::to_fen);
}

json rate(const std::string& name, const std::string& value) {
  json of_day = figure(value, "CNY/USD");
  of_day["date"] = "2026-01-05";
  return {{"name", name}, {"currency", "USD"}, {"rate", of_day}};
}

/// The worked sheet with its price in dollars that make the same yuan.
json in_dollars() {
  json document = test::worked_document();
  document["exchange_rates"] = json::array({rate("day", "7.00")});
  document[pointer("/asset_classes/0/price")] = figure("300000.00", "USD");
  return document;
}

TEST(Currency, IsConvertedExactly) {
  EXPECT_EQ(cost_of_document(in_dollars()).rate_cny_per_cu,
            cost_of_document(test::worked_document()).rate_cny_per_cu);
}

TEST(Currency, SeveralRatesAreNamed) {
  json document = in_dollars();
  document["exchange_rates"].push_back(rate("other day", "8.00"));
  EXPECT_THAT(refusal_of_document(document), HasSubstr("several exchange rates for USD"));
  document[pointer("/asset_classes/0/price/exchange")] = "day";
  EXPECT_EQ(cost_of_document(document).rate_cny_per_cu,
            cost_of_document(in_dollars()).rate_cny_per_cu);
  document[pointer("/asset_classes/0/price/exchange")] = "no such day";
  EXPECT_THAT(refusal_of_document(document), HasSubstr("no exchange rate for USD"));
}

TEST(Currency, ARateIsDatedAboveZeroAndInItsUnit) {
  json document = in_dollars();
  document["exchange_rates"][0]["rate"]["date"] = nullptr;
  EXPECT_NE(refusal_of_document(document), "");
  document = in_dollars();
  document["exchange_rates"][0]["rate"]["value"] = "0";
  EXPECT_THAT(refusal_of_document(document), HasSubstr("is not above 0"));
  document = in_dollars();
  document["exchange_rates"][0]["rate"]["unit"] = "CNY/EUR";
  EXPECT_THAT(refusal_of_document(document), HasSubstr("an exchange rate for USD in CNY/EUR"));
  document = in_dollars();
  document["exchange_rates"][0]["rate"]["value"] = nullptr;
  EXPECT_THAT(refusal_of_document(document),
              HasSubstr("/exchange_rates/0/rate: the figure is null"));
}

TEST(Currency, AnUncertainRateMovesEveryAmount) {
  CostSheet sheet = test::sheet_of(in_dollars());
  const Rational before = need_ex_vat(sheet.asset_classes[0].price);
  set_figure(sheet, "/exchange_rates/0/rate", Rational(14));
  EXPECT_EQ(need_ex_vat(sheet.asset_classes[0].price), 2 * before);
}

TEST(MidYear, DividesTheChargeByTheRoot) {
  CapitalTerms terms;
  terms.price = 2100000;
  terms.residual = 105000;
  terms.return_per_year = Rational(21, 100);  // √1.21 = 1.1
  terms.life_years = 5;
  const std::vector<CapitalYear> end = capital_schedule(terms);
  terms.mid_year = true;
  const std::vector<CapitalYear> middle = capital_schedule(terms);
  for (std::size_t t = 0; t < end.size(); ++t) {
    EXPECT_EQ(middle[t].charge * Rational(11, 10), end[t].charge);
    EXPECT_EQ(middle[t].depreciation, end[t].depreciation);
    EXPECT_EQ(middle[t].charge, middle[t].depreciation + middle[t].return_part);
  }
  EXPECT_EQ(middle.back().closing_base, terms.residual);
  // Σ A_t/(1+r)^(t - 1/2) + RV/(1+r)^n = I - G; the same without the root fails.
  const Rational growth = 1 + terms.return_per_year;
  Rational present = terms.residual / power(growth, 5);
  Rational without_root = present;
  for (int t = 1; t <= 5; ++t) {
    const Rational& charge = middle[static_cast<std::size_t>(t) - 1].charge;
    present += charge * Rational(11, 10) / power(growth, t);
    without_root += charge / power(growth, t);
  }
  EXPECT_EQ(present, terms.price);
  EXPECT_NE(without_root, terms.price);
}

json post_tax() {
  json document = test::worked_document();
  document["income_tax"] = {{"rate", figure("0.25", "1")},
                            {"equity_share", figure("0.4", "1")},
                            {"return_on_equity", figure("0.10", "1/year")},
                            {"cost_of_debt", figure("0.05", "1/year")}};
  document[pointer("/asset_classes/0/return/tax")] = "post_tax";
  document[pointer("/asset_classes/0/year_of_life")] = figure("1", "year");
  return document;
}

TEST(IncomeTax, IsALineOfTheEquitysReturn) {
  const CostOfService cost = cost_of_document(post_tax());
  ASSERT_EQ(cost.fixed_lines[1].kind, LineKind::income_tax);
  // Return of year 1: 7 % of 2,100,000 = 147,000, of it 4/7 the equity's: 84,000 · 0.25/0.75.
  EXPECT_EQ(cny_text(to_fen(cost.fixed_lines[1].cny, "x")), "28000.00");
  json later = post_tax();
  later[pointer("/asset_classes/0/year_of_life/value")] = "5";
  EXPECT_LT(cost_of_document(later).fixed_lines[1].cny, cost.fixed_lines[1].cny);
}

TEST(IncomeTax, StandsExactlyWhereItIsNeeded) {
  json document = post_tax();
  document.erase("income_tax");
  EXPECT_THAT(refusal_of_document(document), HasSubstr("a post-tax return without income_tax"));
  document = test::worked_document();
  document["income_tax"] = post_tax()["income_tax"];
  EXPECT_THAT(refusal_of_document(document), HasSubstr("income_tax without a post-tax return"));
  document = post_tax();
  document[pointer("/income_tax/equity_share/value")] = "0.5";
  EXPECT_THAT(refusal_of_document(document),
              HasSubstr("is not what equity and debt make, 0.075000"));
  document = post_tax();
  document[pointer("/asset_classes/0/year_of_life")] = nullptr;
  EXPECT_THAT(refusal_of_document(document), HasSubstr("income tax moves over the years"));
}

json item(const std::string& quantity, const std::string& price) {
  return {{"name", "server"},
          {"quantity", figure(quantity, "1")},
          {"unit_price", figure(price, "CNY")}};
}

TEST(AssetList, SumsToThePrice) {
  json document = test::worked_document();
  json& asset = document["asset_classes"][0];
  asset["price"]["vat"]["rate"] = nullptr;
  asset["items"] = json::array({item("2", "1000000.00"), item("1", "100000.00")});
  EXPECT_EQ(refusal_of_document(document), "");
  asset["items"][1]["quantity"]["value"] = "2";
  EXPECT_THAT(refusal_of_document(document),
              HasSubstr("the lines sum to 2200000.00, not to the price"));
  asset["items"][1]["unit_price"]["vat"] = {{"basis", "included"}, {"rate", "0.13"}};
  EXPECT_THAT(refusal_of_document(document), HasSubstr("mixed VAT bases"));
  asset["items"][1] = item("1", "100000.00");
  asset["items"][1]["unit_price"]["unit"] = "USD";
  document["exchange_rates"] = json::array({rate("day", "7.00")});
  EXPECT_THAT(refusal_of_document(document), HasSubstr("mixed currencies"));
}

TEST(Declared, ThroughputIsNeverCertified) {
  const CostSheet sheet = test::sheet_of(test::example_document("china-h800-hub"));
  const RateCard card = price_declared(sheet, {"2026-06-01T00:00:00Z", {}});
  EXPECT_EQ(card.certificate.grade, "assumed");
  const json document = to_json(card);
  EXPECT_TRUE(document.at("certificate").is_null());
  EXPECT_EQ(document.at("grade"), "assumed");
  EXPECT_THAT(document.at("declared_throughput").at("source").get<std::string>(),
              HasSubstr("Llama 3"));
  EXPECT_EQ(document.dump().find("\"certified\""), std::string::npos);
  EXPECT_THAT(rate_card_markdown(card), HasSubstr("ASSUMED"));
  EXPECT_THAT(
      test::refusal([] {
        (void)price_declared(test::sheet_of(test::worked_document()), {"2026-06-01T00:00:00Z", {}});
      }),
      HasSubstr("declares no throughput"));
}

}  // namespace
}  // namespace assay::pricing
