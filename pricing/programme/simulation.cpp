#include "pricing/programme/simulation.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "base/error.h"
#include "pricing/programme/evaluate.h"
#include "pricing/programme/explain.h"
#include "pricing/programme/steps.h"
#include "results/document.h"

namespace assay::pricing::programme {

namespace {

constexpr std::size_t kBill = 0;
constexpr std::size_t kCu = 1;

/// A programme's rules for simulation: nothing is left to look up by name.
struct Rules {
  struct CompiledTier {
    std::uint64_t when = 0;
    Fraction share;
  };
  struct CompiledCap {
    std::uint64_t when = 0;
    Fen amount;
    bool per_claim = false;  ///< else it holds for the control group over the year
  };
  std::uint64_t eligible = 0;
  std::vector<CompiledTier> tiers;
  std::vector<CompiledCap> caps;
  Rounding rounding = Rounding::floor_fen;
  Exceeding exceeding = Exceeding::partial;
  Fen budget;
  std::optional<Fraction> ceiling;
};

class Compiler {
 public:
  Compiler(const Programme& programme, const SimulationOptions& options,
           std::vector<std::string>& assumptions)
      : programme_(programme), options_(options), assumptions_(assumptions) {}

  Rules compile() {
    Rules rules;
    if (!programme_.eligibility.complete) {
      open("/eligibility/complete", programme_.eligibility.needs, "true");
    }
    rules.eligible = bits_of(programme_, programme_.eligibility.all_of);
    tiers(rules);
    caps(rules);
    if (!programme_.exceeding_claim.value) {
      open("/exceeding_claim/value", programme_.exceeding_claim.needs, "partial");
    }
    rules.exceeding = programme_.exceeding_claim.value_or(Exceeding::partial);
    rules.rounding = programme_.rounding.value_or(Rounding::floor_fen);
    if (programme_.rounding.unknown()) {
      assumptions_.push_back("/rounding/value is open: read as " + name_of(rules.rounding));
    }
    if (!programme_.vat_basis.value) {
      assumptions_.push_back("/vat_basis/value is open: applied to the amounts as filed");
    }
    budget(rules);
    rules.ceiling = options_.ceiling;
    if (!rules.ceiling && programme_.rate_ceiling.value) {
      rules.ceiling = programme_.rate_ceiling.value->fen_per_micro_cu;
    }
    return rules;
  }

 private:
  [[noreturn]] void open(const std::string& field, const std::string& needs,
                         const std::string& example) const {
    throw input_error(field + " is unknown and decides who is served: " + needs,
                      title_of(programme_), "assume a value: --assume " + field + "=" + example);
  }

  void tiers(Rules& rules) {
    bool at_most = false;
    for (std::size_t i = 0; i < programme_.tiers.size(); ++i) {
      const Tier& tier = programme_.tiers[i];
      if (!tier.share.value) {
        open("/tiers/" + std::to_string(i) + "/share/value", tier.share.needs, "0.30");
      }
      at_most = at_most || tier.at_most;
      rules.tiers.push_back({bits_of(programme_, tier.when), *tier.share.value});
    }
    if (at_most) assumptions_.push_back("at-most shares are awarded in full");
  }

  void caps(Rules& rules) {
    for (std::size_t i = 0; i < programme_.caps.size(); ++i) {
      const Cap& cap = programme_.caps[i];
      const std::string field = "/caps/" + std::to_string(i);
      if (!cap.amount.value) open(field + "/amount/value", cap.amount.needs, "none");
      if (!cap.amount.value->cny) continue;
      if (!cap.per.value) open(field + "/per/value", cap.per.needs, "year");
      if (!cap.relaxed_when.empty()) {
        assumptions_.push_back(field + " is relaxed for nobody");
      }
      rules.caps.push_back(
          {bits_of(programme_, cap.when), *cap.amount.value->cny, *cap.per.value == CapPer::claim});
    }
  }

  void budget(Rules& rules) {
    if (options_.budget) {
      rules.budget = *options_.budget;
    } else if (programme_.budget.value) {
      rules.budget = programme_.budget.value->amount;
    } else {
      throw input_error("the budget is not known", title_of(programme_), "give one: --budget CNY");
    }
  }

