/// Bills in parts: hour bands, line loss, surcharge on PUE.
#include "pricing/power_bill.h"

#include <gmock/gmock.h>

#include <numeric>

#include "pricing/reader.h"
#include "support.h"

namespace assay::pricing {
namespace {

using nlohmann::json;
using test::figure;
using test::pointer;
using ::testing::HasSubstr;

std::vector<int> hours(int first, int last) {
  std::vector<int> all(static_cast<std::size_t>(last - first + 1));
  std::iota(all.begin(), all.end(), first);
  return all;
}

json band(const std::string& name, const std::string& factor, const std::vector<int>& of_day,
          const std::vector<int>& months = hours(1, 12)) {
  return {{"name", name}, {"factor", figure(factor, "1")}, {"months", months}, {"hours", of_day}};
}

/// The worked sheet at 0.40 CNY/kWh energy and 0.10 transmission, peak half of each day.
json with_bill() {
  json document = test::worked_document();
  json& energy = document["energy"];
  energy["price_parts"] =
      json::array({{{"name", "energy"}, {"figure", figure("0.40", "CNY/kWh")}},
                   {{"name", "transmission"}, {"figure", figure("0.10", "CNY/kWh")}}});
  energy["bill"] = {
      {"voltage", "110 kV"},
      {"time_of_use",
       {{"parts", {"energy"}},
        {"bands", {band("peak", "1.5", hours(0, 11)), band("valley", "0.7", hours(12, 23))}}}},
      {"line_loss", nullptr},
      {"pue_surcharge", nullptr}};
  return document;
}

PowerTariff<Rational> tariff(const json& document) {
  return tariff_of(test::sheet_of(document), ExactReader{});
}

std::string refusal_of(const json& document) {
  return test::refusal([&] { (void)test::sheet_of(document); });
}

TEST(PowerBill, TheFactorIsTheMeanOverTheHours) {
  // 0.40 · (1.5 + 0.7)/2 + 0.10
  EXPECT_EQ(tariff(with_bill()).standing, parse_decimal("0.54", "x"));
  EXPECT_EQ(tariff(with_bill()).variable, parse_decimal("0.54", "x"));
}

TEST(PowerBill, VariableEnergyMayFallIntoOtherBands) {
  json document = with_bill();
  json& bands = document["energy"]["bill"]["time_of_use"]["bands"];
  bands[0]["use_share"] = figure("0.25", "1");
  bands[1]["use_share"] = figure("0.75", "1");
  EXPECT_EQ(tariff(document).standing, parse_decimal("0.54", "x"));
  EXPECT_EQ(tariff(document).variable, parse_decimal("0.46", "x"));  // 0.40 · 0.9 + 0.10
  bands[1]["use_share"] = figure("0.70", "1");
  EXPECT_THAT(refusal_of(document), HasSubstr("do not sum to 1"));
}

TEST(PowerBill, BandsOfMonthsCountTheirDays) {
  json document = with_bill();
  json& bands = document["energy"]["bill"]["time_of_use"]["bands"];
  bands = json::array({band("summer", "2", hours(0, 23), {7, 8}),
                       band("rest", "1", hours(0, 23), {1, 2, 3, 4, 5, 6, 9, 10, 11, 12})});
  const CostSheet sheet = test::sheet_of(document);
  EXPECT_EQ(sheet.energy.bill->bands[0].hours_of_year, 62 * 24);
  EXPECT_EQ(tariff(document).standing,
            parse_decimal("0.40", "x") * (1 + Rational(62, 365)) + parse_decimal("0.10", "x"));
}

TEST(PowerBill, EachHourStandsInOneBand) {
  json document = with_bill();
  json& bands = document["energy"]["bill"]["time_of_use"]["bands"];
  bands[1]["hours"] = hours(13, 23);
  EXPECT_THAT(refusal_of(document), HasSubstr("hour 12 of month 1 stands in 0 bands"));
  bands[1]["hours"] = hours(11, 23);
  EXPECT_THAT(refusal_of(document), HasSubstr("hour 11 of month 1 stands in 2 bands"));
}

TEST(PowerBill, TheLossIsBoughtToo) {
  json document = with_bill();
  document["energy"]["bill"]["line_loss"] = {{"share", figure("0.20", "1")}, {"parts", {"energy"}}};
  // One kWh delivered of 1/(1 - 0.2) bought: 0.40 · 0.25 more, at the flat price.
  EXPECT_EQ(tariff(document).standing, parse_decimal("0.64", "x"));
  document["energy"]["bill"]["time_of_use"]["parts"].push_back("line loss");
  EXPECT_EQ(tariff(document).standing, parse_decimal("0.65", "x"));  // 0.10 · 1.1
  document["energy"]["bill"]["line_loss"]["parts"] = {"no such part"};
  EXPECT_THAT(refusal_of(document), HasSubstr("no price part is named 'no such part'"));
}

TEST(PowerBill, TheSurchargeIsOnThePartAbove) {
  json document = with_bill();
  document[pointer("/energy/pue/figure/value")] = "3.00";
  json& bill = document["energy"]["bill"];
  const auto tier = [](const std::string& above, const std::string& price) {
    return json{{"above", figure(above, "1")}, {"price", figure(price, "CNY/kWh")}};
  };
  bill["pue_surcharge"] = {{"limit", figure("1.35", "1")},
                           {"tiers", {tier("0", "0.2"), tier("1", "0.5")}}};
  // 1.35 to 2.70 at 0.2, 2.70 to 3.00 at 0.5.
  EXPECT_EQ(tariff(document).surcharge_per_it_kwh, parse_decimal("0.42", "x"));
  document[pointer("/energy/pue/figure/value")] = "1.30";
  EXPECT_EQ(tariff(document).surcharge_per_it_kwh, 0);
  bill["pue_surcharge"]["tiers"] = {tier("0.5", "0.2")};
  EXPECT_THAT(refusal_of(document), HasSubstr("do not rise from 0"));
}

TEST(PowerBill, CapacityIsBilledByKva) {
  json document = test::worked_document();
  document["energy"]["demand"] = {{"charge", figure("32.40", "CNY/(kVA month)")},
                                  {"billed_power", figure("12", "kW")},
                                  {"basis", "transformer_capacity"}};
  EXPECT_THAT(refusal_of(document), HasSubstr("a charge in CNY/(kVA month) on kW"));
  document["energy"]["demand"]["billed_power"] = figure("12", "kVA");
  EXPECT_EQ(refusal_of(document), "");
}

}  // namespace
}  // namespace assay::pricing
