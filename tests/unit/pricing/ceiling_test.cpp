/// A proposed ceiling: a CU-weighted percentile of comparable sites.
#include "pricing/ceiling.h"

#include <gmock/gmock.h>

#include "support.h"

namespace assay::pricing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

CeilingRule median() {
  CeilingRule rule;
  rule.file = "rule.json";
  rule.digest = std::string(64, 'e');
  rule.name = "median";
  rule.basket_name = "tb1";
  rule.basket_version = "1";
  rule.basket_digest = std::string(64, 'b');
  rule.percentile = Rational(1, 2);
  rule.percentile_text = "0.5";
  rule.grades = {"certified"};
  rule.examples = true;
  return rule;
}

/// A card of an operator whose rate and CU are those given.
json card(const std::string& operator_name, const std::string& rate, const std::string& cu) {
  json sheet = test::worked_document();
  sheet["site"]["operator"] = operator_name;
  sheet["site"]["name"] = "site of " + operator_name;
  json document = to_json(
      price(test::worked_certificate(), test::sheet_of(sheet), {"2026-06-01T00:00:00Z", {}}));
  document["rate"]["cny_per_cu"] = rate;
  document["delivered"]["cu"] = cu;
  return document;
}

std::vector<json> four() {
  return {card("One", "40.000000", "100.000000"), card("Two", "30.000000", "300.000000"),
          card("Three", "50.000000", "550.000000"), card("Four", "90.000000", "50.000000")};
}

CeilingProposal propose(const CeilingRule& rule, const std::string& supplier = {}) {
  return propose_ceiling(rule, four(), supplier, "2026-06-02T00:00:00Z");
}

TEST(Ceiling, IsAPercentileOfCuNotOfSites) {
  EXPECT_EQ(propose(median()).cny_per_cu, "50.000000");  // 400 of 1,000 CU are below
  CeilingRule rule = median();
  rule.percentile = Rational(4, 10);
  EXPECT_EQ(propose(rule).cny_per_cu, "40.000000");  // exactly 400 of 1,000
  rule.percentile = Rational(401, 1000);
  EXPECT_EQ(propose(rule).cny_per_cu, "50.000000");
  rule.percentile = 1;
  EXPECT_EQ(propose(rule).cny_per_cu, "90.000000");
  EXPECT_EQ(to_json(propose(rule)).at("used_cu"), "1000.000000");
}

TEST(Ceiling, TheSupplierAndItsGroupAreLeftOut) {
  CeilingRule rule = median();
  EXPECT_EQ(propose(rule, "Three").cny_per_cu, "30.000000");
  rule.control_groups = {{"Four", "Three"}};
  const CeilingProposal proposal = propose(rule, "Three");
  EXPECT_EQ(proposal.sites[2].left_out, "the claimant's supplier");
  EXPECT_EQ(proposal.sites[3].left_out, "of one control group with the claimant's supplier");
  rule.percentile = 1;
  EXPECT_EQ(propose(rule, "Three").cny_per_cu, "40.000000");
  EXPECT_THAT(test::refusal([&] { (void)propose(rule); }), HasSubstr("supplier is not named"));
}

TEST(Ceiling, WhatIsNotComparableSaysWhy) {
  CeilingRule rule = median();
  rule.basket_digest = std::string(64, 'f');
  CeilingProposal proposal = propose(rule);
  EXPECT_THAT(proposal.sites[0].left_out, HasSubstr("another basket"));
  EXPECT_EQ(proposal.cny_per_cu, "");
  EXPECT_THAT(proposal.reason, HasSubstr("0 comparable site(s)"));
  rule = median();
  rule.examples = false;
  EXPECT_THAT(propose(rule).sites[0].left_out, HasSubstr("example"));
  rule = median();
  rule.locations = {"Mars"};
  EXPECT_EQ(propose(rule).sites[0].left_out, "its location");
  rule = median();
  rule.priced_from = "2026-06-02";
  EXPECT_THAT(propose(rule).sites[0].left_out, HasSubstr("priced before"));
  rule = median();
  rule.grades = {"assumed"};
  EXPECT_EQ(propose(rule).sites[0].left_out, "grade certified");
}

TEST(Ceiling, TooFewSitesGiveNone) {
  CeilingRule rule = median();
  rule.fewest_sites = 5;
  EXPECT_EQ(propose(rule).cny_per_cu, "");
  EXPECT_TRUE(to_json(propose(rule)).at("cny_per_cu").at("value").is_null());
  EXPECT_THAT(ceiling_table(propose(rule)), HasSubstr("none: 4 comparable site(s)"));
}

}  // namespace
}  // namespace assay::pricing
