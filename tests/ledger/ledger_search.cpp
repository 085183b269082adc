#include "ledger_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "pricing/ledger/entry.h"

namespace assay::pricing::ledger::test {

namespace {

bool holds_alone(std::string_view invariant) {
  return invariant == "cu-equation" || invariant == "nothing-negative";
}

void expect_invariants(const State& state, bool of_vouchers_alone) {
  const History history{{}, state};
  std::size_t checked = 0;
  for (const Invariant& invariant : invariants()) {
    const std::string_view name = invariant.name;
    const bool holds_together =
        name == "money-equation" || name == "cap" || name == "budget-not-overdrawn";
    if (!holds_alone(name) && (of_vouchers_alone || !holds_together)) continue;
    ++checked;
    for (const std::string& finding : invariant.check(history)) ADD_FAILURE() << name << finding;
  }
  ASSERT_EQ(checked, of_vouchers_alone ? 2U : 5U);
}

void expect_redemptions(const State& state, std::uint32_t index) {
  const Voucher& voucher = state.vouchers[index];
  std::int64_t redeemed = 0;
  std::int64_t settled = 0;
  for (const Redemption& redemption : state.redemptions) {
    if (redemption.voucher != index) continue;
    (redemption.is_settled ? settled : redeemed) += redemption.net_ucu();
  }
  ASSERT_EQ(redeemed, voucher.of(Account::redeemed));
  ASSERT_EQ(settled, voucher.of(Account::settled));
  // Nobody is paid more than his CU are worth, whatever the way.
  ASSERT_LE(voucher.of(Account::paid) - voucher.of(Account::recovered),
            settled / kCu * voucher.value_ucny_per_cu / 10'000);
}

class Search {
 public:
  Search(CommitsAt commits_at, const Space& space)
      : empty_(empty_node(commits_at)), space_(space), steps_(space) {
    visit(empty_);
  }

  SearchResult run(std::size_t most) {
    while (!open_.empty() && seen_.size() < most && !::testing::Test::HasFailure()) {
      for (std::size_t left = open_.size(); left > 0 && seen_.size() < most; --left) {
        const Node node = node_of(*open_.front(), empty_);
        open_.pop_front();
        steps_.take(node, [&](const Node& next) { visit(next); });
      }
      if (!open_.empty()) ++result_.depth;
    }
    result_.is_whole = open_.empty();
    result_.states = seen_.size();
    result_.tried = steps_.tried;
    result_.doubles_refused = steps_.doubles_refused;
    return result_;
  }

 private:
  static constexpr std::size_t kVisitsAKeyTest = 97;

  void visit(const Node& node) {
    const auto [key, is_new] = seen_.insert(key_of_node(node));
    if (++visits_ % kVisitsAKeyTest == 0) test_key(node, *key);
    if (!is_new) return;
    expect_sound_state(node.state);
    open_.push_back(&*key);
  }

  void test_key(const Node& node, const std::string& key) {
    // A receivable of two is received one by one: one step more leads to where one of one does.
    for (const Voucher& voucher : node.state.vouchers) {
      if (voucher.of(Account::receivable) > 1) return;
    }
    ++result_.keys_tested;
    ASSERT_EQ(keys_after(space_, node), keys_after(space_, node_of(key, empty_)));
  }

  Node empty_;
  Space space_;
  Steps steps_;
  SearchResult result_;
  std::size_t visits_ = 0;
  std::unordered_set<std::string> seen_;
  std::deque<const std::string*> open_;  ///< keys stay where they are in an unordered_set
};

}  // namespace

void Steps::take(const Node& node, const Reach& reach) {
  take_of_years(node, reach);
  for (std::uint32_t i = 0; i < node.state.vouchers.size(); ++i) take_of_voucher(node, i, reach);
  try_doubles(node);
  if (node.epoch + 1 < kEpochs) {
    Node later = node;
    ++later.epoch;
    reach(std::move(later));
  }
}

void Steps::take_of_years(const Node& node, const Reach& reach) {
  const State& state = node.state;
  for (const int year : space_.years) {
    const Budget& budget = state.budgets[*state.budget("p", year)];
    if (budget.of(Account::budget) + 2 <= kBudgetMost) {
      attempt(node, FundBudget{"p", year, 2}, reach);
    }
    attempt(node, CloseYear{"p", year}, reach);
    if (state.vouchers.size() == space_.vouchers) continue;
    for (const std::int64_t quantity : {kCu, 2 * kCu}) {
      for (const char* rate : {"1", "2"}) {
        attempt(node, issue_of(state.vouchers.size(), quantity, year, rate), reach);
      }
    }
  }
}

void Steps::take_of_voucher(const Node& node, std::uint32_t index, const Reach& reach) {
  const State& state = node.state;
  const Voucher& voucher = state.vouchers[index];
  const std::string& name = voucher.issue.voucher;
  for (const std::int64_t quantity : {kCu, 2 * kCu}) {
    attempt(node, Reserve{name, quantity}, reach);
    attempt(node, Release{name, quantity}, reach);
    attempt(node, ClawBack{"", name, quantity}, reach);
    for (const std::int64_t rule_amount : {std::int64_t{1}, std::int64_t{9}}) {
      attempt(node, free_redemption(state, name, quantity, rule_amount), reach);
    }
  }
  attempt(node, Expire{name}, reach);
  if (voucher.of(Account::receivable) > 0) attempt(node, Receive{name, 1, "b"}, reach);
  for (const Redemption& redemption : state.redemptions) {
    if (redemption.voucher != index) continue;
    const std::string& redeemed = redemption.redeem.redemption;
    attempt(node, Settle{redeemed, "x"}, reach);
    for (const std::int64_t quantity : {kCu, 2 * kCu}) {
      attempt(node, Refund{redeemed, quantity}, reach);
      attempt(node, ClawBack{redeemed, "", quantity}, reach);
    }
  }
}

template <class T>
void Steps::attempt(const Node& node, const T& body, const Reach& reach) {
  ++tried;
  const Circumstances now{time_of(node.epoch), {}};
  const Decision decision = judge(node.state, now, body);
  const auto* postings = std::get_if<Postings>(&decision);
  if (postings == nullptr) return;
  Node next = node;
  Operation operation;
  operation.body = body;
  carry_out(next.state, operation, now, *postings);
  reach(std::move(next));
}

/// The same device-hours once more, under another name, on every voucher that has CU reserved.
void Steps::try_doubles(const Node& node) {
  for (const Redemption& redemption : node.state.redemptions) {
    if (redemption.is_undone()) continue;
    for (const Voucher& voucher : node.state.vouchers) {
      if (voucher.of(Account::reserved) < kCu) continue;
      Redeem again = redemption.redeem;
      again.redemption = "again";
      again.voucher = voucher.issue.voucher;
      again.quantity_ucu = again.uses[0].quantity_ucu = kCu;
      again.uses[0].end_s = again.uses[0].start_s + kHour;
      const Decision decision = judge(node.state, {time_of(node.epoch), {}}, again);
      const auto* refusal = std::get_if<Refusal>(&decision);
      ASSERT_TRUE(refusal != nullptr && refusal->rule == "device-seconds");
      ++doubles_refused;
    }
  }
}

void expect_sound_state(const State& state) {
  expect_invariants(state, false);
  for (std::uint32_t i = 0; i < state.vouchers.size(); ++i) expect_redemptions(state, i);
}

void expect_sound_voucher(const State& state, std::uint32_t index) {
  expect_invariants(state, true);
  expect_redemptions(state, index);
}

std::vector<std::string> keys_after(const Space& space, const Node& node) {
  std::vector<std::string> keys;
  Steps(space).take(node, [&](const Node& next) { keys.push_back(key_of_node(next)); });
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

SearchResult search_ledgers(CommitsAt commits_at, const Space& space, std::size_t most) {
  return Search(commits_at, space).run(most);
}

std::string name_of(CommitsAt commits_at, const Space& space) {
  std::string name = commits_at == CommitsAt::issue ? "CommitsAtIssue" : "CommitsAtReservation";
  name += "Vouchers" + std::to_string(space.vouchers);
  for (const int year : space.years) name += "Of" + std::to_string(year);
  return name;
}

std::size_t states_most(std::size_t by_day) {
  const char* text = std::getenv("ASSAY_STATES");
  return text == nullptr ? by_day : static_cast<std::size_t>(std::atoll(text));
}

}  // namespace assay::pricing::ledger::test
