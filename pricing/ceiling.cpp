#include "pricing/ceiling.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "pricing/calendar.h"
#include "pricing/documents.h"
#include "results/document.h"
#include "results/json_path.h"
#include "results/test_key.h"

namespace assay::pricing {

namespace {

using nlohmann::json;

constexpr int kDecimals = 6;

std::optional<std::vector<std::string>> names_or_null(const json& names) {
  if (names.is_null()) return std::nullopt;
  return names.get<std::vector<std::string>>();
}

std::optional<std::string> date_or_null(const json& date, const std::string& where) {
  if (date.is_null()) return std::nullopt;
  (void)parse_date(date.get<std::string>(), where);
  return date.get<std::string>();
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

CeilingSite site_of(const json& card) {
  CeilingSite site;
  site.name = card.at("name").get<std::string>();
  if (card.contains("sku") && !card.at("sku").is_null()) {
    site.name += ", " + card.at("sku").at("name").get<std::string>();
  }
  site.operator_name = card.at("site").at("operator").get<std::string>();
  site.location = card.at("site").at("location").get<std::string>();
  const json& certificate = card.at("certificate");
  if (certificate.is_null()) {
    site.device = card.at("declared_throughput").at("device").get<std::string>();
  } else {
    site.device = certificate.at("device").get<std::string>();
    site.test_key = certificate.value("test_key", false);
  }
  site.grade = card.at("grade").get<std::string>();
  site.rate_text = card.at("rate").at("cny_per_cu").get<std::string>();
  site.rate = parse_decimal(site.rate_text, site.name);
  site.delivered_cu = parse_decimal(card.at("delivered").at("cu").get<std::string>(), site.name);
  site.digest = digest(card);
  return site;
}

/// The supplier and everybody in its control group.
std::vector<std::string> group_of(const CeilingRule& rule, const std::string& supplier) {
  for (const std::vector<std::string>& group : rule.control_groups) {
    if (contains(group, supplier)) return group;
  }
  return {supplier};
}

std::string why_left_out(const CeilingRule& rule, const json& card, const CeilingSite& site,
                         const std::vector<std::string>& related, const std::string& supplier) {
  if (contains(related, site.operator_name)) {
    return site.operator_name == supplier ? "the claimant's supplier"
                                          : "of one control group with the claimant's supplier";
  }
  if (card.at("basket").at("digest") != rule.basket_digest) {
    return "another basket: " + card.at("basket").at("name").get<std::string>();
  }
  if (!contains(rule.grades, site.grade)) return "grade " + site.grade;
  const bool example = card.at("example").get<bool>() || site.test_key;
  if (example && !rule.examples) {
    return site.test_key ? "its certificate is signed by the test key" : "an example sheet";
  }
  if (rule.locations && !contains(*rule.locations, site.location)) return "its location";
  if (rule.devices && !contains(*rule.devices, site.device)) return "its device";
  const std::string date = card.at("date_utc").get<std::string>().substr(0, 10);
  if (rule.priced_from && date < *rule.priced_from) return "priced before " + *rule.priced_from;
  if (rule.priced_until && date > *rule.priced_until) return "priced after " + *rule.priced_until;
  return {};
}

}  // namespace

CeilingRule read_ceiling_rule(const std::filesystem::path& path) {
  const json document = read_document(path, "ceiling-rule");
  CeilingRule rule;
  rule.file = path.string();
  rule.digest = digest(document);
  rule.name = document.at("name").get<std::string>();
  rule.basket_name = document.at("basket").at("name").get<std::string>();
  rule.basket_version = document.at("basket").at("version").get<std::string>();
  rule.basket_digest = document.at("basket").at("digest").get<std::string>();
  (void)date_or_null(document.at("date"), place(rule.file, "/date"));
  rule.percentile_text = document.at("percentile").get<std::string>();
  rule.percentile = parse_decimal(rule.percentile_text, place(rule.file, "/percentile"));
  if (rule.percentile <= 0 || rule.percentile > 1) {
    throw input_error("a percentile of " + rule.percentile_text, place(rule.file, "/percentile"),
                      "write the median as \"0.5\"");
  }
  const json& comparable = document.at("comparable");
  rule.grades = comparable.at("grades").get<std::vector<std::string>>();
  rule.locations = names_or_null(comparable.at("locations"));
  rule.devices = names_or_null(comparable.at("devices"));
  rule.priced_from =
      date_or_null(comparable.at("priced_from"), place(rule.file, "/comparable/priced_from"));
  rule.priced_until =
      date_or_null(comparable.at("priced_until"), place(rule.file, "/comparable/priced_until"));
  rule.examples = comparable.at("examples").get<bool>();
  rule.fewest_sites = document.at("fewest_sites").get<std::int64_t>();
  rule.control_groups = document.at("control_groups").get<std::vector<std::vector<std::string>>>();
  std::set<std::string> seen;
  for (const auto& group : rule.control_groups) {
    for (const std::string& name : group) {
      if (!seen.insert(name).second) {
        throw input_error("'" + excerpt(name) + "' stands in two control groups",
                          place(rule.file, "/control_groups"), "join the groups");
      }
    }
  }
  return rule;
}

std::vector<json> read_rate_cards(const std::vector<std::filesystem::path>& places) {
  std::vector<json> cards;
  std::set<std::string> seen;
  for (const std::filesystem::path& path : documents_of(places)) {
    json document = parse_json(read_file(path), path.string());
    const bool of_site = document.is_object() && document.contains("schema") &&
                         document.at("schema").is_object() &&
                         document.at("schema").value("name", "") == "assay.site-rate";
    if (of_site) continue;  // its SKUs' cards stand beside it
    validate(document, "rate-card", path.string());
    if (!seen.insert(digest(document)).second) {
      throw input_error("the same rate card stands there twice", path.string(), "keep one of them");
    }
    cards.push_back(std::move(document));
  }
  if (cards.empty()) throw input_error("there is no rate card", places.front().string());
  return cards;
}

CeilingProposal propose_ceiling(const CeilingRule& rule, const std::vector<json>& rate_cards,
                                const std::string& supplier, const std::string& date_utc) {
  if (supplier.empty() && !rule.control_groups.empty()) {
    throw input_error("the claimant's supplier is not named", rule.file,
                      "name it with --supplier: it and its control group are left out");
  }
  CeilingProposal proposal;
  proposal.rule = rule;
  proposal.date_utc = date_utc;
  proposal.supplier = supplier;
  const std::vector<std::string> related =
      supplier.empty() ? std::vector<std::string>() : group_of(rule, supplier);
  std::set<std::string> used_sites;
  for (const json& card : rate_cards) {
    CeilingSite site = site_of(card);
    site.left_out = why_left_out(rule, card, site, related, supplier);
    if (site.left_out.empty()) {
      proposal.used_cu += site.delivered_cu;
      used_sites.insert(card.at("site").at("name").get<std::string>());
    }
    proposal.sites.push_back(std::move(site));
  }
  std::stable_sort(proposal.sites.begin(), proposal.sites.end(),
                   [](const CeilingSite& a, const CeilingSite& b) {
                     if (a.left_out.empty() != b.left_out.empty()) return a.left_out.empty();
                     return a.rate < b.rate;
                   });
  Rational cumulative = 0;
  for (CeilingSite& site : proposal.sites) {
    if (!site.left_out.empty()) break;
    cumulative += site.delivered_cu;
    site.cumulative_share = cumulative / proposal.used_cu;
    if (proposal.cny_per_cu.empty() && site.cumulative_share >= rule.percentile) {
      proposal.cny_per_cu = site.rate_text;
    }
  }
  const auto used = static_cast<std::int64_t>(used_sites.size());
  if (used < rule.fewest_sites) {
    proposal.cny_per_cu.clear();
    proposal.reason = std::to_string(used) + " comparable site(s), and the rule asks for " +
                      std::to_string(rule.fewest_sites);
  }
  return proposal;
}

json to_json(const CeilingProposal& proposal) {
  json sites = json::array();
  bool test_key = false;
  for (const CeilingSite& site : proposal.sites) {
    const bool used = site.left_out.empty();
    test_key = test_key || (used && site.test_key);
    sites.push_back({{"name", site.name},
                     {"operator", site.operator_name},
                     {"location", site.location},
                     {"device", site.device},
                     {"grade", site.grade},
                     {"cny_per_cu", site.rate_text},
                     {"delivered_cu", rounded_text(site.delivered_cu, kDecimals)},
                     {"cumulative_share",
                      used ? json(rounded_text(site.cumulative_share, kDecimals)) : json(nullptr)},
                     {"left_out", used ? json(nullptr) : json(site.left_out)},
                     {"rate_card_digest", site.digest}});
  }
  const CeilingRule& rule = proposal.rule;
  json ceiling = {{"value", nullptr}, {"reason", proposal.reason}};
  if (!proposal.cny_per_cu.empty()) ceiling = {{"value", proposal.cny_per_cu}};
  json document = {
      {"schema", {{"name", "assay.ceiling-proposal"}, {"version", 1}}},
      {"name", rule.name},
      {"date_utc", proposal.date_utc},
      {"rule_digest", rule.digest},
      {"supplier", proposal.supplier.empty() ? json(nullptr) : json(proposal.supplier)},
      {"basket",
       {{"name", rule.basket_name},
        {"version", rule.basket_version},
        {"digest", rule.basket_digest}}},
      {"percentile", rule.percentile_text},
      {"cny_per_cu", ceiling},
      {"vat", "excluded"},
      {"test_key", test_key},
      {"used_cu", rounded_text(proposal.used_cu, kDecimals)},
      {"sites", sites},
  };
  validate(document, "ceiling-proposal", "ceiling proposal");
  return document;
}

std::string ceiling_table(const CeilingProposal& proposal) {
  std::size_t width = std::string_view("site").size();
  bool test_key = false;
  for (const CeilingSite& site : proposal.sites) {
    width = std::max(width, fmt::formatted_size("{}", site.name));
    test_key = test_key || (site.left_out.empty() && site.test_key);
  }
  std::string text = proposal.rule.name + "\n";
  if (test_key) text += std::string("TEST KEY: of some sites ") + kTestKeyWarning + "\n";
  text += fmt::format("{:<{}}  {:>14}  {:>20}  {:>10}\n", "site", width, "CNY/CU", "CU a year",
                      "cumulative");
  for (const CeilingSite& site : proposal.sites) {
    const std::string last = site.left_out.empty()
                                 ? rounded_text(site.cumulative_share * 100, 2) + " %"
                                 : "left out: " + site.left_out;
    text += fmt::format("{:<{}}  {:>14}  {:>20}  {:>10}\n", site.name, width, site.rate_text,
                        rounded_text(site.delivered_cu, 3), last);
  }
  const std::string figure = proposal.cny_per_cu.empty() ? "none: " + proposal.reason
                                                         : proposal.cny_per_cu + " CNY/CU ex VAT";
  return text + "proposed ceiling, percentile " + proposal.rule.percentile_text + ": " + figure +
         "\n";
}

}  // namespace assay::pricing
