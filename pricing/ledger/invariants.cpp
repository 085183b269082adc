#include "pricing/ledger/invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "pricing/ledger/invariant_checks.h"
#include "pricing/ledger/quantity.h"

namespace assay::pricing::ledger {

namespace {

Findings debits_equal_credits(const History& history) {
  Findings findings;
  for (const Record& record : history.records) {
    std::array<Total, 2> sums{};
    for (const Posting& posting : record.postings) {
      sums.at(static_cast<std::size_t>(commodity_of(posting.account))) += posting.amount;
    }
    for (const auto& [sum, unit] : {std::pair{sums[0], "uCU"}, std::pair{sums[1], "fen"}}) {
      if (sum != 0)
        note(findings, fmt::format("entry {}: off by {} {}", record.id, text(sum), unit));
    }
  }
  return findings;
}

Findings cu_equation(const History& history) {
  Findings findings;
  for (const Voucher& voucher : history.state.vouchers) {
    Total all = 0;
    for (const Account place :
         {Account::covered, Account::contingent, Account::reserved, Account::redeemed,
          Account::settled, Account::expired, Account::clawed_back}) {
      all += voucher.of(place);
    }
    if (all != voucher.of(Account::issued)) {
      note(findings, fmt::format("voucher {}: {} uCU issued, {} accounted for",
                                 voucher.issue.voucher, voucher.of(Account::issued), text(all)));
    }
  }
  return findings;
}

Findings money_equation(const History& history) {
  Findings findings;
  const State& state = history.state;
  for (std::uint32_t i = 0; i < state.budgets.size(); ++i) {
    const Budget& budget = state.budgets[i];
    Total all = Total{budget.of(Account::free)} + budget.of(Account::lapsed);
    for (const Voucher& voucher : state.vouchers) {
      if (voucher.budget == i) all += drawn(voucher);
    }
    if (all != budget.of(Account::budget)) {
      note(findings, fmt::format("{} {}: a budget of {} fen, {} accounted for", budget.programme,
                                 budget.year, budget.of(Account::budget), text(all)));
    }
  }
  for (const Voucher& voucher : state.vouchers) {
    if (Total{voucher.of(Account::receivable)} + voucher.of(Account::received) !=
        voucher.of(Account::repayment_claim)) {
      note(findings, fmt::format("voucher {}: receivable and received are not what was claimed",
                                 voucher.issue.voucher));
    }
  }
  return findings;
}

Findings nothing_negative(const History& history) {
  Findings findings;
  const State& state = history.state;
  const auto judge = [&](std::int64_t balance, Account account, std::uint32_t owner) {
    if (balance < 0 && account != Account::receivable) {
      note(findings, fmt::format("{} is {}", account_text(state, account, owner), balance));
    }
  };
  for (std::size_t a = 0; a < kAccounts; ++a) {
    const auto account = static_cast<Account>(a);
    if (is_of_voucher(account)) {
      for (std::uint32_t i = 0; i < state.vouchers.size(); ++i) {
        judge(state.vouchers[i].of(account), account, i);
      }
    } else {
      for (std::uint32_t i = 0; i < state.budgets.size(); ++i) {
        judge(state.budgets[i].of(account), account, i);
      }
    }
  }
  return findings;
}

Findings cap(const History& history) {
  Findings findings;
  const State& state = history.state;
  struct Group {
    Total drawn = 0;
    std::int64_t cap_fen = 0;
    bool is_capped = true;
  };
  std::map<std::pair<std::uint32_t, std::string>, Group> groups;
  for (const Voucher& voucher : state.vouchers) {
    Group& group = groups[{voucher.budget, voucher.issue.control_group}];
    group.drawn += drawn(voucher);
    const auto programme = state.programmes.find(voucher.issue.programme);
    if (programme == state.programmes.end()) continue;
    const auto rule = programme->second.rules.find(voucher.issue.rule_version);
    if (rule == programme->second.rules.end() || !rule->second.cap_fen) {
      group.is_capped = false;
    } else {
      group.cap_fen = std::max(group.cap_fen, *rule->second.cap_fen);
    }
  }
  for (const auto& [key, group] : groups) {
    const Budget& budget = state.budgets[key.first];
    if (group.is_capped && group.drawn > group.cap_fen) {
      note(findings, fmt::format("control group {}: {} fen drawn in {}, its cap is {}", key.second,
                                 text(group.drawn), budget.year, group.cap_fen));
    }
    const auto cached = budget.drawn_fen.find(key.second);
    if ((cached == budget.drawn_fen.end() ? 0 : Total{cached->second}) != group.drawn) {
      note(findings,
           fmt::format("control group {}: the sum drawn in {} is not that of its vouchers",
                       key.second, budget.year));
    }
  }
  return findings;
}

Findings budget_not_overdrawn(const History& history) {
  Findings findings;
  const State& state = history.state;
  for (std::uint32_t i = 0; i < state.budgets.size(); ++i) {
    Total all = 0;
    for (const Voucher& voucher : state.vouchers) {
      if (voucher.budget == i) all += drawn(voucher);
    }
    if (all > state.budgets[i].of(Account::budget)) {
      note(findings, fmt::format("{} {}: {} fen committed and paid of a budget of {}",
                                 state.budgets[i].programme, state.budgets[i].year, text(all),
                                 state.budgets[i].of(Account::budget)));
    }
  }
  return findings;
}

Findings refund_within_redeemed(const History& history) {
  Findings findings;
  std::map<std::string, Total> net;
  for (const Record& record : history.records) {
    std::string name;
    if (const auto* redeem = std::get_if<Redeem>(&record.operation.body)) {
      net[redeem->redemption] += redeem->quantity_ucu;
      continue;
    }
    if (const auto* refund = std::get_if<Refund>(&record.operation.body)) {
      name = refund->redemption;
      net[name] -= refund->quantity_ucu;
    } else if (const auto* claw_back = std::get_if<ClawBack>(&record.operation.body)) {
      if (claw_back->redemption.empty()) continue;
      name = claw_back->redemption;
      net[name] -= claw_back->quantity_ucu;
    } else {
      continue;
    }
    if (net[name] < 0) {
      note(findings, fmt::format("entry {}: redemption {} gives back {} uCU more than it has",
                                 record.id, name, text(-net[name])));
    }
  }
  return findings;
}

/// Unit values are what rule and ceiling gave at issue, no voucher draws more than its value, and
/// no redemption more than the programme's rule or CU x unit value.
Findings frozen_value(const History& history) {
  Findings findings;
  const State& state = history.state;
  for (const Voucher& voucher : state.vouchers) {
    const Issue& issue = voucher.issue;
    const auto programme = state.programmes.find(issue.programme);
    const SetRule* rule = nullptr;
    const SetCeiling* rate = nullptr;
    if (programme != state.programmes.end()) {
      const auto found_rule = programme->second.rules.find(issue.rule_version);
      const auto found_rate = programme->second.ceilings.find(issue.rate_version);
      if (found_rule != programme->second.rules.end()) rule = &found_rule->second;
      if (found_rate != programme->second.ceilings.end()) rate = &found_rate->second;
    }
    if (rule == nullptr || rate == nullptr ||
        share_of(rate->ceiling_ucny_per_cu, rule->share_ppm, 1'000'000) !=
            voucher.value_ucny_per_cu) {
      note(findings,
           fmt::format("voucher {}: its unit value is not share x ceiling", issue.voucher));
      continue;
    }
    if (drawn(voucher) > value_fen(issue.quantity_ucu, voucher.value_ucny_per_cu)) {
      note(findings, fmt::format("voucher {} draws more than its value", issue.voucher));
    }
  }
  for (const Record& record : history.records) {
    const auto* redeem = std::get_if<Redeem>(&record.operation.body);
    const Voucher* voucher = redeem == nullptr ? nullptr : state.voucher(redeem->voucher);
    if (voucher == nullptr) continue;
    Total payable = 0;
    for (const Posting& posting : record.postings) {
      if (posting.account == Account::payable) payable += posting.amount;
    }
    // Parts are rounded on their sum, so one part may be a fen beside its own product.
    if (payable > redeem->rule_amount_fen ||
        payable > Total{value_fen(redeem->quantity_ucu, voucher->value_ucny_per_cu)} + 1) {
      note(findings, fmt::format("entry {}: redemption {} pays {} fen, more than its rule or value",
                                 record.id, redeem->redemption, text(payable)));
    }
  }
  return findings;
}

Findings keys_once(const History& history) {
  Findings findings;
  std::set<std::string_view> keys;
  std::int64_t expected = 1;
  for (const Record& record : history.records) {
    if (!keys.insert(record.operation.key).second) {
      note(findings,
           fmt::format("entry {}: key {} was used before", record.id, record.operation.key));
    }
    if (record.id != expected) {
      note(findings, fmt::format("entry {} stands where {} should", record.id, expected));
    }
    expected = record.id + 1;
  }
  return findings;
}

Findings replayed(const History& history) {
  Findings findings;
  State state;
  for (const Record& record : history.records) {
    const Decision decision = decide(state, record.operation, record.circumstances);
    if (const auto* refusal = std::get_if<Refusal>(&decision)) {
      note(findings, fmt::format("entry {}: the rules refuse it: {}: {}", record.id, refusal->rule,
                                 refusal->what));
      return findings;
    }
    if (std::get<Postings>(decision) != record.postings) {
      note(findings, fmt::format("entry {}: the rules give other postings", record.id));
      return findings;
    }
    carry_out(state, record.operation, record.circumstances, record.postings);
  }
  const State& cached = history.state;
  if (state.vouchers.size() != cached.vouchers.size() ||
      state.budgets.size() != cached.budgets.size()) {
    findings.emplace_back("other vouchers or budgets than the balances in use");
    return findings;
  }
  for (std::size_t i = 0; i < state.vouchers.size(); ++i) {
    if (state.vouchers[i].balance != cached.vouchers[i].balance) {
      note(findings, fmt::format("voucher {}: other balances than those in use",
                                 state.vouchers[i].issue.voucher));
    }
  }
  for (std::size_t i = 0; i < state.budgets.size(); ++i) {
    if (state.budgets[i].balance != cached.budgets[i].balance ||
        state.budgets[i].closed != cached.budgets[i].closed) {
      note(findings, fmt::format("{} {}: other balances than those in use",
                                 state.budgets[i].programme, state.budgets[i].year));
    }
  }
  return findings;
}

constexpr Invariant kInvariants[] = {
    {"debits-equal-credits", "in each entry debits equal credits, in CU and in CNY separately",
     debits_equal_credits},
    {"cu-equation",
     "issued = available + reserved + redeemed + settled + expired + clawed back, each voucher",
     cu_equation},
    {"money-equation",
     "budget = free + committed + payable + paid + lapsed - recovered, each programme and year",
     money_equation},
    {"nothing-negative", "no balance is negative but receivables", nothing_negative},
    {"cap", "a control group draws at most its cap in a year", cap},
    {"budget-not-overdrawn", "committed + payable + paid - recovered <= budget, each year",
     budget_not_overdrawn},
    {"device-seconds-once", "no second of a device is redeemed twice", device_seconds_once},
    {"costs-once",
     "no day of a contract and no fen of an invoice line is counted twice in one stack group",
     costs_once},
    {"stack-within-cost",
     "subsidies of an invoice line come from groups that allow each other and do not exceed it",
     stack_within_cost},
    {"device-capacity", "the CU redeemed of a device's time do not exceed its K_cert",
     device_capacity},
    {"valid-at-use",
     "a redemption names certificate, rule and rate version valid at the time of use",
     valid_at_use},
    {"refund-within-redeemed", "refunds and claw-backs do not exceed what was redeemed",
     refund_within_redeemed},
    {"frozen-value", "a voucher's unit value is that of its issue, and it draws no more than it",
     frozen_value},
    {"evaluated-by-rule",
     "an amount that was evaluated is by its rule's document, on top of what its claim got before",
     evaluated_by_rule},
    {"authority", "each entry names actor, role and reason, and is signed as its kind demands",
     authority_held},
    {"keys-once", "each idempotency key stands once, and ids count up without a gap", keys_once},
    {"replay", "the rules, run again from the first entry, give the same entries and balances",
     replayed},
};

}  // namespace

std::span<const Invariant> invariants() {
  return kInvariants;
}

std::vector<Breach> breaches(const History& history) {
  std::vector<Breach> all;
  for (const Invariant& invariant : kInvariants) {
    for (std::string& finding : invariant.check(history)) {
      all.push_back({invariant.name, std::move(finding)});
    }
  }
  return all;
}

State replay(std::span<const Record> records) {
  State state;
  for (const Record& record : records) {
    try {
      carry_out(state, record.operation, record.circumstances, record.postings);
    } catch (const Error& error) {
      throw check_error(fmt::format("entry {}: {}", record.id, error.what()), error.where(),
                        error.mend());
    }
  }
  return state;
}

}  // namespace assay::pricing::ledger
