/// Breadth-first over everything that can happen to a few small vouchers, with the program's own
/// rules: no path leads to a double redemption, a negative balance or an overdrawn budget.
///
/// A state is its balances (with what is left of each live redemption), the years that are closed
/// and the time; vouchers are sorted, as their names do not matter. Of what was paid and recovered
/// only the difference counts, and of a receivable that there is one: both grow for ever where a
/// voucher is redeemed and refunded in turn, and no rule looks at more. Whole keys are kept, so no
/// two states are taken for one. Redemptions that came to nothing are forgotten.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <set>
#include <unordered_set>

#include "pricing/ledger/entry.h"
#include "scenario.h"

namespace assay::pricing::ledger::test {
namespace {

constexpr std::int64_t kBudgetMost = 4;  // fen
constexpr std::int64_t kManyHours = 1'000;

struct Node {
  State state;
  std::int64_t now_s = 0;
  int depth = 0;
};

/// One programme, unit values of 1 and 2 fen per CU, budgets of nothing.
Node start(CommitsAt commits_at) {
  Node node;
  State& state = node.state;
  state.ledger = "b";
  Programme& programme = state.programmes["p"];
  programme.opened.programme = "p";
  programme.opened.commits_at = commits_at;
  programme.opened.stack_group = "g";
  SetRule rule;
  rule.programme = "p";
  rule.version = "r";
  rule.from_s = kStart;
  rule.until_s = year_start_s(2030, 480);
  rule.share_ppm = 1'000'000;
  rule.cap_fen = kBudgetMost;
  programme.rules["r"] = rule;
  programme.ceilings["1"] = {"p", "1", "", rule.from_s, rule.until_s, 10'000};
  programme.ceilings["2"] = {"p", "2", "", rule.from_s, rule.until_s, 20'000};
  state.certificates["c"].registered = {"c", kCu, kStart, rule.until_s, {"d"}};
  for (const int year : {2026, 2027}) {
    Budget budget;
    budget.programme = "p";
    budget.year = year;
    state.budgets.push_back(budget);
  }
  node.now_s = kStart + kManyHours * kHour;
  return node;
}

template <class T>
void put(std::string& key, T value) {
  // All figures here are multiples of a whole CU or fen, small enough for a byte.
  key.push_back(static_cast<char>(value));
}

std::int64_t small(Account account, std::int64_t amount) {
  return commodity_of(account) == Commodity::cu ? amount / kCu : amount;
}

std::string key_of_state(const Node& node) {
  const State& state = node.state;
  std::vector<std::string> vouchers;
  for (std::uint32_t i = 0; i < state.vouchers.size(); ++i) {
    const Voucher& voucher = state.vouchers[i];
    std::string key;
    put(key, voucher.budget);
    put(key, voucher.value_ucny_per_cu / 10'000);
    for (std::size_t a = 0; a < index_of(Account::paid); ++a) {
      put(key, small(static_cast<Account>(a), voucher.balance.at(a)));
    }
    put(key, voucher.of(Account::paid) - voucher.of(Account::recovered));
    put(key, voucher.of(Account::receivable) > 0 ? 1 : 0);
    std::vector<std::string> redemptions;
    for (const Redemption& redemption : state.redemptions) {
      if (redemption.voucher != i || redemption.net_ucu() == 0) continue;
      std::string one;
      put(one, redemption.redeem.quantity_ucu / kCu);
      put(one, redemption.net_ucu() / kCu);
      put(one, redemption.amount_fen);
      put(one, redemption.held_fen);
      put(one, redemption.is_settled ? 1 : 0);
      redemptions.push_back(one);
    }
    std::sort(redemptions.begin(), redemptions.end());
    for (const std::string& one : redemptions) key += one;
    vouchers.push_back(key + '/');
  }
  std::sort(vouchers.begin(), vouchers.end());
  std::string key;
  for (const std::string& voucher : vouchers) key += voucher;
  for (const Budget& budget : state.budgets) {
    for (const std::int64_t amount : budget.balance) put(key, amount);
    put(key, budget.closed ? 1 : 0);
  }
  put(key, (node.now_s - kStart) / (300 * kDay));
  return key;
}

/// Forgets redemptions that came to nothing, with what they counted.
void forget_undone(State& state) {
  std::vector<Redemption> live;
  for (Redemption& redemption : state.redemptions) {
    if (redemption.net_ucu() > 0) live.push_back(std::move(redemption));
  }
  if (live.size() == state.redemptions.size()) {
    state.redemptions = std::move(live);
    return;
  }
  state.redemptions = std::move(live);
  state.redemption_index.clear();
  state.device_seconds.clear();
  state.contract_days.clear();
  state.invoice_lines.clear();
  for (std::uint32_t i = 0; i < state.redemptions.size(); ++i) {
    const Redemption& redemption = state.redemptions[i];
    state.redemption_index[redemption.redeem.redemption] = i;
    for (const DeviceUse& use : redemption.redeem.uses) {
      state.device_seconds[use.device][use.start_s] = {use.end_s, i};
    }
  }
}

/// A redemption of the first hours that no live one holds.
Redeem free_redemption(const State& state, const std::string& voucher, std::int64_t quantity,
                       std::int64_t rule_amount, std::int64_t at_slot = -1) {
  std::int64_t slot = at_slot;
  for (std::int64_t s = 0; slot < 0; ++s) {
    if (state.redemption("r" + std::to_string(s)) == nullptr) slot = s;
  }
  Redeem body;
  body.redemption = "r" + std::to_string(slot);
  body.voucher = voucher;
  body.quantity_ucu = quantity;
  body.certificate = "c";
  body.rule_version = "r";
  body.rate_version = "1";
  body.rule_amount_fen = rule_amount;
  const std::int64_t begin = kStart + slot * 2 * kHour;
  body.uses = {{"d", begin, begin + quantity / kCu * kHour, quantity}};
  body.invoices = {{{"t", body.redemption, 1}, "", 100, 100}};
  const auto day = static_cast<std::int32_t>((begin + 8 * kHour) / kDay);
  body.days = {{body.redemption, day, day + 2}};
  return body;
}

class Search {
 public:
  Search(CommitsAt commits_at, std::size_t vouchers, std::vector<int> years, std::size_t most)
      : vouchers_(vouchers), years_(std::move(years)), most_(most) {
    visit(start(commits_at));
  }

  /// Whether all that can be reached was.
  bool run() {
    while (!open_.empty() && seen_.size() < most_ && !::testing::Test::HasFailure()) {
      const Node node = std::move(open_.front());
      open_.pop_front();
      depth = node.depth;
      expand(node);
    }
    return open_.empty();
  }
  [[nodiscard]] std::size_t states() const { return seen_.size(); }
  std::size_t tried = 0;
  std::size_t doubles_refused = 0;
  int depth = 0;

 private:
  void visit(Node node) {
    forget_undone(node.state);
    if (!seen_.insert(key_of_state(node)).second) return;
    expect_sound(node.state);
    open_.push_back(std::move(node));
  }

  template <class T>
  bool try_body(const Node& node, const T& body) {
    ++tried;
    const Circumstances now{node.now_s, {}};
    const Decision decision = judge(node.state, now, body);
    const auto* postings = std::get_if<Postings>(&decision);
    if (postings == nullptr) return false;
    Node next = node;
    ++next.depth;
    Operation operation;
    operation.body = body;
    carry_out(next.state, operation, now, *postings);
    visit(std::move(next));
    return true;
  }

  void expand(const Node& node) {
    const State& state = node.state;
    for (const int year : years_) {
      const Budget& budget = state.budgets[*state.budget("p", year)];
      if (budget.of(Account::budget) + 2 <= kBudgetMost) try_body(node, FundBudget{"p", year, 2});
      try_body(node, CloseYear{"p", year});
      if (state.vouchers.size() == vouchers_) continue;
      for (const std::int64_t quantity : {kCu, 2 * kCu}) {
        for (const char* rate : {"1", "2"}) {
          Issue body = issue("v" + std::to_string(state.vouchers.size()), "p", quantity, year, "g");
          body.applicant = "a";
          body.rule_version = "r";
          body.rate_version = rate;
          body.expires_s = kStart + 500 * kDay;
          try_body(node, body);
        }
      }
    }
    for (const Voucher& voucher : state.vouchers) {
      const std::string& name = voucher.issue.voucher;
      for (const std::int64_t quantity : {kCu, 2 * kCu}) {
        try_body(node, Reserve{name, quantity});
        try_body(node, Release{name, quantity});
        try_body(node, ClawBack{"", name, quantity});
        for (const std::int64_t rule_amount : {std::int64_t{1}, std::int64_t{9}}) {
          try_body(node, free_redemption(state, name, quantity, rule_amount));
        }
      }
      try_body(node, Expire{name});
      if (voucher.of(Account::receivable) > 0) try_body(node, Receive{name, 1, "b"});
    }
    for (const Redemption& redemption : state.redemptions) {
      const std::string& name = redemption.redeem.redemption;
      try_body(node, Settle{name, "x"});
      for (const std::int64_t quantity : {kCu, 2 * kCu}) {
        try_body(node, Refund{name, quantity});
        try_body(node, ClawBack{name, "", quantity});
      }
      try_double(node, redemption);
    }
    if (node.now_s < kStart + 600 * kDay) {
      Node later = node;
      later.now_s += 300 * kDay + (node.now_s > kStart + 300 * kDay ? 0 : 100 * kDay);
      ++later.depth;
      visit(std::move(later));
    }
  }

  /// The same device-hours once more, under another name, on every voucher that has CU reserved.
  void try_double(const Node& node, const Redemption& redemption) {
    for (const Voucher& voucher : node.state.vouchers) {
      if (voucher.of(Account::reserved) < kCu) continue;
      Redeem again = redemption.redeem;
      again.redemption = "again";
      again.voucher = voucher.issue.voucher;
      again.quantity_ucu = again.uses[0].quantity_ucu = kCu;
      again.uses[0].end_s = again.uses[0].start_s + kHour;
      const Decision decision = judge(node.state, {node.now_s, {}}, again);
      const auto* refusal = std::get_if<Refusal>(&decision);
      ASSERT_TRUE(refusal != nullptr && refusal->rule == "device-seconds");
      ++doubles_refused;
    }
  }

  void expect_sound(const State& state) {
    const History history{{}, state};
    for (const char* name :
         {"cu-equation", "money-equation", "nothing-negative", "cap", "budget-not-overdrawn"}) {
      const auto all = invariants();
      const auto found = std::find_if(all.begin(), all.end(), [&](const Invariant& invariant) {
        return std::string_view(invariant.name) == name;
      });
      ASSERT_NE(found, all.end());
      for (const std::string& finding : found->check(history)) ADD_FAILURE() << name << finding;
    }
    for (std::uint32_t i = 0; i < state.vouchers.size(); ++i) {
      std::int64_t redeemed = 0;
      std::int64_t settled = 0;
      for (const Redemption& redemption : state.redemptions) {
        if (redemption.voucher != i) continue;
        (redemption.is_settled ? settled : redeemed) += redemption.net_ucu();
      }
      ASSERT_EQ(redeemed, state.vouchers[i].of(Account::redeemed));
      ASSERT_EQ(settled, state.vouchers[i].of(Account::settled));
      // Nobody is paid more than his CU are worth, whatever the way.
      ASSERT_LE(state.vouchers[i].of(Account::paid) - state.vouchers[i].of(Account::recovered),
                settled / kCu * state.vouchers[i].value_ucny_per_cu / 10'000);
    }
  }

  std::size_t vouchers_;
  std::vector<int> years_;  ///< whose budgets are funded, issued on and closed
  std::size_t most_;
  std::unordered_set<std::string> seen_;
  std::deque<Node> open_;
};

TEST(BreadthFirst, NoPathToADoubleRedemptionOrAnOverdraft) {
  const char* text = std::getenv("ASSAY_STATES");
  const std::size_t most = text == nullptr ? 40'000 : static_cast<std::size_t>(std::atoll(text));
  for (const CommitsAt commits_at : {CommitsAt::issue, CommitsAt::reservation}) {
    for (const std::size_t vouchers : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
      for (const std::vector<int>& years : {std::vector{2026}, {2027}, {2026, 2027}}) {
        Search search(commits_at, vouchers, years, most);
        const bool is_whole = search.run();
        std::printf(
            "%zu voucher(s), %zu year(s) from %d, commits at %s: %zu states, %zu operations tried, "
            "%zu double redemptions refused, %s %d operations deep\n",
            vouchers, years.size(), years[0],
            commits_at == CommitsAt::issue ? "issue" : "reservation", search.states(), search.tried,
            search.doubles_refused, is_whole ? "all that can be reached," : "stopped at the limit,",
            search.depth);
        std::fflush(stdout);
        EXPECT_GT(search.doubles_refused, 0U);
        EXPECT_GT(search.states(), 1'000U);
      }
    }
  }
}

}  // namespace
}  // namespace assay::pricing::ledger::test
