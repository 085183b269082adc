/// The rate card: what it takes, what it says, what it refuses.
#include "pricing/rate_card.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "support.h"

namespace assay::pricing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

RateCard card_of(const Certificate& certificate) {
  return price(certificate, test::sheet_of(test::worked_document()), test::kMidYear);
}

std::string refusal_of(const Certificate& certificate, const PriceRequest& request) {
  return test::refusal(
      [&] { (void)price(certificate, test::sheet_of(test::worked_document()), request); });
}

bool has_flag(const RateCard& card, const std::string& name) {
  return std::any_of(card.flags.begin(), card.flags.end(),
                     [&name](const RateFlag& flag) { return flag.name == name; });
}

TEST(RateCard, WorkedFigure) {
  const json document = to_json(card_of(test::worked_certificate()));
  EXPECT_THAT(document["rate"]["cny_per_cu"].get<std::string>(), HasSubstr("42.62"));
  EXPECT_EQ(document["rate"]["unit"], "CNY/CU");
  EXPECT_EQ(document["basket"]["name"], "tb1");
  EXPECT_EQ(document["cost_sheet"]["digest"], digest(test::worked_document()));
  EXPECT_EQ(document["throughput"]["k_cu_per_h"], "0.39576");
  EXPECT_EQ(document["device_hour"]["credit_cu"]["value"], "0.3915");
}

TEST(RateCard, KCertIsCreditedAndNotDividedBy) {
  Certificate certificate = test::worked_certificate();
  const RateCard sharp = card_of(certificate);
  certificate.assessment.k_cert_cu_per_h = Stated<double>::known(0.3);
  const RateCard blunt = card_of(certificate);
  EXPECT_EQ(sharp.waterfall.rate_micro, blunt.waterfall.rate_micro);
  // 42.620... · 0.3915 and · 0.3: the better measurement earns more.
  EXPECT_THAT(*sharp.device_hour_cny.value, HasSubstr("16.68"));
  EXPECT_THAT(*blunt.device_hour_cny.value, HasSubstr("12.78"));
}

TEST(RateCard, WithoutKCertADeviceHourHasNoPrice) {
  Certificate certificate = test::worked_certificate();
  certificate.assessment.k_cert_cu_per_h = Stated<double>::missing("one process");
  const json document = to_json(card_of(certificate));
  EXPECT_TRUE(document["device_hour"]["price_cny"]["value"].is_null());
  EXPECT_EQ(document["device_hour"]["price_cny"]["reason"], "one process");
  certificate.assessment.k_cert_cu_per_h = Stated<double>::known(-0.1);
  EXPECT_FALSE(card_of(certificate).device_hour_cny.has_value());
}

TEST(RateCard, MeasuredPowerStandsOnlyForItsOwnBoundary) {
  Certificate certificate = test::worked_certificate();
  certificate.assessment.power_w = Stated<double>::known(650.5);
  const RateCard wall = card_of(certificate);
  EXPECT_FALSE(wall.power_measured);
  EXPECT_TRUE(has_flag(wall, "declared-power"));
  EXPECT_EQ(wall.loaded_power_w, "1187.5");

  json sheet = test::worked_document();
  sheet["energy"]["power_boundary"] = "device";
  sheet["energy"]["loaded_power"]["value"] = nullptr;  // not needed: it was measured
  const RateCard board = price(certificate, test::sheet_of(sheet), test::kMidYear);
  EXPECT_TRUE(board.power_measured);
  EXPECT_FALSE(has_flag(board, "declared-power"));
  EXPECT_EQ(board.loaded_power_w, "650.5");

  certificate.assessment.power_w = Stated<double>::missing("no telemetry");
  EXPECT_THAT(
      test::refusal([&] { (void)price(certificate, test::sheet_of(sheet), test::kMidYear); }),
      HasSubstr("/energy/loaded_power: the figure is null"));
}

TEST(RateCard, RefusesACertificateThatIsNotValidThen) {
  const Certificate certificate = test::worked_certificate();
  EXPECT_EQ(refusal_of(certificate, test::kMidYear), "");
  EXPECT_THAT(refusal_of(certificate, {"2027-01-01T00:00:00Z", {}}),
              HasSubstr("expired on 2026-12-31T00:00:00Z"));
  EXPECT_THAT(refusal_of(certificate, {"2025-12-31T23:59:59Z", {}}),
              HasSubstr("after the date of the rate"));
  EXPECT_THAT(refusal_of(certificate, {"2026-06-01", {}}), HasSubstr("not an instant"));
  const Revocations revoked = {
      {certificate.certificate_id, {"2026-03-01T00:00:00Z", "wrong device"}}};
  EXPECT_THAT(refusal_of(certificate, {"2026-06-01T00:00:00Z", revoked}),
              HasSubstr("revoked from 2026-03-01T00:00:00Z: wrong device"));
  EXPECT_EQ(refusal_of(certificate, {"2026-02-01T00:00:00Z", revoked}), "");
}

TEST(RateCard, RefusesACertificateWithoutK) {
  Certificate certificate = test::worked_certificate();
  certificate.assessment.k_cu_per_h = Stated<double>::missing("item moe-slice was not run");
  EXPECT_THAT(refusal_of(certificate, test::kMidYear),
              HasSubstr("states no CU rate K: item moe-slice was not run"));
}

