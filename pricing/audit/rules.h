#pragma once
/// The rules of an audit, as data: quantity, test, limits. The grammar is closed: a quantity is one
/// of the list below, a test is above, below or outside (all strict), and nothing is evaluated.
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pricing/rational.h"

namespace assay::pricing {

/// Each may be unknown for a row; a rule on an unknown quantity raises no flag.
enum class Quantity {
  price_over_fair_rate,
  price_over_yardstick,
  pue,
  pue_over_declared,
  capital_per_device_over_median,
  related_sellers,
  asset_lives_changed,
  mfu_nominal,
  relative_expanded_uncertainty,
  vat_bases_of_seller,
  utilisation_change_at_certification,
  filed_over_measured_power,
  nameplate_counted,
  sparse_or_unstated,
};
inline constexpr std::size_t kQuantities = 14;

/// As rules write them, in the enumeration's order.
[[nodiscard]] const std::array<std::string_view, kQuantities>& quantity_names();

using Quantities = std::array<std::optional<Rational>, kQuantities>;

enum class RuleTest { above, below, outside };

struct AuditRule {
  std::string name;
  Quantity quantity = Quantity::pue;
  RuleTest test = RuleTest::above;
  Rational low;   ///< the limit; of outside, the lower one
  Rational high;  ///< of outside, the upper one
  bool hard = false;
  std::string text;    ///< what the quantity is
  std::string reason;  ///< what the limit rests on
};

struct AuditRules {
  std::string name;
  std::string digest;
  Rational below_cost_factor;
  Rational above_factor;
  std::vector<Rational> vat_rates_unstated;
  std::size_t fewest_sellers = 1;
  std::vector<AuditRule> rules;
};

/// Errors: input_error naming the path: form, as many limits as the test takes, in order.
[[nodiscard]] AuditRules audit_rules_from_json(const nlohmann::json& document,
                                               const std::string& where);
[[nodiscard]] AuditRules default_audit_rules();
[[nodiscard]] AuditRules read_audit_rules(const std::filesystem::path& path);

/// Whether the rule's quantity has a value that raises it.
[[nodiscard]] bool raises(const AuditRule& rule, const std::optional<Rational>& value);

/// The rule for a value that was not yet divided by `divisor` > 0.
[[nodiscard]] AuditRule undivided(const AuditRule& rule, const Rational& divisor);

}  // namespace assay::pricing
