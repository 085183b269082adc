/// Voucher programmes: hand-computed cases of every one, the steps, the unknowns, versions, and
/// what a file may not say.
#include "pricing/programme/programme.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "pricing/programme/evaluate.h"
#include "pricing/programme/library.h"
#include "pricing/programme/ruling_text.h"
#include "results/document.h"
#include "support.h"

namespace assay::pricing::programme {
namespace {

using nlohmann::json;
using test::pointer;
using test::refusal;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Library& library() {
  static const Library all = built_in_programmes();
  return all;
}

std::string folder() {
  return std::string(ASSAY_SOURCE_DIR) + "/tests/programmes";
}

json read_json(const std::string& path) {
  return parse_json(read_file(path), path);
}

void set_all(json& document, const json& changes) {
  for (const auto& [at, value] : changes.items()) document[pointer(at)] = value;
}

/// A case's claim: the common one, changed for the programme and then for the case.
json claim_of(const json& cases, const json& each) {
  json claim = read_json(folder() + "/claim.json");
  claim["programme"] = {{"id", cases.at("programme")}, {"version", cases.at("version")}};
  claim["decisions"] = cases.at("decisions");
  set_all(claim, cases.at("set"));
  set_all(claim, each.at("set"));
  return claim;
}

std::vector<std::string> parts_of(const Ruling& ruling) {
  std::vector<std::string> texts;
  for (const ReadingResult& reading : ruling.readings) texts.push_back(cny_text(reading.part));
  return texts;
}

bool names_field(const Ruling& ruling, const std::string& field) {
  for (const Finding& finding : ruling.findings) {
    if (finding.field == field) return true;
  }
  return std::find(ruling.open_rules.begin(), ruling.open_rules.end(), field) !=
         ruling.open_rules.end();
}

void expect_case(const json& cases, const json& each) {
  const json document = claim_of(cases, each);
  const std::string kind = each.at("kind");
  const std::string field = each.value("field", "");
  if (kind == "error") {
    EXPECT_THAT(refusal([&] {
                  const Claim claim = claim_from_json(document, "claim.json");
                  (void)evaluate(programme_of(library(), claim), claim);
                }),
                HasSubstr(field));
    return;
  }
  const Claim claim = claim_from_json(document, "claim.json");
  const Programme& programme = programme_of(library(), claim);
  const Ruling ruling = evaluate(programme, claim);
  EXPECT_EQ(names_of(ruling.kind)[static_cast<std::size_t>(ruling.kind)], kind)
      << findings_line(ruling, programme);
  if (!field.empty()) {
    EXPECT_TRUE(names_field(ruling, field)) << findings_line(ruling, programme);
  }
  if (each.contains("cny")) {
    EXPECT_EQ(parts_of(ruling), each.at("cny").get<std::vector<std::string>>());
  }
  if (each.contains("payers") && !ruling.readings.empty()) {
    std::vector<std::string> payers;
    for (const PayerShare& payer : ruling.reading().payers) payers.push_back(cny_text(payer.part));
    EXPECT_EQ(payers, each.at("payers").get<std::vector<std::string>>());
  }
  validate(to_json(ruling, programme, claim), "ruling", "ruling");
  EXPECT_FALSE(ruling_text(ruling, programme, claim).empty());
}

TEST(ProgrammeCases, EveryProgrammeByHand) {
  std::set<std::string> seen;
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    if (entry.path().filename() == "claim.json") continue;
    const json cases = read_json(entry.path().string());
    seen.insert(cases.at("programme").get<std::string>() + " " +
                cases.at("version").get<std::string>());
    for (const json& each : cases.at("cases")) {
      SCOPED_TRACE(entry.path().filename().string() + ": " + each.at("name").get<std::string>());
      expect_case(cases, each);
      ++count;
    }
  }
  EXPECT_GT(count, 100U);
  for (const Programme& programme : library()) {
    EXPECT_TRUE(seen.contains(title_of(programme))) << title_of(programme) << " has no case";
  }
}

// A programme of a test's own: everything known.

json own_document() {
  const auto rule = [](const json& value) { return json{{"value", value}}; };
  return {{"schema", {{"name", "assay.programme"}, {"version", 1}}},
          {"id", "own"},
          {"version", "1"},
          {"name", "Own"},
          {"time_zone", "Asia/Shanghai"},
          {"sources", {{{"key", "o"}, {"title", "Order"}, {"date", "2025-01-01"}}}},
          {"statements", {{"small", "the applicant is small"}}},
          {"span", rule({{"from", "2025-01-01"}, {"to", nullptr}})},
          {"governing_date", rule("application")},
          {"base", rule("invoices")},
          {"vat_basis", rule("excluded")},
          {"tiers",
           {{{"name", "all"},
             {"when", json::array()},
             {"share", rule("0.30")},
             {"share_is", "fixed"}}}},
          {"rounding", rule("half_even_fen")}};
}

Programme own(const json& changes = json::object()) {
  json document = own_document();
  set_all(document, changes);
  return programme_from_json(document, "own.json");
}

json invoice(const std::string& number, const std::string& amount, const json& vat) {
  return {
      {"issuer", "91110000MA00000002"},
      {"number", number},
      {"date", "2026-03-01"},
      {"lines",
       {{{"line", 1}, {"name", "compute"}, {"kinds", {"gpu"}}, {"amount", amount}, {"vat", vat}}}}};
}

const json& ex_vat() {
  static const json vat = {{"basis", "excluded"}, {"rate", "0.06"}};
  return vat;
}

json own_claim(const json& changes = json::object()) {
  json claim = read_json(folder() + "/claim.json");
  claim["programme"] = {{"id", "own"}, {"version", "1"}};
  claim["invoices"] = json::array({invoice("I-1", "1000.00", ex_vat())});
  set_all(claim, changes);
  return claim;
}

Ruling ruled(const json& programme_changes, const json& claim_changes) {
  return evaluate(own(programme_changes), claim_from_json(own_claim(claim_changes), "claim.json"));
}

json rule_of(const json& value) {
  return {{"value", value}};
}

json ceiling_rule() {
  return rule_of(
      {{"cny_per_cu", "40.5"}, {"basket", "tb1"}, {"from", "2025-01-01"}, {"to", nullptr}});
}

json verified(const std::string& cu) {
  return {{"cu", cu},
          {"basket", "tb1"},
          {"from", "2025-03-01"},
          {"to", "2026-02-28"},
          {"certificates", {"urn:uuid:1"}},
          {"allocation_log_sha256", std::string(64, 'a')}};
}

TEST(ProgrammeSteps, CeilingColumnStandsBesideTheRule) {
  // Invoice 1,000.00; ceiling 40.5 x 20 CU = 810.00; 30 % of either.
  const Ruling ruling =
      ruled({{"/rate_ceiling", ceiling_rule()}}, {{"/verified_cu", verified("20")}});
  EXPECT_EQ(ruling.kind, RulingKind::figure);
  EXPECT_EQ(ruling.ceiling_gap, "");
  EXPECT_EQ(ruling.reading().part, Fen{30000});
  EXPECT_EQ(ruling.reading().ceiling_cumulative, Fen{24300});
}

TEST(ProgrammeSteps, CeilingIsExVatWhateverTheRulePaysOn) {
  // 1,130.00 with 13 % VAT is 1,000.00 without; the rule pays 30 % of 1,130.00 by its own basis.
  const json lines =
      json::array({invoice("I-1", "1130.00", {{"basis", "included"}, {"rate", "0.13"}})});
  const json programme = {{"/rate_ceiling", ceiling_rule()}, {"/vat_basis", rule_of("included")}};
  const Ruling high =
      ruled(programme, {{"/verified_cu", verified("1000000")}, {"/invoices", lines}});
  EXPECT_EQ(high.reading().part, Fen{33900});
  EXPECT_EQ(high.reading().ceiling_cumulative, Fen{30000});
  const Ruling ex = ruled({{"/rate_ceiling", ceiling_rule()}},
                          {{"/verified_cu", verified("1000000")}, {"/invoices", lines}});
  EXPECT_EQ(ex.reading().part, Fen{30000});
}

TEST(ProgrammeSteps, CeilingColumnSaysWhyItIsNotThere) {
  const json with = {{"/rate_ceiling", ceiling_rule()}};
  EXPECT_THAT(ruled({}, {}).ceiling_gap, HasSubstr("no rate ceiling"));
  EXPECT_THAT(ruled(with, {}).ceiling_gap, HasSubstr("no verified CU"));
  json other = verified("20");
  other["basket"] = "tb1-lite";
  EXPECT_THAT(ruled(with, {{"/verified_cu", other}}).ceiling_gap, HasSubstr("tb1-lite"));
  json days = verified("20");
  days["from"] = "2025-03-02";
  EXPECT_THAT(ruled(with, {{"/verified_cu", days}}).ceiling_gap, HasSubstr("same days"));
  const json no_rate = {{"basis", "included"}, {"rate", nullptr}};
  json as_filed = with;
  as_filed["/vat_basis"] = {{"value", nullptr}, {"needs", "ask"}};
  const Ruling filed = ruled(as_filed, {{"/verified_cu", verified("20")},
                                        {"/invoices", {invoice("I-1", "100.00", no_rate)}},
                                        {"/contract/items/0/vat", no_rate}});
  EXPECT_EQ(filed.reading().part, Fen{3000});
  EXPECT_THAT(filed.ceiling_gap, HasSubstr("VAT"));
}

TEST(ProgrammeSteps, MonthsAndOneSettlementPayTheSame) {
  // 30 % of 0.15 is 0.045: three parts by themselves would round to 0.04 each.
  std::int64_t paid = 0;
  json invoices = json::array();
  for (int month = 1; month <= 12; ++month) {
    invoices.push_back(invoice("I-" + std::to_string(month), "0.15", ex_vat()));
    const Ruling ruling = ruled(
        {}, {{"/invoices", invoices},
             {"/earlier_payments",
              {{{"amount", cny_text(Fen{paid})}, {"date", "2026-01-01"}, {"document", "p"}}}}});
    paid += ruling.reading().part.value;
  }
  EXPECT_EQ(ruled({}, {{"/invoices", invoices}}).reading().part, Fen{paid});
  EXPECT_EQ(paid, 54);
}

TEST(ProgrammeSteps, RoundingNeverPassesACap) {
  const json cap = {{{"amount", rule_of("100.60")}, {"per", rule_of("claim")}}};
  const json changes = {{"/caps", cap}, {"/rounding", rule_of("half_up_yuan")}};
  EXPECT_EQ(ruled(changes, {}).reading().part, Fen{10060});
}

TEST(ProgrammeSteps, EachRoundingOfOneHalf) {
  // 30 % of 5.05 is 1.515 CNY, of 8.35 it is 2.505.
  const auto paid = [](const std::string& rounding, const std::string& amount) {
    return ruled({{"/rounding", rule_of(rounding)}},
                 {{"/invoices", {invoice("I-1", amount, ex_vat())}}})
        .reading()
        .part.value;
  };
  EXPECT_EQ(paid("floor_fen", "5.05"), 151);
  EXPECT_EQ(paid("half_up_fen", "5.05"), 152);
  EXPECT_EQ(paid("half_even_fen", "5.05"), 152);
  EXPECT_EQ(paid("half_even_fen", "8.35"), 250);
  EXPECT_EQ(paid("half_up_fen", "8.35"), 251);
  EXPECT_EQ(paid("floor_yuan", "5.05"), 100);
  EXPECT_EQ(paid("half_up_yuan", "5.00"), 200);
  EXPECT_EQ(paid("half_even_yuan", "5.00"), 200);
  EXPECT_EQ(paid("half_even_yuan", "8.33"), 200);
}

TEST(ProgrammeUnknowns, OnlyWhatCanChangeTheResultIsNeeded) {
  const json unknown = {{"value", nullptr}, {"needs", "ask"}};
  const json listed = {{"/supplier_listed", unknown}, {"/supplier_unrelated", unknown}};
  // The supplier is listed and unrelated: whether it must be changes nothing.
  EXPECT_EQ(ruled(listed, {}).kind, RulingKind::figure);
  const Ruling unlisted = ruled(listed, {{"/supplier/listed", false}});
  EXPECT_EQ(unlisted.kind, RulingKind::stopped);
  EXPECT_EQ(unlisted.findings.front().field, "/supplier_listed/value");
  const Ruling related = ruled(listed, {{"/supplier/control_group", nullptr}});
  EXPECT_EQ(related.findings.front().field, "/supplier_unrelated/value");
  EXPECT_EQ(ruled({{"/stacking", unknown}}, {}).kind, RulingKind::figure);
}

TEST(ProgrammeUnknowns, EligibilityMayBePartlyKnown) {
  const json partly = {{"value", {"small"}}, {"complete", nullptr}, {"needs", "ask"}};
  const json programme = {{"/eligibility", partly}};
  const Ruling refused = ruled(programme, {{"/statements", {{"small", false}}}});
  EXPECT_EQ(refused.kind, RulingKind::refused);  // the known part decides
  const Ruling stopped = ruled(programme, {{"/statements", {{"small", true}}}});
  EXPECT_EQ(stopped.findings.front().field, "/eligibility/complete");
  const Ruling unstated = ruled(programme, {});
  EXPECT_EQ(unstated.findings.front().field, "/statements/small");
  const json award = {{"amount", "1.00"}, {"date", "2026-04-01"}, {"document", "a"}};
  EXPECT_EQ(ruled(programme, {{"/statements", {{"small", true}}}, {"/award", award}}).kind,
            RulingKind::figure);
}

TEST(ProgrammeUnknowns, StackingMayBePartlyKnown) {
  const json stacking = {{"value",
                          {{"group", "g"},
                           {"excludes", json::array()},
                           {"second_base", nullptr},
                           {"joint_ceiling", "none"}}},
                         {"needs", "ask"}};
  const auto with_other = [&](const std::string& amount) {
    return ruled({{"/stacking", stacking}}, {{"/other_subsidies",
                                              {{{"programme", "x"},
                                                {"group", "h"},
                                                {"claimant", "applicant"},
                                                {"from", "2025-03-01"},
                                                {"to", "2025-03-31"},
                                                {"amount", amount},
                                                {"document", "d"}}}}});
  };
  // 300.00 of the gross base, 270.00 of the net one.
  EXPECT_EQ(with_other("100.00").findings.front().field, "/stacking/value/second_base");
  // Nothing is left either way.
  EXPECT_EQ(with_other("1000.00").reading().part, Fen{0});
}

TEST(ProgrammeUnknowns, AnAtMostProgrammePaysNoFigureWithoutAnAward) {
  const json tier = {{{"name", "all"},
                      {"when", json::array()},
                      {"share", rule_of("0.30")},
                      {"share_is", "at_most"}}};
  const Ruling ruling = ruled({{"/tiers", tier}}, {});
  EXPECT_EQ(ruling.kind, RulingKind::at_most);
  const Programme programme = own({{"/tiers", tier}});
  EXPECT_THAT(ruling_text(ruling, programme, claim_from_json(own_claim(), "claim.json")),
              HasSubstr("at most 300.00 CNY; the award is the programme's decision"));
}

TEST(ProgrammeVersions, TheOneInForceOrAStopThatNamesThem) {
  const auto version = [](const std::string& name, const json& span, const json& more = {}) {
    json document = own_document();
    document["version"] = name;
    document["span"] = rule_of(span);
    if (!more.is_null()) document.update(more);
    return programme_from_json(document, name + ".json");
  };
  const json claim = own_claim({{"/programme/version", nullptr}});
  const auto chosen = [&](const Library& versions) {
    return programme_of(versions, claim_from_json(claim, "claim.json")).version;
  };
  const Programme old = version("1", {{"from", "2025-01-01"}, {"to", "2025-12-31"}});
  const Programme now = version("2", {{"from", "2026-01-01"}, {"to", nullptr}});
  EXPECT_EQ(chosen({old, now}), "2");
  EXPECT_THAT(refusal([&] { (void)chosen({old}); }), HasSubstr("no version applies"));
  const Programme both = version("3", {{"from", "2025-06-01"}, {"to", nullptr}});
  EXPECT_THAT(refusal([&] { (void)chosen({now, both}); }), HasSubstr("more than one"));
  const auto transition = [](const std::string& from) {
    return json{{"transition",
                 {{"older_version", "2"}, {"date", "contract"}, {"from", from}, {"source", "o"}}}};
  };
  const json later = {{"from", "2025-06-01"}, {"to", nullptr}};
  EXPECT_EQ(chosen({now, version("3", later, transition("2025-02-01"))}), "3");
  EXPECT_EQ(chosen({now, version("3", later, transition("2025-02-02"))}), "2");
}

TEST(ProgrammeVersions, UseThatCrossesASpanIsToBeDivided) {
  const json span = rule_of({{"from", "2025-01-01"}, {"to", "2025-12-31"}});
  const Ruling ruling = ruled({{"/span", span}, {"/governing_date", rule_of("use")}}, {});
  EXPECT_EQ(ruling.kind, RulingKind::stopped);
  EXPECT_THAT(ruling.findings.front().text, HasSubstr("cross"));
}

TEST(ProgrammeFile, WhatItMayNotSay) {
  const auto complaint = [](const json& changes) { return refusal([&] { (void)own(changes); }); };
  EXPECT_THAT(complaint({{"/rounding", {{"value", nullptr}}}}), HasSubstr("/rounding"));
  EXPECT_THAT(complaint({{"/tiers/0/share", rule_of("30")}}), HasSubstr("write 30 % as \"0.30\""));
  EXPECT_THAT(complaint({{"/tiers/0/when", {"smal"}}}), HasSubstr("did you mean 'small'?"));
  EXPECT_THAT(complaint({{"/base/source", "S9"}}), HasSubstr("/base/source"));
  EXPECT_THAT(complaint({{"/span", rule_of({{"from", "2025-02-30"}, {"to", nullptr}})}}),
              HasSubstr("/span"));
  EXPECT_THAT(complaint({{"/span", rule_of({{"from", "2025-02-03"}, {"to", "2025-01-01"}})}}),
              HasSubstr("last day is before"));
  EXPECT_THAT(complaint({{"/proration", rule_of("days")}, {"/day_count", rule_of("end_included")}}),
              HasSubstr("not prorated"));
  EXPECT_THAT(complaint({{"/proration", rule_of("days")}, {"/base", rule_of("contract")}}),
              HasSubstr("/day_count"));
  EXPECT_THAT(complaint({{"/caps", {{{"amount", rule_of("1")}, {"per", rule_of("year")}}}}}),
              HasSubstr("/year"));
  EXPECT_THAT(complaint({{"/order", rule_of({"cap", "percentage", "exclusions", "proration",
                                             "ceiling", "budget"})}}),
              HasSubstr("/order/value"));
  const json payers =
      rule_of({{{"name", "a"}, {"share", "0.5"}}, {{"name", "b"}, {"share", "0.4"}}});
  EXPECT_THAT(complaint({{"/payers", payers}, {"/odd_fen", rule_of("a")}}),
              HasSubstr("do not sum to 1"));
}

TEST(ProgrammeClaim, WhatItMayNotSay) {
  const auto complaint = [](const json& changes) {
    return refusal([&] { (void)ruled({}, changes); });
  };
  EXPECT_THAT(complaint({{"/invoices", json::array()}}), HasSubstr("add the invoices"));
  EXPECT_THAT(complaint({{"/contract/end", "2025-02-29"}}), HasSubstr("/contract/end"));
  EXPECT_THAT(complaint({{"/use/from", "2025-02-28"}}), HasSubstr("/use"));
  EXPECT_THAT(complaint({{"/statements", {{"smal", true}}}}), HasSubstr("did you mean 'small'?"));
  const json one = invoice("I-1", "1.00", ex_vat());
  EXPECT_THAT(complaint({{"/invoices", {one, one}}}), HasSubstr("twice"));
  EXPECT_THAT(complaint({{"/invoices", {invoice("I-1", "-1.00", ex_vat())}}}),
              HasSubstr("negative"));
  json red = invoice("R-1", "-1.01", ex_vat());
  red["reverses"] = "I-1";
  EXPECT_THAT(complaint({{"/invoices", {one, red}}}), HasSubstr("more is reversed"));
  EXPECT_THAT(
      complaint({{"/invoices", {invoice("I-1", "1.00", {{"basis", "included"}, {"rate", "13"}})}}}),
      HasSubstr("write 13 % as"));
  EXPECT_THAT(complaint({{"/invoices",
                          {invoice("I-1", "1.00", {{"basis", "included"}, {"rate", nullptr}})}}}),
              HasSubstr("/invoices/0/lines/0/vat/rate"));
  EXPECT_THAT(
      complaint({{"/decisions",
                  {{{"field", "/rounding/value"}, {"value", "floor_fen"}, {"document", "d"}}}}}),
      HasSubstr("is not open"));
}

TEST(ProgrammeClaim, MixedVatBasesNeedARule) {
  const json mixed =
      json::array({invoice("I-1", "1.00", {{"basis", "included"}, {"rate", "0.06"}})});
  const json unknown = {{"/vat_basis", {{"value", nullptr}, {"needs", "ask"}}}};
  EXPECT_THAT(refusal([&] { (void)ruled(unknown, {{"/invoices", mixed}}); }), HasSubstr("mixed"));
}

TEST(ProgrammeFraction, ExactBeyond64Bits) {
  const Fraction big(Int128{9'000'000'000'000'000'000}, Int128{7});
  const Fraction product = big * big;
  EXPECT_TRUE(product / big == big);
  EXPECT_TRUE(big < product);
  EXPECT_EQ(floor_of(Fraction(Int128{-1}, Int128{2})), -1);
  EXPECT_EQ(round_half_even(Fraction(Int128{5}, Int128{2})), 2);
  EXPECT_EQ(round_half_up(Fraction(Int128{-5}, Int128{2})), -2);
  EXPECT_THAT(refusal([&] { (void)(product * product); }), HasSubstr("128 bits"));
  EXPECT_THAT(refusal([&] { (void)floor_of(product); }), HasSubstr("64-bit"));
}

}  // namespace
}  // namespace assay::pricing::programme
