/// The two-part cost of service: the worked figure, each line, the waterfall.
#include "pricing/cost_of_service.h"

#include <gmock/gmock.h>

#include "pricing/money.h"
#include "support.h"

namespace assay::pricing {
namespace {

using nlohmann::json;
using test::pointer;
using test::sheet_of;
using test::worked_device;
using test::worked_document;
using ::testing::HasSubstr;

CostOfService cost_of(const json& document) {
  return cost_of_service(sheet_of(document), worked_device(), Rounding::to_fen);
}

/// The line's amount in a priced sheet, as CNY text.
std::string line(const CostOfService& cost, const std::string& name) {
  for (const CostLine& candidate : cost.fixed_lines) {
    if (candidate.name == name) return cny_text(to_fen(candidate.cny, name));
  }
  return "no such line";
}

json cost_line(const std::string& name, const std::string& value) {
  return {{"name", name}, {"figure", test::figure(value, "CNY/year")}};
}

TEST(CostOfService, WorkedFigure) {
  const CostOfService exact =
      cost_of_service(sheet_of(worked_document()), worked_device(), Rounding::none);
  EXPECT_EQ(rounded_text(exact.rate_cny_per_cu, 2), "42.62");
  EXPECT_EQ(rounded_text(exact.fixed_cny / exact.delivered_cu, 3), "40.822");
  EXPECT_EQ(rounded_text(exact.variable_cny_per_cu, 3), "1.798");
  // The annuity of 493,911.935... CNY in whole fen moves the fixed part by 3e-7 CNY/CU, across the
  // middle of its third decimal: 40.82249980 to 40.82250009.
  const CostOfService cost = cost_of(worked_document());
  EXPECT_EQ(rounded_text(cost.rate_cny_per_cu, 6), "42.620939");
  EXPECT_EQ(rounded_text(cost.fixed_cny / cost.delivered_cu, 6), "40.822500");
  EXPECT_EQ(rounded_text(cost.variable_cny_per_cu, 6), "1.798438");
  EXPECT_EQ(line(cost, "8xH800 server"), "493911.94");
  EXPECT_EQ(line(cost, "standing energy"), "15032.16");  // 2.2 kW · 8760 h · 1.3 · 0.6
}

TEST(CostOfService, TheFloorCountsWhereUtilisationIsBelowIt) {
  json document = worked_document();
  document[pointer("/utilisation/value")] = "0.10";
  EXPECT_EQ(cost_of(document).rate_cny_per_cu, cost_of(worked_document()).rate_cny_per_cu);
  document[pointer("/utilisation/value")] = "0.80";
  EXPECT_LT(cost_of(document).rate_cny_per_cu, cost_of(worked_document()).rate_cny_per_cu);
}

TEST(CostOfService, ExclusionHasNoFloor) {
  json document = worked_document();
  document["used_and_useful"] = {{"rule", "exclusion"},
                                 {"floor", nullptr},
                                 {"excluded", {{{"name", "node 7"}, {"reason", "never sold"}}}}};
  document[pointer("/utilisation/value")] = "0.30";
  const CostOfService half = cost_of(document);
  EXPECT_EQ(half.delivered_cu * 2, cost_of(worked_document()).delivered_cu);
}

TEST(CostOfService, IncludedVatIsTakenOutExactly) {
  json document = worked_document();
  json& price = document[pointer("/asset_classes/0/price")];
  price["value"] = "2373000.00";  // 2,100,000 · 1.13
  price["vat"] = {{"basis", "included"}, {"rate", "0.13"}};
  EXPECT_EQ(cost_of(document).rate_cny_per_cu, cost_of(worked_document()).rate_cny_per_cu);
}

TEST(CostOfService, ResidualAsAmountIsTheSameAsItsShare) {
  json document = worked_document();
  document[pointer("/asset_classes/0/residual")] = test::figure("105000.00", "CNY");
  EXPECT_EQ(cost_of(document).rate_cny_per_cu, cost_of(worked_document()).rate_cny_per_cu);
}

TEST(CostOfService, EveryLineCounts) {
  json document = worked_document();
  document["energy"]["demand"] = {{"charge", test::figure("25.60", "CNY/(kW month)")},
                                  {"billed_power", test::figure("12", "kW")}};
  document["other_revenue"].push_back(cost_line("heat sold", "1000.00"));
  document["margin"] = {{"kind", "share_of_operating_cost"}, {"share", test::figure("0.05", "1")}};
  const CostOfService cost = cost_of(document);
  EXPECT_EQ(line(cost, "demand charge"), "3686.40");  // 25.6 · 12 · 12
  EXPECT_EQ(line(cost, "heat sold"), "-1000.00");
  EXPECT_EQ(line(cost, "margin on operating cost"), "8435.93");  // 5 % of 168,718.56
  EXPECT_EQ(cost.fixed_cny - cost_of(worked_document()).fixed_cny,
            parse_decimal("11122.33", "difference"));
}

TEST(CostOfService, PricePartsAdd) {
  json document = worked_document();
  json& parts = document["energy"]["price_parts"];
  parts[0]["figure"]["value"] = "0.35";
  parts.push_back({{"name", "transmission"}, {"figure", test::figure("0.25", "CNY/kWh")}});
  EXPECT_EQ(cost_of(document).rate_cny_per_cu, cost_of(worked_document()).rate_cny_per_cu);
}

TEST(CostOfService, MethodsThatMoveUseTheYearOfLife) {
  json document = worked_document();
  json& server = document[pointer("/asset_classes/0")];
  server["method"] = "declining_base";
  server["year_of_life"] = test::figure("1", "year");
  const CostOfService first = cost_of(document);
  EXPECT_EQ(line(first, "8xH800 server"), "546000.00");  // 399,000 + 7 % of 2,100,000
  server["year_of_life"]["value"] = "5";
  EXPECT_EQ(line(cost_of(document), "8xH800 server"), "434280.00");  // 399,000 + 7 % of 504,000
}

TEST(CostOfService, RefusesWhatHasNoRate) {
  const CostSheet sheet = sheet_of(worked_document());
  const auto refusal_of = [&sheet](const DeviceFigures& device) {
    return test::refusal([&] { (void)cost_of_service(sheet, device, Rounding::to_fen); });
  };
  EXPECT_THAT(refusal_of({0, 1000}), HasSubstr("K is not above zero"));
  EXPECT_THAT(refusal_of({1, 100}), HasSubstr("is below idle power"));
  json document = worked_document();
  document["other_revenue"].push_back(cost_line("heat sold", "9000000.00"));
  EXPECT_THAT(test::refusal([&] { (void)cost_of(document); }), HasSubstr("/other_revenue"));
}

TEST(CostOfService, AnUnknownFigureIsNamedWhereItIsNeeded) {
  for (const char* where :
       {"/availability", "/energy/pue/figure", "/asset_classes/0/price", "/asset_classes/0/life",
        "/energy/price_parts/0/figure", "/operation_and_maintenance/0/figure"}) {
    json document = worked_document();
    document[pointer(where)]["value"] = nullptr;
    const std::string said = test::refusal([&] { (void)cost_of(document); });
    EXPECT_THAT(said, HasSubstr("sheet.json: " + std::string(where) + ": the figure is null"));
  }
}

TEST(Waterfall, PartsSumExactlyToTheRate) {
  json document = worked_document();
  for (int i = 0; i < 40; ++i) {
    document["operation_and_maintenance"].push_back(
        cost_line("line " + std::to_string(i), std::to_string(7 * i + 1) + ".37"));
    document["other_revenue"].push_back(
        cost_line("revenue " + std::to_string(i), std::to_string(3 * i + 1) + ".11"));
    const CostOfService cost = cost_of(document);
    const Waterfall falls = waterfall(cost);
    std::int64_t sum = 0;
    for (const WaterfallPart& part : falls.parts) sum += part.micro_cny_per_cu;
    EXPECT_EQ(sum, falls.rate_micro);
    EXPECT_EQ(falls.fixed_micro + falls.variable_micro, falls.rate_micro);
    EXPECT_EQ(decimal_text(falls.rate_micro, 6), rounded_text(cost.rate_cny_per_cu, 6));
    // No part is more than one unit away from its exact value.
    for (std::size_t p = 0; p < cost.fixed_lines.size(); ++p) {
      const Rational exact = cost.fixed_lines[p].cny / cost.delivered_cu * 1000000;
      EXPECT_LE(abs(exact - falls.parts[p].micro_cny_per_cu), 1);
    }
  }
}

}  // namespace
}  // namespace assay::pricing
