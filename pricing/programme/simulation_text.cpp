#include "pricing/programme/simulation_text.h"

#include <nlohmann/json.hpp>

#include "pricing/programme/evaluate.h"
#include "pricing/programme/explain.h"
#include "results/csv.h"
#include "results/markdown_table.h"

namespace assay::pricing::programme {

namespace {

using nlohmann::json;

constexpr std::array<const char*, kRules> kRuleNames = {"bill", "cu"};
constexpr int kCuDecimals = 6;

std::string policy_name(Policy policy) {
  return std::string(names_of(policy)[static_cast<std::size_t>(policy)]);
}

/// Verified CU that one CNY of subsidy went with.
std::string cu_per_cny(const Served& served) {
  if (served.paid == Fen{0}) return "-";
  return rounded_text(Rational(served.micro_cu) / 1'000'000 / to_cny(served.paid), 4);
}

std::vector<std::string> cells_of(const Served& served) {
  return {grouped_cny_text(served.asked),
          grouped_cny_text(served.paid),
          std::to_string(served.full),
          std::to_string(served.partly),
          std::to_string(served.nothing),
          std::to_string(served.groups),
          cu_per_cny(served),
          served.first_unserved};
}

std::vector<std::string> head_of(const char* first) {
  return {first,  "rule",    "asked CNY", "paid CNY", "in full",
          "part", "nothing", "groups",    "CU/CNY",   "first not in full"};
}

void add_row(MarkdownTable& table, const std::string& name, std::size_t rule,
             const Served& served) {
  std::vector<std::string> cells = cells_of(served);
  cells.insert(cells.begin(), {name, kRuleNames.at(rule)});
  table.add(std::move(cells));
}

std::string variation_name(const Variation& variation) {
  return variation.share ? "share " + percent_text(*variation.share)
                         : "cap " + grouped_cny_text(*variation.cap);
}

json served_json(const Served& served) {
  return {{"asked_cny", cny_text(served.asked)},
          {"paid_cny", cny_text(served.paid)},
          {"in_full", served.full},
          {"in_part", served.partly},
          {"nothing", served.nothing},
          {"control_groups", served.groups},
          {"verified_cu", decimal_text(Integer(served.micro_cu), kCuDecimals)},
          {"first_not_in_full", served.first_unserved}};
}

json both_json(const std::array<Served, kRules>& served, bool has_ceiling) {
  return {{"bill", served_json(served[0])},
          {"cu", has_ceiling ? served_json(served[1]) : json(nullptr)}};
}

}  // namespace

std::string simulation_text(const Simulation& simulation, const Programme& programme) {
  const std::size_t rules = simulation.has_ceiling ? kRules : 1;
  std::string text = "programme  " + title_of(programme) + ": " + programme.name + "\n";
  text += "list       " + std::to_string(simulation.applications) + " applications, " +
          simulation.list_digest + "\n";
  text += "budget     " + grouped_cny_text(simulation.budget) + " CNY\n\n";
  MarkdownTable policies(head_of("policy"), 2);
  for (const PolicyResult& result : simulation.policies) {
    for (std::size_t rule = 0; rule < rules; ++rule) {
      add_row(policies, policy_name(result.policy), rule, result.served.at(rule));
    }
  }
  text += policies.text() + "\n";
  MarkdownTable variations(head_of("first come with"), 2);
  for (const Variation& variation : simulation.variations) {
    for (std::size_t rule = 0; rule < rules; ++rule) {
      add_row(variations, variation_name(variation), rule, variation.served.at(rule));
    }
  }
  text += variations.text();
  text += simulation.has_ceiling
              ? "cu         the rule on min(amount, " + simulation.ceiling_text +
                    " CNY/CU x verified CU), ex VAT; " + std::to_string(simulation.without_cu) +
                    " applications have no verified CU\n"
              : "cu         not computed: no rate ceiling is set (--ceiling assumes one)\n";
  text += simulation.lottery_seed.empty()
              ? "lottery    not drawn: it needs a public figure named beforehand "
                "(--public-figure)\n"
              : "lottery    seed " + simulation.lottery_seed + "\n";
  for (const std::string& each : simulation.assumptions) text += "taken      " + each + "\n";
  return text;
}

json to_json(const Simulation& simulation, const Programme& programme) {
  json policies = json::array();
  for (const PolicyResult& result : simulation.policies) {
    json policy = both_json(result.served, simulation.has_ceiling);
    policy["policy"] = policy_name(result.policy);
    policies.push_back(std::move(policy));
  }
  json variations = json::array();
  for (const Variation& variation : simulation.variations) {
    json varied = both_json(variation.served, simulation.has_ceiling);
    varied["share"] =
        variation.share ? json(rounded_text(to_rational(*variation.share), 8)) : json(nullptr);
    varied["cap_cny"] = variation.cap ? json(cny_text(*variation.cap)) : json(nullptr);
    variations.push_back(std::move(varied));
  }
  return {{"schema", {{"name", "assay.simulation"}, {"version", 1}}},
          {"programme",
           {{"id", programme.id}, {"version", programme.version}, {"digest", programme.digest}}},
          {"applications", simulation.applications},
          {"list_digest", simulation.list_digest},
          {"budget_cny", cny_text(simulation.budget)},
          {"ceiling_cny_per_cu",
           simulation.has_ceiling ? json(simulation.ceiling_text) : json(nullptr)},
          {"applications_without_cu", simulation.without_cu},
          {"lottery_seed",
           simulation.lottery_seed.empty() ? json(nullptr) : json(simulation.lottery_seed)},
          {"policies", std::move(policies)},
          {"variations", std::move(variations)},
          {"assumptions", simulation.assumptions}};
}

std::string payments_csv(const Simulation& simulation, const ApplicationList& list) {
  std::vector<std::string> head = {"id", "control_group", "application_date"};
  for (const PolicyResult& result : simulation.policies) {
    for (std::size_t rule = 0; rule < kRules; ++rule) {
      head.push_back(policy_name(result.policy) + "_" + kRuleNames.at(rule) + "_cny");
    }
  }
  std::string text = csv_line(head);
  for (std::size_t i = 0; i < list.applications.size(); ++i) {
    const Application& application = list.applications[i];
    std::vector<std::string> row = {application.id, application.control_group,
                                    day_text(application.applied_on)};
    for (const PolicyResult& result : simulation.policies) {
      for (const std::vector<Fen>& paid : result.paid) {
        row.push_back(paid.empty() ? "" : cny_text(paid[i]));
      }
    }
    text += csv_line(row);
  }
  return text;
}

}  // namespace assay::pricing::programme