  const Programme& programme_;
  const SimulationOptions& options_;
  std::vector<std::string>& assumptions_;
};

using Order = std::vector<std::uint32_t>;

class Simulator {
 public:
  Simulator(const ApplicationList& list, const Rules& rules) : list_(list.applications) {
    // Control groups by number: what a group was paid is looked up a million times.
    std::unordered_map<std::string, std::uint32_t> numbers;
    for (const Application& application : list_) {
      const auto number = static_cast<std::uint32_t>(numbers.size());
      groups_.push_back(numbers.try_emplace(application.control_group, number).first->second);
    }
    group_count_ = numbers.size();
    unit_costs(rules);
  }

  /// Pays in this order while the budget lasts.
  Served in_order(const Rules& rules, std::size_t rule, const Order& order,
                  std::vector<Fen>* paid) {
    Served served;
    start(rules);
    Fen left = rules.budget;
    for (const std::uint32_t index : order) {
      const Fen due = due_of(rules, rule, index);
      if (due == Fen{0}) continue;
      served.asked = served.asked + due;
      Fen amount = std::min(due, left);
      if (amount < due && rules.exceeding == Exceeding::skipped) amount = Fen{0};
      left = left - amount;
      pay(rules, index, amount);
      count(served, index, due, amount);
      if (paid != nullptr) (*paid)[index] = amount;
    }
    finish(served);
    return served;
  }

  /// All that are due something share the budget.
  Served pro_rata(const Rules& rules, std::size_t rule, const Order& order,
                  std::vector<Fen>& paid) {
    Served served;
    start(rules);
    std::vector<Fen> due(list_.size());
    for (const std::uint32_t index : order) {
      due[index] = due_of(rules, rule, index);
      pay(rules, index, due[index]);
      served.asked = served.asked + due[index];
    }
    paid = due;
    if (rules.budget < served.asked) scale(due, served.asked, rules.budget, paid);
    std::fill(paid_to_.begin(), paid_to_.end(), Fen{0});
    for (const std::uint32_t index : order) {
      if (due[index] == Fen{0}) continue;
      paid_to_[groups_[index]] = paid_to_[groups_[index]] + paid[index];
      count(served, index, due[index], paid[index]);
    }
    finish(served);
    return served;
  }

 private:
  /// Ceiling cost of each application: it does not change from run to run.
  void unit_costs(const Rules& rules) {
    if (!rules.ceiling) return;
    for (const Application& application : list_) {
      const Fraction ceiling = *rules.ceiling * Fraction(application.micro_cu.value_or(0));
      by_cu_.push_back(lesser(application.amount_ex_vat, ceiling));
    }
  }

  void start(const Rules& rules) {
    paid_to_.assign(group_count_, Fen{0});
    capped_.assign(group_count_ * rules.caps.size(), Fen{0});
  }

  [[nodiscard]] static const Rules::CompiledTier* tier_of(const Rules& rules,
                                                          std::uint64_t statements) {
    for (const Rules::CompiledTier& tier : rules.tiers) {
      if ((tier.when & ~statements) == 0) return &tier;
    }
    return nullptr;
  }

  [[nodiscard]] Fen due_of(const Rules& rules, std::size_t rule, std::uint32_t index) const {
    const Application& application = list_[index];
    const std::uint64_t statements = application.statements;
    const Rules::CompiledTier* tier = tier_of(rules, statements);
    if (tier == nullptr || (rules.eligible & ~statements) != 0) return {};
    StepInput input;
    input.all = input.eligible = rule == kCu ? by_cu_[index] : application.amount;
    input.share = tier->share;
    for (std::size_t i = 0; i < rules.caps.size(); ++i) {
      const Rules::CompiledCap& cap = rules.caps[i];
      if ((cap.when & ~statements) != 0) continue;
      const Fen used = cap.per_claim ? Fen{0} : capped_[groups_[index] * rules.caps.size() + i];
      const Fraction left(std::max<std::int64_t>((cap.amount - used).value, 0));
      input.cap_left = input.cap_left ? lesser(*input.cap_left, left) : left;
    }
    const StepOutput output = run_steps(input);
    return rounded(output.own, rules.rounding, output.own_bound);
  }

