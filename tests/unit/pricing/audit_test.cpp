/// The audit of posted prices: each unit's conversion by hand, each verdict, and each flag on both
/// sides of its threshold.
#include "pricing/audit/audit.h"

#include <gmock/gmock.h>

#include "pricing/audit/sites.h"
#include "results/edition/basket.h"
#include "results/edition/model_flops.h"
#include "support.h"

namespace assay::pricing {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHead =
    "seller,seller_code,sku,unit,price,currency,vat,date,source,site,affiliates,quantity,devices,"
    "configuration,vat_rate,cny_per_currency,exchange_source,precision,sparsity,declared_pue\n";

Rational number(const std::string& text) {
  return parse_decimal(text, "test");
}

/// K 0.4, K_cert 0.32 CU/h: h of 16 CNY is 50 CNY/CU to a ceiling and 40 to cost.
Certificate certificate_of(const std::string& device = "H800 SXM5") {
  Certificate certificate = test::worked_certificate();
  certificate.device.name = device;
  certificate.predicate["customer"] = {{"value", "Seller"}};
  certificate.assessment.k_cu_per_h = Stated<double>::known(0.4);
  certificate.assessment.k_cert_cu_per_h = Stated<double>::known(0.32);
  certificate.assessment.expanded_cu_per_h = Stated<double>::known(0.02);
  certificate.assessment.mfu.nominal = Stated<double>::known(0.4);
  return certificate;
}

json sheet_document() {
  json document = test::worked_document();
  document["site"]["operator"] = "Seller";
  return document;
}

/// One row: the first nine columns, then those named.
std::string row(const std::string& unit, const std::string& price,
                const std::map<std::string, std::string>& more = {}) {
  std::map<std::string, std::string> fields = {
      {"seller", "Seller"}, {"sku", "H800 SXM5"}, {"unit", unit},         {"price", price},
      {"currency", "CNY"},  {"vat", "excluded"},  {"date", "2026-05-01"}, {"source", "test"}};
  for (const auto& [name, value] : more) fields[name] = value;
  std::string line;
  const std::string head(kHead);
  for (std::size_t at = 0; at < head.size();) {
    const std::size_t end = head.find_first_of(",\n", at);
    line += fields[head.substr(at, end - at)];
    line += head[end];
    at = end + 1;
  }
  return line;
}

std::vector<Tariff> tariffs_of(const std::string& rows) {
  return parse_tariffs(kHead + rows, "tariffs.csv");
}

AuditInput input_of(const std::string& rows) {
  AuditInput input;
  input.tariffs = tariffs_of(rows);
  input.certificates = {certificate_of()};
  input.sheets = {test::sheet_of(sheet_document())};
  input.rules = default_audit_rules();
  input.date_utc = "2026-06-01T00:00:00Z";
  return input;
}

AuditRow only_row(const AuditInput& input) {
  const Audit audited = audit(input);
  EXPECT_EQ(audited.rows.size(), 1U);
  return audited.rows.front();
}

std::vector<std::string> flags_of(const AuditRow& one, const AuditInput& input) {
  std::vector<std::string> names;
  for (const std::size_t index : one.flags) names.push_back(input.rules.rules[index].name);
  return names;
}

std::vector<std::string> flags_of(const AuditInput& input) {
  return flags_of(only_row(input), input);
}

/// CNY/CU by K_cert of the single reading.
Rational converted(const std::string& one_row) {
  const DeviceConversion device = device_conversion(certificate_of(), load_peaks(), "test");
  const Converted result = convert(tariffs_of(one_row).front(), device, {0});
  EXPECT_EQ(result.readings.size(), 1U) << result.reason;
  return result.readings.empty() ? Rational(0) : result.readings.front().ceiling_side;
}

TEST(TariffConversion, EachUnitByHand) {
  EXPECT_EQ(converted(row("card_hour", "16")), 50);      // 16 / 0.32
  EXPECT_EQ(converted(row("card_day", "384")), 50);      // 16 · 24
  EXPECT_EQ(converted(row("card_month", "11680")), 50);  // 16 · 730
  EXPECT_EQ(converted(row("card_year", "140160")), 50);  // 16 · 8,760
  EXPECT_EQ(converted(row("node_hour", "128", {{"devices", "8"}})), 50);
  EXPECT_EQ(converted(row("node_year", "1121280", {{"devices", "8"}})), 50);
  EXPECT_EQ(converted(row("cu", "50")), 50);
  EXPECT_EQ(converted(row("card_hour", "1600", {{"quantity", "100"}})), 50);
  EXPECT_EQ(
      converted(row("card_hour", "2",
                    {{"currency", "USD"}, {"cny_per_currency", "8"}, {"exchange_source", "test"}})),
      50);
  EXPECT_EQ(converted(row("card_hour", "18.08", {{"vat", "included"}, {"vat_rate", "0.13"}})), 50);
}

TEST(TariffConversion, NameplateOfThePeakTable) {
  // 0.9894 P dense: 100 CNY a P·day is 100 / (24 · 0.32 / 0.9894); sparse doubles P.
  const Rational dense = number("100") * number("0.9894") / (24 * number("0.32"));
  const std::map<std::string, std::string> stated = {{"precision", "fp16"}, {"sparsity", "dense"}};
  EXPECT_EQ(converted(row("p_day", "100", stated)), dense);
  EXPECT_EQ(converted(row("p_year", "36500", stated)), dense);
  EXPECT_EQ(converted(row("p_day", "100", {{"precision", "fp16"}, {"sparsity", "sparse"}})),
            dense * 2);
  const DeviceConversion device = device_conversion(certificate_of(), load_peaks(), "test");
  // Neither stated: FP16 and FP8, each dense and sparse.
  EXPECT_EQ(convert(tariffs_of(row("p_day", "100")).front(), device, {0}).readings.size(), 4U);
  EXPECT_TRUE(nameplates_of(load_peaks(), "no such device").empty());
}

TEST(TariffConversion, TrainingTokensOfABasketItem) {
  const Basket basket = load_basket("tb1");
  Certificate certificate = certificate_of();
  certificate.basket = {basket.name, basket.version, basket.digest};
  ItemFigures item;
  item.basket_item = basket.items.front().name;
  item.pflops = 0.25;
  certificate.assessment.items = {item};
  const DeviceConversion device = device_conversion(certificate, load_peaks(), "test");
  const Converted result =
      convert(tariffs_of(row("training_token", "2",
                             {{"quantity", "1000000"}, {"configuration", item.basket_item}}))
                  .front(),
              device, {0});
  ASSERT_EQ(result.readings.size(), 1U) << result.reason;
  const Rational flops = model_flops_per_token(basket.items.front().model);
  const Rational work = Rational(36) * power_of_ten(17) / 4;  // FLOPs of an hour at 0.25 PFLOP/s
  EXPECT_EQ(result.readings[0].ceiling_side, number("0.000002") * work / (flops * number("0.32")));
  EXPECT_EQ(result.readings[0].cost_side, number("0.000002") * work / (flops * number("0.4")));
}

TEST(TariffConversion, NotTrainingWork) {
  const DeviceConversion device = device_conversion(certificate_of(), load_peaks(), "test");
  for (const char* unit : {"inference_token", "core_hour"}) {
    const Converted result = convert(tariffs_of(row(unit, "1")).front(), device, {0});
    EXPECT_TRUE(result.readings.empty());
    EXPECT_FALSE(result.reason.empty());
  }
  EXPECT_THAT(convert(tariffs_of(row("training_token", "1", {{"configuration", "none"}})).front(),
                      device, {0})
                  .reason,
              HasSubstr("'none'"));
}

TEST(Audit, VerdictsOnBothSidesOfEachEnd) {
  const AuditRow sample = only_row(input_of(row("card_hour", "16")));
  ASSERT_TRUE(sample.fair_rate);
  const Rational fair = sample.fair_rate->cny_per_cu;
  AuditInput input = input_of(row("card_hour", "16"));
  Rational& price = input.tariffs[0].cny;
  price = fair * number("0.4");  // h / K equals the fair rate
  input.rules.above_factor = 2;
  EXPECT_EQ(only_row(input).verdict, PriceVerdict::within_band);
  price -= number("0.000001");
  EXPECT_EQ(only_row(input).verdict, PriceVerdict::below_cost);
  price = fair * 2 * number("0.32");  // h / K_cert equals the upper end
  EXPECT_EQ(only_row(input).verdict, PriceVerdict::within_band);
  price += number("0.000001");
  EXPECT_EQ(only_row(input).verdict, PriceVerdict::above);
  EXPECT_THAT(why_text(only_row(input), input), HasSubstr("band's upper end"));
  input.ceiling_cny_per_cu = price / number("0.32");
  EXPECT_EQ(only_row(input).verdict, PriceVerdict::within_band);
  *input.ceiling_cny_per_cu -= number("0.000001");
  EXPECT_EQ(only_row(input).verdict, PriceVerdict::above);
  EXPECT_FALSE(audit(input).passed());
}

TEST(Audit, NotComparable) {
  const auto reason = [](const std::function<void(AuditInput&)>& change) {
    AuditInput input = input_of(row("card_hour", "16"));
    change(input);
    const AuditRow one = only_row(input);
    EXPECT_EQ(one.verdict, PriceVerdict::not_comparable);
    return one.reason;
  };
  EXPECT_THAT(reason([](AuditInput& i) { i.certificates.clear(); }), HasSubstr("uncertified"));
  EXPECT_THAT(reason([](AuditInput& i) { i.certificates[0].assessment.grade = "indicative"; }),
              HasSubstr("indicative"));
  EXPECT_THAT(reason([](AuditInput& i) { i.date_utc = "2026-12-31T00:00:01Z"; }),
              HasSubstr("expired"));
  EXPECT_THAT(reason([](AuditInput& i) { i.date_utc = "2025-12-31T00:00:00Z"; }),
              HasSubstr("not yet issued"));
  EXPECT_THAT(reason([](AuditInput& i) { i.basket = "tb1-lite"; }), HasSubstr("another basket"));
  EXPECT_THAT(reason([](AuditInput& i) { i.sheets.clear(); }), HasSubstr("no cost sheet"));
  EXPECT_THAT(reason([](AuditInput& i) { i.tariffs[0].seller = "Other"; }),
              HasSubstr("uncertified"));
  EXPECT_THAT(reason([](AuditInput& i) { i.tariffs[0].certificate = "urn:uuid:0"; }),
              HasSubstr("not in the folder"));
}

TEST(Audit, WhatIsNotStatedDecidesOrNot) {
  AuditInput input = input_of(row("card_hour", "16", {{"vat", "unstated"}}));
  const Rational fair = only_row(input).fair_rate->cny_per_cu;
  input.tariffs[0].cny = fair * number("0.4") * number("1.1");  // 1.1 fair, or under it with VAT
  input.rules.above_factor = 2;
  AuditRow one = only_row(input);
  EXPECT_EQ(one.readings.size(), 3U);
  EXPECT_EQ(one.verdict, PriceVerdict::not_comparable);
  EXPECT_THAT(one.reason, HasSubstr("decides"));
  input.tariffs[0].cny = fair * 10;  // above under all of them
  EXPECT_EQ(only_row(input).verdict, PriceVerdict::above);
}

TEST(Audit, WithACeilingAloneOnlyAboveIsKnown) {
  AuditInput input = input_of(row("card_hour", "16"));
  input.sheets.clear();
  input.ceiling_cny_per_cu = 50;
  EXPECT_EQ(only_row(input).verdict, PriceVerdict::not_comparable);
  input.ceiling_cny_per_cu = number("49.99");
  EXPECT_EQ(only_row(input).verdict, PriceVerdict::above);
}

TEST(AuditFlags, PriceAgainstFairRate) {
  AuditInput input = input_of(row("card_hour", "16"));
  const Rational fair = only_row(input).fair_rate->cny_per_cu;
  input.tariffs[0].cny = fair * number("1.1") * number("0.32");
  EXPECT_THAT(flags_of(input), Not(Contains("rate-outside-band")));
  input.tariffs[0].cny += number("0.001");
  EXPECT_THAT(flags_of(input), Contains("rate-outside-band"));
}

TEST(AuditFlags, PriceAgainstTheYardstick) {
  // Three sellers at 50, 50 and x CNY/CU: the median is 50.
  const auto third = [](const std::string& price) {
    std::string rows;
    for (const char* seller : {"A", "B"}) rows += row("card_hour", "16", {{"seller", seller}});
    AuditInput input = input_of(rows + row("card_hour", price));
    for (const char* seller : {"A", "B"}) {
      input.certificates.push_back(certificate_of());
      input.certificates.back().predicate["customer"] = {{"value", seller}};
    }
    const Audit audited = audit(input);
    EXPECT_EQ(audited.yardsticks.at(0).cny_per_cu, Rational(50));
    for (const AuditRow& one : audited.rows) {
      if (one.tariff == 2) return flags_of(one, input);
    }
    return std::vector<std::string>();
  };
  EXPECT_THAT(third("32"), Not(Contains("price-off-yardstick")));
  EXPECT_THAT(third("32.01"), Contains("price-off-yardstick"));
  EXPECT_FALSE(audit(input_of(row("card_hour", "16"))).yardsticks.at(0).cny_per_cu);
}

TEST(AuditFlags, Pue) {
  const auto with_pue = [](const std::string& pue, const std::string& declared) {
    AuditInput input = input_of(row("card_hour", "16", {{"declared_pue", declared}}));
    set_figure(input.sheets[0], input.sheets[0].energy.pue.pointer, number(pue));
    return flags_of(input);
  };
  EXPECT_THAT(with_pue("1.03", "1.03"), Not(Contains("pue-too-good")));
  EXPECT_THAT(with_pue("1.029", "1.03"), Contains("pue-too-good"));
  EXPECT_THAT(with_pue("1.3", "1.3"), Not(Contains("pue-over-declared")));
  EXPECT_THAT(with_pue("1.301", "1.3"), Contains("pue-over-declared"));
}

TEST(AuditFlags, CapitalAgainstOtherSheets) {
  const auto with_factor = [](const std::string& factor) {
    AuditInput input = input_of(row("card_hour", "16"));
    for (const char* name : {"A", "B"}) {
      input.sheets.push_back(input.sheets[0]);
      input.sheets.back().site_operator = name;
    }
    for (AssetClass& each : input.sheets[0].asset_classes) {
      each.price.value = *each.price.value * number(factor);
    }
    return flags_of(input);
  };
  EXPECT_THAT(with_factor("2"), Not(Contains("capital-outlier")));
  EXPECT_THAT(with_factor("2.001"), Contains("capital-outlier"));
}

TEST(AuditFlags, RelatedParty) {
  const std::string a = "91310000AAAAAAAAA1";
  const std::string b = "91310000BBBBBBBBB2";
  const auto flags = [&a](const std::string& affiliate) {
    AuditInput input = input_of(row("card_hour", "16", {{"seller_code", a}}) +
                                row("card_hour", "16",
                                    {{"seller", "Other"},
                                     {"seller_code", "91310000BBBBBBBBB2"},
                                     {"affiliates", affiliate}}));
    std::size_t raised = 0;
    for (const AuditRow& one : audit(input).rows) {
      for (const std::string& name : flags_of(one, input)) raised += name == "related-party";
    }
    return raised;
  };
  EXPECT_EQ(flags(a), 1U);
  EXPECT_EQ(flags(b), 0U);  // itself
}

TEST(AuditFlags, AssetLifeAndUtilisationBetweenFilings) {
  AuditInput input = input_of(row("card_hour", "16"));
  CostSheet earlier = input.sheets[0];
  earlier.test_year_start = "2024-01-01";
  earlier.test_year_end = "2024-12-31";
  input.sheets[0].test_year_end = "2026-12-31";  // the certificate is of 2026-01-01
  earlier.utilisation.value = *input.sheets[0].utilisation.value - number("0.2");
  input.sheets.push_back(earlier);
  EXPECT_THAT(flags_of(input), Not(Contains("asset-life-changed")));
  EXPECT_THAT(flags_of(input), Not(Contains("utilisation-jump")));
  input.sheets[1].asset_classes[0].life_years += 1;
  *input.sheets[1].utilisation.value -= number("0.001");
  EXPECT_THAT(flags_of(input), Contains("asset-life-changed"));
  EXPECT_THAT(flags_of(input), Contains("utilisation-jump"));
  EXPECT_FALSE(audit(input).passed());  // a hard rule
}

TEST(AuditFlags, OfTheCertificate) {
  AuditInput input = input_of(row("card_hour", "16"));
  Assessment& assessment = input.certificates[0].assessment;
  assessment.mfu.nominal = Stated<double>::known(1.0);
  assessment.expanded_cu_per_h = Stated<double>::known(0.02);  // 5 % of 0.4
  const Rational filed = *input.sheets[0].energy.loaded_power.value;
  assessment.power_w = Stated<double>::known(filed.convert_to<double>() / 0.95 - 0.01);
  EXPECT_THAT(flags_of(input), Not(Contains("mfu-over-peak")));
  EXPECT_THAT(flags_of(input), Not(Contains("uncertainty-too-large")));
  EXPECT_THAT(flags_of(input), Not(Contains("energy-too-small")));
  assessment.mfu.nominal = Stated<double>::known(1.001);
  assessment.expanded_cu_per_h = Stated<double>::known(0.0201);
  assessment.power_w = Stated<double>::known(filed.convert_to<double>() / 0.95 + 0.01);
  EXPECT_THAT(flags_of(input), Contains("mfu-over-peak"));
  EXPECT_THAT(flags_of(input), Contains("uncertainty-too-large"));
  EXPECT_THAT(flags_of(input), Contains("energy-too-small"));
}

TEST(AuditFlags, OfTheTariffs) {
  EXPECT_THAT(flags_of(input_of(row("card_hour", "16"))), Not(Contains("nameplate-count")));
  AuditInput dense = input_of(row("p_day", "1", {{"precision", "fp16"}, {"sparsity", "dense"}}));
  EXPECT_THAT(flags_of(dense), Contains("nameplate-count"));
  EXPECT_THAT(flags_of(dense), Not(Contains("sparsity-count")));
  EXPECT_THAT(flags_of(input_of(row("p_day", "1"))), Contains("sparsity-count"));
  AuditInput mixed = input_of(row("card_hour", "16") +
                              row("card_hour", "16", {{"vat", "included"}, {"vat_rate", "0.13"}}));
  for (const AuditRow& one : audit(mixed).rows) {
    EXPECT_THAT(flags_of(one, mixed), Contains("mixed-vat-bases"));
  }
  EXPECT_THAT(flags_of(input_of(row("card_hour", "16"))), Not(Contains("mixed-vat-bases")));
}

TEST(Audit, FirstThingsFirst) {
  const AuditInput input =
      input_of(row("core_hour", "1") + row("card_hour", "1") + row("card_hour", "100"));
  const Audit audited = audit(input);
  EXPECT_EQ(audited.rows[0].verdict, PriceVerdict::above);
  EXPECT_EQ(audited.rows[1].verdict, PriceVerdict::below_cost);
  EXPECT_EQ(audited.rows[2].verdict, PriceVerdict::not_comparable);
}

json document_of(const AuditInput& input) {
  return json::parse(audit_json_text(audit(input), input, FlagLines::one));
}

/// Byte for byte what a tree of the document prints: with no row, without readings, with one and
/// several, with no flag, one and several, with text that has to be escaped.
TEST(Audit, TextIsThatOfTheTree) {
  const std::string rows = row("card_hour", "16") + row("core_hour", "1") + row("p_day", "3") +
                           row("card_hour", "900", {{"vat", "unstated"}});
  for (AuditInput input : {input_of(rows), input_of(row("card_hour", "16"))}) {
    input.tariffs[0].source = "a \"quote\", a \\, a\ttab, a \x01, \u00e9 \u7b97\u529b";
    for (const bool none : {false, true}) {
      if (none) input.tariffs.clear();
      const Audit audited = audit(input);
      const std::string one = audit_json_text(audited, input, FlagLines::one);
      EXPECT_EQ(one, readable_json(json::parse(one)) + "\n");
      EXPECT_EQ(audit_json_text(audited, input, FlagLines::each), json::parse(one).dump(2) + "\n");
      EXPECT_EQ(json::parse(one)["rows"].size(), input.tariffs.size());
    }
  }
}

TEST(Audit, DocumentHasItsForm) {
  const AuditInput input = input_of(row("card_hour", "16") + row("core_hour", "1"));
  const json document = document_of(input);
  EXPECT_NO_THROW(validate(document, "audit", "audit"));
  EXPECT_EQ(document["rules"]["digest"], input.rules.digest);
  EXPECT_THAT(audit_csv(audit(input), input), HasSubstr(input.rules.digest));
}

TEST(Audit, TestKeyIsNamed) {
  AuditInput input = input_of(row("card_hour", "16"));
  EXPECT_THAT(audit_table(audit(input), input, 9), Not(HasSubstr("TEST KEY")));
  input.certificates[0].key_ids = {
      "34b173b3e44b0d95fa2738bf3770f1401a8a248da56c40ffade42a34f4083f72"};
  EXPECT_THAT(audit_table(audit(input), input, 9), HasSubstr("TEST KEY"));
  EXPECT_THAT(audit_csv(audit(input), input), HasSubstr("TEST KEY"));
  EXPECT_EQ(document_of(input)["test_key"], true);
}

TEST(Tariffs, BadInputNamesLineAndColumn) {
  const auto refused = [](const std::string& rows) {
    return test::refusal([&] { (void)tariffs_of(rows); });
  };
  EXPECT_THAT(refused(row("card_hour", "16") + row("card_hours", "16")),
              HasSubstr("tariffs.csv:3: unit: unknown unit 'card_hours'"));
  EXPECT_THAT(refused(row("card_hour", "-1")), HasSubstr("tariffs.csv:2: price"));
  EXPECT_THAT(refused(row("card_hour", "0")), HasSubstr("not above 0"));
  EXPECT_THAT(refused(row("card_hour", "2", {{"currency", "USD"}})), HasSubstr("exchange rate"));
  EXPECT_THAT(refused(row("card_hour", "2", {{"vat", "included"}})), HasSubstr("no stated rate"));
  EXPECT_THAT(refused(row("card_hour", "2", {{"vat", "net"}})), HasSubstr("'net' is not allowed"));
  EXPECT_THAT(refused(row("card_hour", "2", {{"date", "2026-02-30"}})), HasSubstr("is no date"));
  EXPECT_THAT(refused(row("node_hour", "2", {{"devices", "0"}})), HasSubstr("devices"));
  EXPECT_THAT(refused(row("card_hour", "2", {{"declared_pue", "0.9"}})), HasSubstr("at least 1"));
  EXPECT_THAT(refused(row("card_hour", "2", {{"seller_code", "123"}})), HasSubstr("social credit"));
  EXPECT_THAT(refused("\"Seller,"), HasSubstr("tariffs.csv:2: a quote is opened"));
}

TEST(AuditRules, GrammarIsClosed) {
  const auto refused = [](const std::function<void(json&)>& change) {
    const std::string path = std::string(ASSAY_SOURCE_DIR) + "/pricing/data/audit-rules.json";
    json document = parse_json(read_file(path), path);
    change(document);
    return test::refusal([&] { (void)audit_rules_from_json(document, "rules.json"); });
  };
  EXPECT_EQ(refused([](json&) {}), "");
  EXPECT_NE(refused([](json& d) { d["rules"][0]["quantity"] = "system"; }), "");
  EXPECT_NE(refused([](json& d) { d["rules"][0]["test"] = "equals"; }), "");
  EXPECT_THAT(refused([](json& d) { d["rules"][0]["limits"] = {"1"}; }), HasSubstr("takes 2"));
  EXPECT_THAT(refused([](json& d) {
                d["rules"][0]["limits"] = {"2", "1"};
              }),
              HasSubstr("out of order"));
}

}  // namespace
}  // namespace assay::pricing
