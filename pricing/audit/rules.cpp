#include "pricing/audit/rules.h"

#include <algorithm>

#include "base/error.h"
#include "results/document.h"
#include "results/json_path.h"

namespace assay {

/// Generated: pricing/data/audit-rules.json.
std::string_view embedded_audit_rules(std::string_view file_name);

}  // namespace assay

namespace assay::pricing {

using nlohmann::json;

namespace {

Rational decimal(const json& text, const std::string& where) {
  return parse_decimal(text.get<std::string>(), where);
}

AuditRule rule_of(const json& document, const std::string& where) {
  AuditRule rule;
  rule.name = document.at("name").get<std::string>();
  const auto& names = quantity_names();
  const auto found = std::find(names.begin(), names.end(), document.at("quantity"));
  rule.quantity = static_cast<Quantity>(found - names.begin());
  const json& test = document.at("test");
  rule.test = test == "above"   ? RuleTest::above
              : test == "below" ? RuleTest::below
                                : RuleTest::outside;
  const json& limits = document.at("limits");
  const std::size_t expected = rule.test == RuleTest::outside ? 2 : 1;
  if (limits.size() != expected) {
    throw input_error(
        "a test '" + test.get<std::string>() + "' takes " + std::to_string(expected) + " limits",
        where + "/limits");
  }
  rule.low = decimal(limits.front(), where);
  rule.high = decimal(limits.back(), where);
  if (rule.low > rule.high) throw input_error("limits out of order", where + "/limits");
  rule.hard = document.at("severity") == "hard";
  rule.text = document.at("text").get<std::string>();
  rule.reason = document.at("reason").get<std::string>();
  return rule;
}

}  // namespace

const std::array<std::string_view, kQuantities>& quantity_names() {
  static const std::array<std::string_view, kQuantities> names = {
      "price_over_fair_rate",
      "price_over_yardstick",
      "pue",
      "pue_over_declared",
      "capital_per_device_over_median",
      "related_sellers",
      "asset_lives_changed",
      "mfu_nominal",
      "relative_expanded_uncertainty",
      "vat_bases_of_seller",
      "utilisation_change_at_certification",
      "filed_over_measured_power",
      "nameplate_counted",
      "sparse_or_unstated"};
  return names;
}

AuditRules audit_rules_from_json(const json& document, const std::string& where) {
  validate(document, "audit-rules", where);
  AuditRules rules;
  rules.name = document.at("name").get<std::string>();
  rules.digest = digest(document);
  const json& band = document.at("band");
  rules.below_cost_factor = decimal(band.at("below_cost_factor"), place(where, "/band"));
  rules.above_factor = decimal(band.at("above_factor"), place(where, "/band"));
  for (const json& rate : document.at("vat_rates_unstated").at("rates")) {
    rules.vat_rates_unstated.push_back(decimal(rate, place(where, "/vat_rates_unstated")));
  }
  rules.fewest_sellers = document.at("fewest_sellers").at("count").get<std::size_t>();
  std::size_t index = 0;
  for (const json& rule : document.at("rules")) {
    rules.rules.push_back(rule_of(rule, place(where, "/rules/" + std::to_string(index++))));
  }
  return rules;
}

AuditRules default_audit_rules() {
  const std::string name = "audit-rules.json";
  return audit_rules_from_json(parse_json(embedded_audit_rules(name), name), name);
}

AuditRules read_audit_rules(const std::filesystem::path& path) {
  return audit_rules_from_json(parse_json(read_file(path), path.string()), path.string());
}

bool raises(const AuditRule& rule, const std::optional<Rational>& value) {
  if (!value) return false;
  switch (rule.test) {
    case RuleTest::above:
      return less(rule.low, *value);
    case RuleTest::below:
      return less(*value, rule.low);
    case RuleTest::outside:
      return less(*value, rule.low) || less(rule.high, *value);
  }
  return false;
}

AuditRule undivided(const AuditRule& rule, const Rational& divisor) {
  AuditRule moved = rule;
  moved.low *= divisor;
  moved.high *= divisor;
  return moved;
}

}  // namespace assay::pricing