  void pay(const Rules& rules, std::uint32_t index, Fen amount) {
    const std::uint32_t group = groups_[index];
    paid_to_[group] = paid_to_[group] + amount;
    for (std::size_t i = 0; i < rules.caps.size(); ++i) {
      Fen& used = capped_[group * rules.caps.size() + i];
      used = used + amount;
    }
  }

  void count(Served& served, std::uint32_t index, Fen due, Fen amount) const {
    served.paid = served.paid + amount;
    if (amount == due) {
      ++served.full;
    } else {
      ++(amount == Fen{0} ? served.nothing : served.partly);
      if (served.first_unserved.empty()) served.first_unserved = list_[index].id;
    }
    const std::int64_t micro_cu = list_[index].micro_cu.value_or(0);
    served.micro_cu += static_cast<std::int64_t>(Int128{micro_cu} * amount.value / due.value);
  }

  void finish(Served& served) const {
    served.groups = static_cast<std::size_t>(
        std::count_if(paid_to_.begin(), paid_to_.end(), [](Fen paid) { return Fen{0} < paid; }));
  }

  /// Down to `budget` by largest remainder: the fen that are left go to the largest remainders,
  /// ties by id.
  void scale(const std::vector<Fen>& due, Fen asked, Fen budget, std::vector<Fen>& paid) const {
    std::vector<std::pair<std::int64_t, std::uint32_t>> remainders;
    Fen rest = budget;
    for (std::uint32_t i = 0; i < due.size(); ++i) {
      const Int128 product = Int128{due[i].value} * budget.value;
      paid[i] = Fen{static_cast<std::int64_t>(product / asked.value)};
      rest = rest - paid[i];
      remainders.emplace_back(static_cast<std::int64_t>(product % asked.value), i);
    }
    std::sort(remainders.begin(), remainders.end(), [this](const auto& a, const auto& b) {
      return a.first != b.first ? b.first < a.first : list_[a.second].id < list_[b.second].id;
    });
    for (std::size_t i = 0; Fen{0} < rest; ++i, rest = rest - Fen{1}) {
      Fen& share = paid[remainders[i].second];
      share = share + Fen{1};
    }
  }

