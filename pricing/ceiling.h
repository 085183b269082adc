#pragma once
/// Proposing a rate ceiling from comparable sites (assay price --ceiling).
///
/// The ceiling is the smallest rate r such that the sites whose fair rate is at most r deliver at
/// least the share p of all CU of the comparable sites: a CU-weighted percentile without
/// interpolation, so it is always some site's rate. Percentile, comparability and control groups
/// are data (assay.ceiling-rule). The claimant's supplier and its whole control group are left out:
/// a padded cost sheet would raise its own ceiling.
///
/// A proposal is not a ceiling: the regulator signs one into a programme version.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pricing/rational.h"

namespace assay::pricing {

struct CeilingRule {
  std::string file;
  std::string digest;
  std::string name;
  std::string basket_name;
  std::string basket_version;
  std::string basket_digest;
  Rational percentile;
  std::string percentile_text;
  std::vector<std::string> grades;
  std::optional<std::vector<std::string>> locations;
  std::optional<std::vector<std::string>> devices;
  std::optional<std::string> priced_from;
  std::optional<std::string> priced_until;
  bool examples = false;
  std::int64_t fewest_sites = 1;
  std::vector<std::vector<std::string>> control_groups;
};

/// Errors: input_error naming the field: form, a percentile not above 0 and at most 1, a date that
/// does not exist, an operator in two groups.
[[nodiscard]] CeilingRule read_ceiling_rule(const std::filesystem::path& path);

struct CeilingSite {
  std::string name;
  std::string operator_name;
  std::string location;
  std::string device;
  std::string grade;
  std::string rate_text;
  Rational rate;
  Rational delivered_cu;
  std::string digest;
  bool test_key = false;
  std::string left_out;       ///< why; empty where it counts
  Rational cumulative_share;  ///< where it counts
};

struct CeilingProposal {
  CeilingRule rule;
  std::string date_utc;
  std::string supplier;            ///< may be empty
  std::vector<CeilingSite> sites;  ///< those used by rate, then those left out
  Rational used_cu;
  std::string cny_per_cu;  ///< empty where there are too few sites
  std::string reason;      ///< why there is none
};

/// Reads all rate cards of folders and files (pricing/documents.h). Errors: input_error for a file
/// that is no rate card, two cards of the same digest, no card at all.
[[nodiscard]] std::vector<nlohmann::json> read_rate_cards(
    const std::vector<std::filesystem::path>& places);

/// Errors: input_error where nobody is named as supplier though the rule has control groups: then
/// it is not known whom to leave out.
[[nodiscard]] CeilingProposal propose_ceiling(const CeilingRule& rule,
                                              const std::vector<nlohmann::json>& rate_cards,
                                              const std::string& supplier,
                                              const std::string& date_utc);

[[nodiscard]] nlohmann::json to_json(const CeilingProposal& proposal);
[[nodiscard]] std::string ceiling_table(const CeilingProposal& proposal);

}  // namespace assay::pricing
