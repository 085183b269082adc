/// Asset lists and a meter's series: what they complete, what they are refused for.
#include "pricing/cost_sheet_import.h"

#include <gmock/gmock.h>

#include "results/atomic_file.h"
#include "support.h"
#include "support/temporary_folder.h"

namespace assay::pricing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::string kAssetHead =
    "class,item,quantity,unit_price,currency,vat_basis,vat_rate,source,date\n";

class Import : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& text) {
    const std::filesystem::path path = folder_.path() / "list.csv";
    write_file_atomically(path, text);
    return path;
  }

  json open_sheet() {
    json document = test::worked_document();
    document["asset_classes"][0]["price"]["value"] = nullptr;
    document["energy"]["idle_power"]["value"] = nullptr;
    document["energy"]["loaded_power"]["value"] = nullptr;
    return document;
  }

  std::string assets_refusal(const std::string& rows) {
    return test::refusal([&] {
      json sheet = open_sheet();
      import_assets(sheet, write(kAssetHead + rows), "sheet.json");
    });
  }

  std::string meter_refusal(const std::string& text) {
    return test::refusal([&] {
      json sheet = open_sheet();
      import_meter(sheet, write(text), "sheet.json");
    });
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(Import, AssetsFillPriceAndLines) {
  json sheet = open_sheet();
  import_assets(
      sheet,
      write(kAssetHead + "8xH800 server,node,2,1000000.00,CNY,excluded,0.13,contract 1,2026-01-05\n"
                         "8xH800 server,\"cable, long\",10,10000,CNY,excluded,0.13,contract 2,\n"),
      "sheet.json");
  const json& asset = sheet["asset_classes"][0];
  EXPECT_EQ(asset["price"]["value"], "2100000.00");
  EXPECT_EQ(asset["items"].size(), 2U);
  EXPECT_EQ(asset["items"][1]["name"], "cable, long");
  EXPECT_THAT(asset["price"]["source"].get<std::string>(), HasSubstr("SHA-256"));
}

TEST_F(Import, AssetsAreRefusedByLine) {
  const std::string good = "8xH800 server,node,2,1000000,CNY,excluded,0.13,contract 1,\n";
  EXPECT_THAT(assets_refusal("8xH800 servr,node,2,1,CNY,excluded,0.13,c,\n"),
              HasSubstr("list.csv:2: class: the sheet has no asset class '8xH800 servr' (did you "
                        "mean '8xH800 server'?)"));
  EXPECT_THAT(assets_refusal(good + "8xH800 server,node,2,-1,CNY,excluded,0.13,c,\n"),
              HasSubstr("list.csv:3: unit_price: '-1' is below 0"));
  EXPECT_THAT(assets_refusal(good + "8xH800 server,node,2,1,CNY,included,0.13,c,\n"),
              HasSubstr("list.csv:3: vat_basis: mixed VAT bases"));
  EXPECT_THAT(assets_refusal(good + "8xH800 server,node,2,1,USD,excluded,0.13,c,\n"),
              HasSubstr("list.csv:3: currency: mixed currencies"));
  EXPECT_THAT(assets_refusal("8xH800 server,node,2,1,CNY,included,,c,\n"),
              HasSubstr("VAT is included at an unknown rate"));
  EXPECT_THAT(assets_refusal("8xH800 server,node,2,1,CNY,excluded,0.13,c,2026-02-30\n"),
              HasSubstr("list.csv:2: date: '2026-02-30' is not a date"));
  EXPECT_THAT(assets_refusal("8xH800 server,node,2,1,CNY,excluded,0.13,,\n"),
              HasSubstr("no source"));
  EXPECT_THAT(assets_refusal("8xH800 server,node,1,0.001,CNY,excluded,0.13,c,\n"),
              HasSubstr("parts of a fen"));
  EXPECT_THAT(assets_refusal("8xH800 server,\"node,2,1,CNY,excluded,0.13,c,\n"),
              HasSubstr("list.csv:2: a quote is opened here and never closed"));
  json filed = test::worked_document();
  EXPECT_THAT(test::refusal([&] { import_assets(filed, write(kAssetHead + good), "sheet.json"); }),
              HasSubstr("has a price already"));
}

const std::string kMeterHead =
    "# instrument: meter 7\n# calibration: lab, 2026\n# devices: 8\ntime_utc,power_w,state\n";

TEST_F(Import, TheMeterGivesTimeWeightedMeansPerDevice) {
  json sheet = open_sheet();
  import_meter(sheet,
               write(kMeterHead + "2026-01-01T00:00:00Z,0,start\n2026-01-01T00:01:00Z,1600,idle\n"
                                  "2026-01-01T00:04:00Z,2400,idle\n2026-01-01T00:05:00Z,5000,ramp\n"
                                  "2026-01-01T00:06:00Z,9500,loaded\n"),
               "sheet.json");
  EXPECT_EQ(sheet["energy"]["idle_power"]["value"], "275.000");  // (1600 + 3 · 2400)/4/8
  EXPECT_EQ(sheet["energy"]["loaded_power"]["value"], "1187.500");
  EXPECT_EQ(sheet["energy"]["meter"]["idle_readings"], 2);
  const RateCard card = price(test::worked_certificate(), test::sheet_of([&] {
                                sheet["asset_classes"][0]["price"]["value"] = "2100000.00";
                                return sheet;
                              }()),
                              {"2026-06-01T00:00:00Z", {}});
  EXPECT_EQ(card.waterfall.rate_micro, 42620939);
  EXPECT_EQ(to_json(card)["energy"]["grade"], "certified");
  EXPECT_EQ(to_json(card)["energy"]["loaded_power_origin"], "metered");
}

TEST_F(Import, TheMeterIsRefusedByLine) {
  EXPECT_THAT(meter_refusal("time_utc,power_w,state\n2026-01-01T00:00:00Z,0,idle\n"),
              HasSubstr("the line '# devices: ...' is missing"));
  EXPECT_THAT(meter_refusal(kMeterHead + "2026-01-01T00:00:00Z,0,x\n2026-01-01T00:00:00Z,1,idle\n"),
              HasSubstr("list.csv:6: time_utc: the reading is not after"));
  EXPECT_THAT(
      meter_refusal(kMeterHead + "2026-01-01T00:00:00Z,0,x\n2026-01-01T00:01:00Z,-1,idle\n"),
      HasSubstr("list.csv:6: power_w: '-1' is below 0"));
  EXPECT_THAT(meter_refusal(kMeterHead + "2026-01-32T00:00:00Z,0,x\n"),
              HasSubstr("not an instant"));
  EXPECT_THAT(meter_refusal(kMeterHead + "2026-01-01T00:00:00Z,0,x\n2026-01-01T00:01:00Z,1,idle\n"),
              HasSubstr("no reading is of state 'loaded'"));
  json filed = test::worked_document();
  EXPECT_THAT(test::refusal([&] {
                import_meter(filed,
                             write(kMeterHead + "2026-01-01T00:00:00Z,0,x\n2026-01-01T00:01:00Z,1,"
                                                "idle\n2026-01-01T00:02:00Z,1,loaded\n"),
                             "sheet.json");
              }),
              HasSubstr("idle power is filed already"));
}

}  // namespace
}  // namespace assay::pricing