  const std::vector<Application>& list_;
  std::vector<std::uint32_t> groups_;
  std::size_t group_count_ = 0;
  std::vector<Fraction> by_cu_;
  std::vector<Fen> paid_to_;
  std::vector<Fen> capped_;  ///< by group and cap
};

void check_dates(const Programme& programme, const ApplicationList& list) {
  const auto& applications = list.applications;
  const auto year = [](Day day) { return std::chrono::year_month_day(day).year(); };
  if (year(applications.front().applied_on) != year(applications.back().applied_on)) {
    throw input_error("applications of more than one calendar year", "applications",
                      "simulate the budget of one year at a time");
  }
  if (programme.governing_date.value != GoverningDate::application || !programme.span.value) return;
  for (const Application& application : applications) {
    if (!programme.span.value->holds(application.applied_on)) {
      throw input_error("application " + application.id + " of " +
                            day_text(application.applied_on) + " is outside the version's span",
                        title_of(programme), "leave it out, or simulate the version of its day");
    }
  }
}

Order lottery_order(const ApplicationList& list, const std::string& seed) {
  std::vector<std::pair<std::string, std::uint32_t>> tickets;
  tickets.reserve(list.applications.size());
  for (std::uint32_t i = 0; i < list.applications.size(); ++i) {
    tickets.emplace_back(sha256_hex(seed + list.applications[i].id), i);
  }
  std::sort(tickets.begin(), tickets.end());
  Order order;
  order.reserve(tickets.size());
  for (const auto& [ticket, index] : tickets) order.push_back(index);
  return order;
}

PolicyResult result_of(Policy policy, Simulator& simulator, const Rules& rules,
                       const Order& order) {
  PolicyResult result;
  result.policy = policy;
  for (const std::size_t rule : {kBill, kCu}) {
    if (rule == kCu && !rules.ceiling) continue;
    std::vector<Fen>& paid = result.paid.at(rule);
    paid.assign(order.size(), Fen{0});
    result.served.at(rule) = policy == Policy::pro_rata
                                 ? simulator.pro_rata(rules, rule, order, paid)
                                 : simulator.in_order(rules, rule, order, &paid);
  }
  return result;
}

std::vector<Fraction> default_shares(const Rules& rules) {
  std::vector<Fraction> shares;
  for (const std::int64_t quarters : {2, 3, 5, 6}) {
    shares.push_back(lesser(rules.tiers.front().share * Fraction(quarters) / Fraction(4), 1));
  }
  return shares;
}

std::vector<Fen> default_caps(const Rules& rules) {
  std::vector<Fen> caps;
  if (rules.caps.empty()) return caps;
  const Fen cap = rules.caps.front().amount;
  return {Fen{cap.value / 2}, cap + cap};
}

/// Another share of the first tier, others by the same factor; another first cap, likewise.
Rules varied(Rules rules, const Variation& variation) {
  const Fraction first_share = rules.tiers.front().share;
  if (variation.share && Fraction(0) < first_share) {
    for (Rules::CompiledTier& tier : rules.tiers) {
      tier.share = lesser(tier.share * *variation.share / first_share, 1);
    }
  }
  if (variation.cap) {
    if (rules.caps.empty()) rules.caps.push_back({});
    const std::int64_t first = rules.caps.front().amount.value;
    for (Rules::CompiledCap& cap : rules.caps) {
      const Fraction factor =
          first == 0 ? Fraction(1) : Fraction(Int128{cap.amount.value}, Int128{first});
      cap.amount = Fen{floor_of(factor * Fraction(variation.cap->value))};
    }
  }
  return rules;
}

}  // namespace

const std::vector<std::string_view>& names_of(Policy) {
  static const std::vector<std::string_view> names = {"first_come", "pro_rata", "lottery"};
  return names;
}

Simulation simulate(const Programme& programme, const ApplicationList& list,
                    const SimulationOptions& options) {
  check_dates(programme, list);
  Simulation simulation;
  simulation.assumptions.push_back("supplier, contract and evidence are in order");
  const Rules rules = Compiler(programme, options, simulation.assumptions).compile();
  simulation.applications = list.applications.size();
  simulation.list_digest = list.digest;
  simulation.budget = rules.budget;
  simulation.has_ceiling = rules.ceiling.has_value();
  if (rules.ceiling) {
    simulation.ceiling_text = rounded_text(to_rational(*rules.ceiling) * 10'000, 6);
    if (options.ceiling) simulation.assumptions.push_back("the rate ceiling is assumed");
  }
  simulation.without_cu = static_cast<std::size_t>(
      std::count_if(list.applications.begin(), list.applications.end(),
                    [](const Application& each) { return !each.micro_cu; }));
  Simulator simulator(list, rules);
  Order by_date(list.applications.size());
  std::iota(by_date.begin(), by_date.end(), 0U);
  simulation.policies.push_back(result_of(Policy::first_come, simulator, rules, by_date));
  simulation.policies.push_back(result_of(Policy::pro_rata, simulator, rules, by_date));
  if (!options.public_figure.empty()) {
    simulation.lottery_seed = sha256_hex(list.digest + options.public_figure);
    const Order drawn = lottery_order(list, simulation.lottery_seed);
    simulation.policies.push_back(result_of(Policy::lottery, simulator, rules, drawn));
  }
  for (const Fraction& share : options.shares.empty() ? default_shares(rules) : options.shares) {
    simulation.variations.push_back({share, std::nullopt, {}});
  }
  for (const Fen cap : options.caps.empty() ? default_caps(rules) : options.caps) {
    simulation.variations.push_back({std::nullopt, cap, {}});
  }
  for (Variation& variation : simulation.variations) {
    const Rules changed = varied(rules, variation);
    for (const std::size_t rule : {kBill, kCu}) {
      if (rule == kCu && !rules.ceiling) continue;
      variation.served.at(rule) = simulator.in_order(changed, rule, by_date, nullptr);
    }
  }
  return simulation;
}

}  // namespace assay::pricing::programme
