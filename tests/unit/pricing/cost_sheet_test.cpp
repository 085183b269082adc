/// Bad cost sheets: one line each that names the file, the place, what is wrong and the mend.
#include "pricing/cost_sheet.h"

#include <gmock/gmock.h>

#include "support.h"

namespace assay::pricing {
namespace {

using nlohmann::json;
using test::pointer;
using test::worked_document;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// What reading the worked sheet says with one value changed.
std::string refusal_with(const std::string& place, const json& value) {
  json document = worked_document();
  document[pointer(place)] = value;
  return test::refusal([&] { (void)test::sheet_of(document); });
}

TEST(CostSheet, ExamplesReadAndAreMarked) {
  for (const char* name : {"h800-node-worked", "example-cpu-node"}) {
    const CostSheet sheet = test::sheet_of(test::example_document(name));
    EXPECT_TRUE(sheet.example);
    for (const Figure* figure : all_figures(sheet)) {
      EXPECT_TRUE(figure->value.has_value()) << figure->where;
      EXPECT_THAT(figure->note, HasSubstr("example")) << figure->where;
    }
  }
}

struct BadValue {
  const char* place;
  json value;
  const char* says;
};

TEST(CostSheet, EachBadNumberIsOneClearLine) {
  const std::vector<BadValue> bad = {
      {"/asset_classes/0/price/value", "-1.00", "a price of -1.00 is below 0"},
      {"/operation_and_maintenance/0/figure/value", "-0.01", "a cost of -0.01 is below 0"},
      {"/energy/price_parts/0/figure/value", "-0.60", "an electricity price of -0.60 is below 0"},
      {"/energy/price_parts/0/figure/value", "0.00", "the electricity tariff is zero"},
      {"/energy/pue/figure/value", "0.9", "a PUE of 0.9 is below 1"},
      {"/utilisation/value", "1.2", "a utilisation of 1.2 is above 1"},
      {"/used_and_useful/floor/value", "60", "a floor of utilisation of 60 is above 1"},
      {"/availability/value", "0", "an availability of 0 is not above 0"},
      {"/asset_classes/0/life/value", "0", "a life of 0 is below 1"},
      {"/asset_classes/0/life/value", "2.5", "a life of 2.5 is not a whole number"},
      {"/asset_classes/0/return/rate/value", "7.00", "a return of 7.00 is above 0.50"},
      {"/asset_classes/0/residual/value", "1.01", "a residual share of 1.01 is above 1"},
      {"/asset_classes/0/price/value", "0.001", "parts of a fen"},
      {"/energy/idle_power/value", "-1", "an idle power of -1 is below 0"},
      {"/devices/count/value", "12", "do not fill whole nodes"},
      {"/asset_classes/0/price/date", "2026-02-30", "'2026-02-30' is not a date of the calendar"},
      {"/asset_classes/0/price/date", "yesterday", "'yesterday' is not a date of the calendar"},
      {"/asset_classes/0/price/source", "", "the source is empty"},
      {"/test_year/end", "2026-12-30", "the test year has 8736 hours"},
      {"/test_year/hours", 8784, "dates have 8760 hours, not 8784"},
      {"/asset_classes/0/price/vat",
       {{"basis", "included"}, {"rate", nullptr}},
       "VAT is included at an unknown rate"},
      {"/asset_classes/0/price/vat",
       {{"basis", "included"}, {"rate", "13"}},
       "the VAT rate is not between 0 and 1"},
      {"/asset_classes/0/method", "tilted_annuity", "year_of_life is needed"},
      {"/asset_classes/0/price_trend", test::figure("-0.2", "1/year"),
       "price_trend belongs to a tilted annuity only"},
      {"/asset_classes/0/year_of_life", test::figure("1", "year"), "year_of_life has no place"},
      {"/used_and_useful/floor", nullptr, "the floor rule needs its floor"},
      {"/used_and_useful/rule", "exclusion", "a floor has no place"},
      {"/margin/share", test::figure("0.05", "1"), "a share has no place"},
      {"/margin/kind", "share_of_operating_cost", "the margin's share is missing"},
      {"/energy/price_parts", json::array(), "the electricity tariff is missing"},
  };
  for (const BadValue& one : bad) {
    const std::string said = refusal_with(one.place, one.value);
    EXPECT_THAT(said, AllOf(StartsWith("sheet.json: /"), HasSubstr(one.says), HasSubstr("("),
                            Not(HasSubstr("\n"))))
        << one.place;
  }
}

TEST(CostSheet, TheFormIsStrict) {
  const std::vector<BadValue> bad = {
      {"/energy/price_parts/0/figure/unit", "CNY/MWh", "/kWh$"},
      {"/asset_classes/0/price/unit", "USD", "no exchange rate for USD"},
      {"/asset_classes/0/price/unit", "yuan", "does not match"},
      {"/asset_classes/0/price/value", "NaN",
       "/asset_classes/0/price/value: 'NaN' is not a decimal number (write it like"},
      {"/asset_classes/0/price/value", 2100000.0, "not exact (write it as a decimal string"},
      {"/asset_classes/0/price/value", "1e6", "'1e6' is not a decimal number (write it like"},
      {"/asset_classes", json::array(), "/asset_classes"},
      {"/asset_classes/0/return/tax", "after_tax", "post_tax"},
      {"/surprise", 1, "surprise"},
      {"/schema/version", 2, "/schema"},
  };
  for (const BadValue& one : bad) {
    EXPECT_THAT(refusal_with(one.place, one.value),
                AllOf(StartsWith("sheet.json"), HasSubstr(one.says), Not(HasSubstr("\n"))))
        << one.place;
  }
}

TEST(CostSheet, MissingFieldsAreNamed) {
  for (const char* field : {"energy", "utilisation", "asset_classes", "currency"}) {
    json document = worked_document();
    document.erase(field);
    EXPECT_THAT(test::refusal([&] { (void)test::sheet_of(document); }), HasSubstr(field));
  }
  json document = worked_document();
  document["energy"].erase("price_parts");
  EXPECT_THAT(test::refusal([&] { (void)test::sheet_of(document); }), HasSubstr("price_parts"));
}

TEST(CostSheet, NumbersThatAreNotJsonAreRefused) {
  EXPECT_NE(test::refusal([] { (void)parse_json("{\"a\": NaN}", "sheet.json"); }), "");
}

TEST(CostSheet, NamesStandOnce) {
  json document = worked_document();
  json line = document["operation_and_maintenance"][0];
  line["name"] = "8xH800 server";  // an asset class has that name
  document["operation_and_maintenance"].push_back(line);
  EXPECT_THAT(test::refusal([&] { (void)test::sheet_of(document); }),
              AllOf(HasSubstr("/operation_and_maintenance/1/name"), HasSubstr("stands twice")));
  document = worked_document();
  document["energy"]["price_parts"].push_back(document["energy"]["price_parts"][0]);
  EXPECT_THAT(test::refusal([&] { (void)test::sheet_of(document); }),
              HasSubstr("/energy/price_parts/1/name"));
}

TEST(CostSheet, AFigureHasASourceOrANote) {
  json document = worked_document();
  document[pointer("/utilisation/source")] = nullptr;
  document[pointer("/utilisation/note")] = "";
  EXPECT_THAT(test::refusal([&] { (void)test::sheet_of(document); }),
              HasSubstr("neither source nor note"));
}

TEST(CostSheet, UncertainInputsNameFigures) {
  const auto with = [](const std::string& figure, const std::string& u, const std::string& rho) {
    json document = worked_document();
    const json input = {{"figure", figure},         {"standard_uncertainty", u},
                        {"distribution", "normal"}, {"correlation_with_k", rho},
                        {"source", nullptr},        {"note", "test"}};
    document["uncertain_inputs"] = json::array({input});
    return test::refusal([&] { (void)test::sheet_of(document); });
  };
  EXPECT_EQ(with("/energy/pue/figure", "0.05", "0"), "");
  EXPECT_THAT(with("/energy/pu", "0.05", "0"), HasSubstr("no figure stands at"));
  EXPECT_THAT(with("/utilisation", "0.05", "0"), HasSubstr("filed determinant"));
  EXPECT_THAT(with("/asset_classes/0/life", "1", "0"), HasSubstr("filed determinant"));
  EXPECT_THAT(with("/energy/pue/figure", "0", "0"), HasSubstr("not above zero"));
  EXPECT_THAT(with("/energy/pue/figure", "0.05", "1.1"), HasSubstr("correlations"));
}

}  // namespace
}  // namespace assay::pricing