TEST(RateCard, IndicativeIsSaidOnEachPageAndField) {
  Certificate certificate = test::worked_certificate();
  EXPECT_THAT(rate_card_table(card_of(certificate)), Not(HasSubstr("INDICATIVE")));
  certificate.assessment.grade = "indicative";
  certificate.assessment.shortfalls = {"the suite was quick"};
  const RateCard card = card_of(certificate);
  EXPECT_TRUE(has_flag(card, "indicative"));
  EXPECT_THAT(rate_card_table(card), HasSubstr("INDICATIVE"));
  EXPECT_THAT(rate_card_markdown(card), HasSubstr("INDICATIVE"));
  EXPECT_THAT(rate_card_markdown(card), HasSubstr("the suite was quick"));
  const json document = to_json(card);
  EXPECT_EQ(document["grade"], "indicative");
  EXPECT_EQ(document["rate"]["grade"], "indicative");
  EXPECT_EQ(document["device_hour"]["grade"], "indicative");
}

TEST(RateCard, FlagsWhatAReaderMustKnow) {
  Certificate certificate = test::worked_certificate();
  EXPECT_TRUE(has_flag(card_of(certificate), "example-sheet"));
  EXPECT_FALSE(has_flag(card_of(certificate), "node-not-loaded"));
  EXPECT_FALSE(has_flag(card_of(certificate), "signature-not-checked"));
  certificate.device_count = 1;
  certificate.verified_key_id.clear();
  EXPECT_TRUE(has_flag(card_of(certificate), "node-not-loaded"));
  EXPECT_TRUE(has_flag(card_of(certificate), "signature-not-checked"));
}

TEST(RateCard, MarkdownHasTheParts) {
  const RateCard card = card_of(test::worked_certificate());
  const std::string page = rate_card_markdown(card);
  for (const char* part :
       {"## How to read it", "## What the rate is made of", "## Interval", "## Flags",
        "## Figures of the cost sheet", "42.62", "493,911.94", "https://m.mydrivers.com", "####"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
  // Each row of the waterfall is aligned: the figure ends in the same column.
  const std::string text = waterfall_text(card);
  const std::size_t header_end = text.find("share") + 5;
  for (std::size_t line = text.find('\n') + 1; line < text.size();
       line = text.find('\n', line) + 1) {
    EXPECT_EQ(text.at(line + header_end - 1), '%');
  }
}

TEST(RateCard, ExampleCpuSheetPrices) {
  Certificate certificate = test::worked_certificate();
  certificate.device_count = 1;
  certificate.assessment.k_cu_per_h = Stated<double>::known(0.000412345678901234);
  certificate.assessment.u_c_cu_per_h = Stated<double>::known(0.0000021);
  certificate.assessment.k_cert_cu_per_h = Stated<double>::known(0.000407);
  const RateCard card = price(
      certificate, test::sheet_of(test::example_document("example-cpu-node")), test::kMidYear);
  EXPECT_TRUE(has_flag(card, "utilisation-floor"));
  const json document = to_json(card);
  EXPECT_EQ(document["throughput"]["k_cu_per_h"], "0.000412345678901234");
  EXPECT_EQ(document["interval"]["contributions"].size(), 3U);
}

TEST(Revocations, ListOfARegistry) {
  const std::string head = "certificate,effective_utc,reason\n";
  const auto refused = [&head](const std::string& rows) {
    return test::refusal([&] { (void)parse_revocations(head + rows, "revoked.csv"); });
  };
  const Revocations list = parse_revocations(
      head + "urn:uuid:1,2026-03-01T00:00:00Z,\"wrong device, wrong node\"\n", "revoked.csv");
  EXPECT_EQ(list.at("urn:uuid:1").reason, "wrong device, wrong node");
  EXPECT_THAT(refused("urn:uuid:1,2026-03-01,x\n"), HasSubstr("revoked.csv:2: effective_utc"));
  EXPECT_THAT(refused("urn:uuid:1,2026-03-01T00:00:00Z,\n"), HasSubstr("revoked.csv:2: reason"));
  EXPECT_THAT(refused("urn:uuid:1,2026-03-01T00:00:00Z,x\nurn:uuid:1,2026-04-01T00:00:00Z,y\n"),
              HasSubstr("revoked.csv:3"));
}

TEST(Revocations, FromTheirInstantOnOrByTheCertificateItself) {
  Certificate certificate = test::worked_certificate();
  const Revocations list = {{certificate.certificate_id, {"2026-03-01T00:00:00Z", "lost"}}};
  EXPECT_EQ(why_revoked(certificate, list, "2026-02-28T23:59:59Z"), "");
  EXPECT_THAT(why_revoked(certificate, list, "2026-03-01T00:00:00Z"), HasSubstr("lost"));
  EXPECT_EQ(why_revoked(certificate, {}, "2026-03-01T00:00:00Z"), "");
  EXPECT_EQ(why_not_valid(certificate, list, "2026-02-01T00:00:00Z"), "");
  EXPECT_EQ(why_not_valid(certificate, {}, "2026-12-31T00:00:00Z"), "");
  EXPECT_THAT(why_not_valid(certificate, {}, "2026-12-31T00:00:01Z"), HasSubstr("expired"));
  EXPECT_THAT(why_not_valid(certificate, {}, "2025-12-31T23:59:59Z"), HasSubstr("not yet"));
  EXPECT_THAT(why_not_valid(certificate, list, "2026-06-01T00:00:00Z"), HasSubstr("was revoked"));
  certificate.predicate["revocation"] = {{"value", "withdrawn"}};
  EXPECT_THAT(why_revoked(certificate, {}, "2026-01-01T00:00:00Z"), HasSubstr("withdrawn"));
}

}  // namespace
}  // namespace assay::pricing
