/// The tornado, a new entrant's cost, and the path over years.
#include "pricing/sensitivity.h"

#include <gmock/gmock.h>

#include "pricing/money.h"
#include "pricing/path.h"
#include "support.h"

namespace assay::pricing {
namespace {

using nlohmann::json;
using test::figure;
using test::pointer;
using ::testing::HasSubstr;

const Sensitivity* bar(const std::vector<Sensitivity>& bars, const std::string& input) {
  for (const Sensitivity& one : bars) {
    if (one.input == input) return &one;
  }
  return nullptr;
}

TEST(Tornado, BarsAreSortedAndBounded) {
  json document = test::worked_document();
  document["sensitivities"] = json::array(
      {{{"figure", "/energy/pue/figure"}, {"low", "1.1"}, {"high", "1.5"}, {"note", "test"}}});
  const std::vector<Sensitivity> bars = tornado(test::sheet_of(document), test::worked_device());
  for (std::size_t i = 1; i < bars.size(); ++i) {
    EXPECT_GE(bars[i - 1].swing_micro(), bars[i].swing_micro());
  }
  EXPECT_TRUE(bar(bars, "/energy/pue/figure")->filed);
  EXPECT_EQ(bar(bars, "/availability")->high, "1");
  EXPECT_EQ(bar(bars, "/asset_classes/0/life")->low, "4");
  EXPECT_EQ(bar(bars, "/asset_classes/0/grants"), nullptr);  // zero: a tenth of it is nothing
  // The price rules the capital part: a tenth of 30.598529 either way.
  const Sensitivity& price = *bar(bars, "/asset_classes/0/price");
  EXPECT_NEAR(static_cast<double>(price.swing_micro()), 0.2 * 30598529, 2.0);
  // All of the rate goes as 1/K.
  EXPECT_NEAR(static_cast<double>(bar(bars, "K")->at_low_micro), 42620939 / 0.9, 2.0);
}

TEST(Tornado, RangesNameFigures) {
  json document = test::worked_document();
  document["sensitivities"] =
      json::array({{{"figure", "/nothing"}, {"low", "1"}, {"high", "2"}, {"note", ""}}});
  EXPECT_THAT(test::refusal([&] { (void)test::sheet_of(document); }),
              HasSubstr("no figure stands"));
  document["sensitivities"][0] = {
      {"figure", "/utilisation"}, {"low", "2"}, {"high", "2"}, {"note", ""}};
  EXPECT_THAT(test::refusal([&] { (void)test::sheet_of(document); }), HasSubstr("not below"));
}

TEST(NewEntrant, PaysTodaysPriceWithoutGrants) {
  json document = test::worked_document();
  const DeviceFigures device = test::worked_device();
  EXPECT_THAT(new_entrant(test::sheet_of(document), device).cny_per_cu.reason,
              HasSubstr("no price of today is filed for '8xH800 server'"));
  json& asset = document["asset_classes"][0];
  asset["grants"]["value"] = "500000.00";
  asset["price_today"] = figure("2100000.00", "CNY");
  const NewEntrant entrant = new_entrant(test::sheet_of(document), device);
  EXPECT_EQ(entrant.cny_per_cu.value.value(), "42.620939");  // the worked figure has no grant
  EXPECT_EQ(cny_text(to_fen(entrant.capital[0].cny, "x")), "493911.94");
}

json with_path(const json& bound = nullptr) {
  json document = test::worked_document();
  const auto year = [](int number, const std::string& cpi, const std::string& power) {
    return json{{"year", number},
                {"cpi", figure(cpi, "1/year")},
                {"power_price_factor", figure(power, "1")}};
  };
  document["path"] = {{"x", figure("0.03", "1/year")},
                      {"bound", bound},
                      {"years", {year(2027, "0.02", "1.5"), year(2028, "0.02", "1")}},
                      {"true_up", nullptr}};
  return document;
}

std::vector<PathYear> path_of(const json& document) {
  const CostSheet sheet = test::sheet_of(document);
  return rate_path(sheet, cost_of_service(sheet, test::worked_device(), Rounding::to_fen));
}

TEST(Path, IndexesUpkeepAndPassesPowerThrough) {
  const std::vector<PathYear> years = path_of(with_path());
  ASSERT_EQ(years.size(), 3U);
  EXPECT_EQ(years[0].rate_micro, 42620939);
  EXPECT_EQ(years[1].operation_and_maintenance_fen, 14850000);  // · 0.99
  EXPECT_EQ(years[2].operation_and_maintenance_fen, 14701500);  // · 0.99 again
  EXPECT_EQ(years[1].power_fen, 2254824);                       // 15,032.16 · 1.5
  EXPECT_EQ(years[1].capital_fen, years[0].capital_fen);        // nominal: no index on it
  EXPECT_EQ(years[1].variable_micro, 2697658);                  // 1.798438... · 1.5
}

TEST(Path, OnlyARealReturnIsIndexed) {
  json document = with_path();
  document[pointer("/asset_classes/0/return/basis")] = "real";
  EXPECT_EQ(path_of(document)[2].capital_fen, 51386598);  // 493,911.935... · 1.02²
}

TEST(Path, TheBoundHoldsEitherWay) {
  const std::vector<PathYear> years = path_of(with_path(figure("0.01", "1")));
  EXPECT_EQ(years[1].bound, "upper");
  EXPECT_EQ(years[1].rate_micro, 43047148);  // 42,620,939 · 1.01, down
  EXPECT_GT(years[1].unbounded_micro, years[1].rate_micro);
  EXPECT_EQ(years[2].bound, "lower");
  EXPECT_EQ(years[2].rate_micro, 42616677);  // 43,047,148 · 0.99, up
}

TEST(Path, TheTrueUpIsPassThroughNeverVolume) {
  json document = with_path();
  document["path"]["true_up"] = {{"power_forecast", figure("40000.00", "CNY/year")},
                                 {"power_outturn", figure("43000.00", "CNY/year")},
                                 {"index_forecast", figure("0.02", "1/year")},
                                 {"index_outturn", figure("0.03", "1/year")}};
  const std::vector<PathYear> years = path_of(document);
  EXPECT_EQ(years[1].true_up_fen, 450000);  // 3,000 + 1 % of 150,000
  EXPECT_EQ(years[2].true_up_fen, 0);
  // Utilisation under the floor changes nothing of it.
  document[pointer("/utilisation/value")] = "0.10";
  EXPECT_EQ(path_of(document)[1].rate_micro, years[1].rate_micro);
}

TEST(Path, WhatIsPastItsLifeCostsNothingAndSaysSo) {
  json document = with_path();
  json& asset = document["asset_classes"][0];
  asset["method"] = "declining_base";
  asset["year_of_life"] = figure("4", "year");
  const std::vector<PathYear> years = path_of(document);
  EXPECT_GT(years[1].capital_fen, 0);
  EXPECT_EQ(years[2].capital_fen, 0);
  ASSERT_EQ(years[2].notes.size(), 1U);
  EXPECT_THAT(years[2].notes[0], HasSubstr("past its life"));
}

TEST(Path, ItsYearsFollowTheTestYear) {
  json document = with_path();
  document["path"]["years"][0]["year"] = 2028;
  EXPECT_THAT(test::refusal([&] { (void)test::sheet_of(document); }),
              HasSubstr("the path goes from 2026 to 2028"));
}

}  // namespace
}  // namespace assay::pricing
