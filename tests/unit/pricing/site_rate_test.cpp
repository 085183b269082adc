/// Mixed fleets: shared costs split by a key to the fen, several certificates, the site's rate.
#include "pricing/site_rate.h"

#include <gmock/gmock.h>

#include "pricing/money.h"
#include "support.h"

namespace assay::pricing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json fleet() {
  return test::example_document("synthetic-b-mixed-fleet");
}

Certificate site_certificate(const std::string& device, double k) {
  Certificate certificate = test::worked_certificate();
  certificate.certificate_id = "urn:uuid:" + device;
  certificate.device.name = device;
  certificate.assessment.k_cu_per_h = Stated<double>::known(k);
  return certificate;
}

std::vector<Certificate> certificates() {
  return {site_certificate("simulated H800", 0.39576), site_certificate("simulated A800", 0.15)};
}

SiteRate site_of(const json& document) {
  return price_site(certificates(), test::sheet_of(document), test::kMidYear);
}

Rational line_named(const RateCard& card, const std::string& name) {
  for (const CostLine& one : card.cost.fixed_lines) {
    if (one.name == name) return one.cny;
  }
  return 0;
}

TEST(SiteRate, SharedLinesSumToTheFenByEveryKey) {
  for (const char* key : {"delivered_cu", "devices", "loaded_power", "capital"}) {
    json document = fleet();
    document["shared_cost_key"] = key;
    const SiteRate site = site_of(document);
    EXPECT_EQ(site.shares[0] + site.shares[1], 1);
    const auto both = [&site](const std::string& name) {
      return cny_text(
          to_fen(line_named(site.cards[0], name) + line_named(site.cards[1], name), name));
    };
    EXPECT_EQ(both("staff"), "640000.00") << key;
    EXPECT_EQ(both("space"), "300000.07") << key;
    EXPECT_EQ(both("storage sold apart"), "-55000.03") << key;
    EXPECT_EQ(both("demand charge"), "62208.00") << key;  // 32.4 · 160 · 12
  }
}

TEST(SiteRate, OwnLinesStandWithTheirSkuAlone) {
  const SiteRate site = site_of(fleet());
  EXPECT_EQ(cny_text(to_fen(line_named(site.cards[0], "support of h800"), "x")), "210000.01");
  EXPECT_EQ(line_named(site.cards[1], "support of h800"), 0);
  EXPECT_EQ(line_named(site.cards[0], "a800 servers"), 0);
}

TEST(SiteRate, TheSharesFollowTheKey) {
  json document = fleet();
  document["shared_cost_key"] = "devices";
  EXPECT_EQ(site_of(document).shares[0], Rational(32, 96));
  document["shared_cost_key"] = "capital";
  EXPECT_EQ(site_of(document).shares[0], Rational(84, 154));
}

TEST(SiteRate, TheSiteCostsWhatItsSkusCost) {
  const SiteRate site = site_of(fleet());
  Rational cost = 0;
  for (const RateCard& card : site.cards) {
    cost += card.cost.rate_cny_per_cu * card.cost.delivered_cu;
  }
  EXPECT_EQ(decimal_text(site.rate_micro, 6), rounded_text(cost / site.delivered_cu, 6));
  EXPECT_GT(site.rate_micro,
            std::min(site.cards[0].waterfall.rate_micro, site.cards[1].waterfall.rate_micro));
  EXPECT_LT(site.rate_micro,
            std::max(site.cards[0].waterfall.rate_micro, site.cards[1].waterfall.rate_micro));
  EXPECT_EQ(to_json(site).at("skus").size(), 2U);
  EXPECT_EQ(to_json(site.cards[1]).at("sku").at("name"), "a800");
}

TEST(SiteRate, AlikeSkusCostTheSameAsOneKind) {
  // Two halves of one fleet, split by CU, are the fleet.
  json halves = fleet();
  json& skus = halves["skus"];
  skus[1] = skus[0];
  skus[1]["name"] = "a800";
  skus[1]["device"] = "simulated A800";
  halves["asset_classes"] = json::array({halves["asset_classes"][2]});
  halves["operation_and_maintenance"] = json::array({halves["operation_and_maintenance"][0]});
  halves["uncertain_inputs"] = json::array();
  const SiteRate site =
      price_site({site_certificate("simulated H800", 0.4), site_certificate("simulated A800", 0.4)},
                 test::sheet_of(halves), test::kMidYear);
  EXPECT_EQ(site.cards[0].waterfall.rate_micro, site.cards[1].waterfall.rate_micro);
  EXPECT_EQ(site.rate_micro, site.cards[0].waterfall.rate_micro);
}

TEST(SiteRate, CertificatesMustFit) {
  const CostSheet sheet = test::sheet_of(fleet());
  const auto refusal_of = [&sheet](const std::vector<Certificate>& given) {
    return test::refusal([&] { (void)price_site(given, sheet, test::kMidYear); });
  };
  std::vector<Certificate> given = certificates();
  EXPECT_THAT(refusal_of({given[0]}), HasSubstr("no certificate is of 'simulated A800'"));
  EXPECT_THAT(refusal_of({given[0], given[1], given[1]}), HasSubstr("two certificates are of"));
  given.push_back(site_certificate("another", 1));
  EXPECT_THAT(refusal_of(given), HasSubstr("no SKU of the sheet is of 'another'"));
  given = certificates();
  given[1].basket = {"tb1-lite", "1", std::string(64, 'd')};
  EXPECT_THAT(refusal_of(given), HasSubstr("another basket: tb1-lite 1, not tb1 1"));
  EXPECT_THAT(test::refusal([&] { (void)price(given[0], sheet, test::kMidYear); }),
              HasSubstr("a mixed fleet of 2 SKUs"));
}

TEST(SiteRate, AFleetStatesItsDevicesOnce) {
  json document = fleet();
  document["utilisation"] = test::figure("0.5", "1");
  EXPECT_THAT(test::refusal([&] { (void)test::sheet_of(document); }),
              HasSubstr("/utilisation has no place beside skus"));
  document = fleet();
  document.erase("shared_cost_key");
  EXPECT_THAT(test::refusal([&] { (void)test::sheet_of(document); }),
              HasSubstr("shared_cost_key is missing"));
  document = fleet();
  document["asset_classes"][0]["sku"] = "h80";
  EXPECT_THAT(test::refusal([&] { (void)test::sheet_of(document); }),
              HasSubstr("did you mean 'h800'?"));
}

}  // namespace
}  // namespace assay::pricing
