/// Breadth-first over everything that can happen to a few small vouchers, with the program's own
/// rules: no path leads to a double redemption, a negative balance or an overdrawn budget.
///
/// A state is its balances (with what is left of each live redemption), the years that are closed
/// and the time; vouchers are sorted, as their names do not matter. Of what was paid and recovered
/// only the difference counts, and of a receivable that there is one: both grow for ever where a
/// voucher is redeemed and refunded in turn, and no rule looks at more. Redemptions that came to
/// nothing are forgotten. Whole keys are kept, so no two states are taken for one, and a ledger is
/// made again from its key before it is gone on from; that the key says all that counts is tested
/// on the way: a ledger and the one made of its key lead to the same keys.
///
/// Rules look at a voucher, its redemptions and its year's budget. Vouchers of two years therefore
/// meet in nothing but the time, and the years are searched one by one as well as together.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <set>
#include <stdexcept>
#include <unordered_set>

#include "pricing/ledger/entry.h"
#include "scenario.h"

namespace assay::pricing::ledger::test {
namespace {

constexpr std::int64_t kBudgetMost = 4;  // fen
constexpr std::int64_t kManyHours = 1'000;

struct Node {
  State state;
  int epoch = 0;
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
  return node;
}

/// All figures here are whole CU or fen, small enough for a byte.
void put(std::string& key, std::int64_t value) {
  const auto byte = static_cast<signed char>(value);
  if (byte != value) throw std::range_error("a figure does not fit into the key");
  key.push_back(static_cast<char>(byte));
}

std::int64_t whole_cu(std::int64_t amount_ucu) {
  if (amount_ucu % kCu != 0) throw std::range_error("a part of a CU does not fit into the key");
  return amount_ucu / kCu;
}

std::int64_t small(Account account, std::int64_t amount) {
  return commodity_of(account) == Commodity::cu ? whole_cu(amount) : amount;
}

/// Before any use, after the first year, after the second.
std::int64_t time_of(int epoch) {
  return kStart + std::array{kManyHours * kHour, kManyHours * kHour + 400 * kDay,
                             kManyHours * kHour + 700 * kDay}
                      .at(static_cast<std::size_t>(epoch));
}

std::string key_of_redemption(const Redemption& redemption) {
  std::string key;
  put(key, whole_cu(redemption.redeem.quantity_ucu));
  put(key, whole_cu(redemption.net_ucu()));
  put(key, redemption.amount_fen);
  put(key, redemption.held_fen);
  put(key, redemption.is_settled ? 1 : 0);
  return key;
}

std::string key_of_voucher(const State& state, std::uint32_t index) {
  const Voucher& voucher = state.vouchers[index];
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
    if (redemption.voucher == index && redemption.net_ucu() > 0) {
      redemptions.push_back(key_of_redemption(redemption));
    }
  }
  std::sort(redemptions.begin(), redemptions.end());
  put(key, static_cast<std::int64_t>(redemptions.size()));
  for (const std::string& redemption : redemptions) key += redemption;
  return key;
}

std::string key_of_state(const Node& node) {
  const State& state = node.state;
  std::vector<std::string> vouchers;
  for (std::uint32_t i = 0; i < state.vouchers.size(); ++i) {
    vouchers.push_back(key_of_voucher(state, i));
  }
  std::sort(vouchers.begin(), vouchers.end());
  std::string key;
  put(key, node.epoch);
  for (const Budget& budget : state.budgets) {
    for (const std::int64_t amount : budget.balance) put(key, amount);
    put(key, budget.closed ? 1 : 0);
  }
  put(key, static_cast<std::int64_t>(vouchers.size()));
  for (const std::string& voucher : vouchers) key += voucher;
  return key;
}

/// A redemption of the first hours that no live one holds.
Redeem free_redemption(const State& state, const std::string& voucher, std::int64_t quantity,
                       std::int64_t rule_amount) {
  std::int64_t slot = 0;
  while (state.redemption("r" + std::to_string(slot)) != nullptr) ++slot;
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

Issue issue_of(std::size_t number, std::int64_t quantity, int year, const std::string& rate) {
  Issue body = issue("v" + std::to_string(number), "p", quantity, year, "g");
  body.applicant = "a";
  body.rule_version = "r";
  body.rate_version = rate;
  body.expires_s = kStart + 500 * kDay;
  return body;
}

/// Reads what key_of_state() wrote.
class KeyReader {
 public:
  explicit KeyReader(const std::string& key) : key_(key) {}
  std::int64_t next() { return static_cast<signed char>(key_.at(at_++)); }

 private:
  const std::string& key_;
  std::size_t at_ = 0;
};

void read_redemption(KeyReader& key, State& state, std::uint32_t voucher) {
  Redemption redemption;
  const std::int64_t quantity = key.next() * kCu;
  const std::int64_t net = key.next() * kCu;
  redemption.amount_fen = key.next();
  redemption.held_fen = key.next();
  redemption.is_settled = key.next() != 0;
  redemption.voucher = voucher;
  redemption.refunded_ucu = quantity - net;
  redemption.redeem = free_redemption(state, state.vouchers[voucher].issue.voucher, quantity,
                                      redemption.amount_fen);
  redemption.subsidy_fen = {redemption.amount_fen};
  const auto index = static_cast<std::uint32_t>(state.redemptions.size());
  const Redeem& redeem = redemption.redeem;
  state.redemption_index[redeem.redemption] = index;
  for (const DeviceUse& use : redeem.uses) {
    state.device_seconds[use.device][use.start_s] = {use.end_s, index};
  }
  for (const ContractDays& days : redeem.days) {
    state.contract_days[{"g", days.contract}][days.from_day] = {days.until_day, index};
  }
  CountedLine& line = state.invoice_lines[redeem.invoices[0].line];
  line.eligible_fen = redeem.invoices[0].eligible_fen;
  line.counted_fen["g"] = redeem.invoices[0].counted_fen;
  line.subsidy_fen = redemption.amount_fen;
  state.redemptions.push_back(std::move(redemption));
}

void read_voucher(KeyReader& key, State& state) {
  const auto index = static_cast<std::uint32_t>(state.vouchers.size());
  Voucher voucher;
  voucher.budget = static_cast<std::uint32_t>(key.next());
  const std::int64_t value = key.next();
  voucher.value_ucny_per_cu = value * 10'000;
  for (std::size_t a = 0; a < index_of(Account::paid); ++a) {
    const std::int64_t amount = key.next();
    voucher.balance.at(a) =
        commodity_of(static_cast<Account>(a)) == Commodity::cu ? amount * kCu : amount;
  }
  voucher.balance.at(index_of(Account::paid)) = key.next();
  const std::int64_t receivable = key.next();
  voucher.balance.at(index_of(Account::receivable)) = receivable;
  voucher.balance.at(index_of(Account::repayment_claim)) = -receivable;
  Budget& budget = state.budgets[voucher.budget];
  voucher.issue = issue_of(index, voucher.of(Account::issued), budget.year, std::to_string(value));
  budget.drawn_fen["g"] += voucher.drawn_fen();
  state.voucher_index[voucher.issue.voucher] = index;
  state.vouchers.push_back(std::move(voucher));
  for (std::int64_t left = key.next(); left > 0; --left) read_redemption(key, state, index);
}

/// A ledger of that key. `begin` has what never changes.
Node node_of(const std::string& key_text, const Node& begin) {
  KeyReader key(key_text);
  Node node = begin;
  node.epoch = static_cast<int>(key.next());
  for (Budget& budget : node.state.budgets) {
    for (std::int64_t& amount : budget.balance) amount = key.next();
    budget.closed = key.next() != 0;
  }
  for (std::int64_t left = key.next(); left > 0; --left) read_voucher(key, node.state);
  return node;
}

/// What can be tried: which vouchers, of which years.
struct Space {
  std::size_t vouchers = 0;
  std::vector<int> years;
};

/// Everything that can be done next. Counts what the rules refuse, too.
class Steps {
 public:
  explicit Steps(Space space) : space_(std::move(space)) {}

  /// Calls `reach(Node)` for each accepted operation, and once for later, where there is a later.
  template <class Reach>
  void take(const Node& node, const Reach& reach) {
    const auto attempt = [&](const auto& body) { try_body(node, body, reach); };
    const State& state = node.state;
    for (const int year : space_.years) take_of_year(state, year, attempt);
    for (const Voucher& voucher : state.vouchers) take_of_voucher(state, voucher, attempt);
    for (const Redemption& redemption : state.redemptions) {
      const std::string& name = redemption.redeem.redemption;
      attempt(Settle{name, "x"});
      for (const std::int64_t quantity : {kCu, 2 * kCu}) {
        attempt(Refund{name, quantity});
        attempt(ClawBack{name, "", quantity});
      }
      if (!redemption.is_undone()) try_double(node, redemption);
    }
    if (node.epoch < 2) {
      Node later = node;
      ++later.epoch;
      reach(std::move(later));
    }
  }

  std::size_t tried = 0;
  std::size_t doubles_refused = 0;

 private:
  template <class Attempt>
  void take_of_year(const State& state, int year, const Attempt& attempt) const {
    const Budget& budget = state.budgets[*state.budget("p", year)];
    if (budget.of(Account::budget) + 2 <= kBudgetMost) attempt(FundBudget{"p", year, 2});
    attempt(CloseYear{"p", year});
    if (state.vouchers.size() == space_.vouchers) return;
    for (const std::int64_t quantity : {kCu, 2 * kCu}) {
      for (const char* rate : {"1", "2"}) {
        attempt(issue_of(state.vouchers.size(), quantity, year, rate));
      }
    }
  }

  template <class Attempt>
  static void take_of_voucher(const State& state, const Voucher& voucher, const Attempt& attempt) {
    const std::string& name = voucher.issue.voucher;
    for (const std::int64_t quantity : {kCu, 2 * kCu}) {
      attempt(Reserve{name, quantity});
      attempt(Release{name, quantity});
      attempt(ClawBack{"", name, quantity});
      for (const std::int64_t rule_amount : {std::int64_t{1}, std::int64_t{9}}) {
        attempt(free_redemption(state, name, quantity, rule_amount));
      }
    }
    attempt(Expire{name});
    if (voucher.of(Account::receivable) > 0) attempt(Receive{name, 1, "b"});
  }

  template <class T, class Reach>
  void try_body(const Node& node, const T& body, const Reach& reach) {
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
  void try_double(const Node& node, const Redemption& redemption) {
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

  Space space_;
};

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

class Search {
 public:
  Search(CommitsAt commits_at, const Space& space, std::size_t most)
      : begin_(start(commits_at)), space_(space), steps_(space), most_(most) {
    visit(begin_);
  }

  /// Whether all that can be reached was.
  bool run() {
    while (!open_.empty() && seen_.size() < most_ && !::testing::Test::HasFailure()) {
      for (std::size_t left = open_.size(); left > 0 && seen_.size() < most_; --left) {
        const Node node = node_of(*open_.front(), begin_);
        open_.pop_front();
        steps_.take(node, [&](const Node& next) { visit(next); });
      }
      if (!open_.empty()) ++depth_;
    }
    return open_.empty();
  }

  [[nodiscard]] std::size_t states() const { return seen_.size(); }
  [[nodiscard]] std::size_t keys_tested() const { return keys_tested_; }
  [[nodiscard]] const Steps& steps() const { return steps_; }
  [[nodiscard]] int depth() const { return depth_; }

 private:
  void visit(const Node& node) {
    const auto [key, is_new] = seen_.insert(key_of_state(node));
    if (++visits_ % kVisitsAKeyTest == 0) test_key(node, *key);
    if (!is_new) return;
    expect_sound(node.state);
    open_.push_back(&*key);
  }

  void test_key(const Node& node, const std::string& key) {
    // A receivable of two is received one by one: one step more leads to where one of one does.
    for (const Voucher& voucher : node.state.vouchers) {
      if (voucher.of(Account::receivable) > 1) return;
    }
    ++keys_tested_;
    ASSERT_EQ(keys_after(node), keys_after(node_of(key, begin_)));
  }

  [[nodiscard]] std::set<std::string> keys_after(const Node& node) const {
    std::set<std::string> keys;
    Steps(space_).take(node, [&](const Node& next) { keys.insert(key_of_state(next)); });
    return keys;
  }

  static constexpr std::size_t kVisitsAKeyTest = 97;

  Node begin_;
  Space space_;
  Steps steps_;
  std::size_t most_;
  std::size_t visits_ = 0;
  std::size_t keys_tested_ = 0;
  int depth_ = 0;
  std::unordered_set<std::string> seen_;
  std::deque<const std::string*> open_;  ///< keys stay where they are in an unordered_set
};

/// What is searched.
struct Case {
  CommitsAt commits_at;
  Space space;
};

std::string name_of(const Case& c) {
  std::string name = c.commits_at == CommitsAt::issue ? "CommitsAtIssue" : "CommitsAtReservation";
  name += "Vouchers" + std::to_string(c.space.vouchers);
  for (const int year : c.space.years) name += "Of" + std::to_string(year);
  return name;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const CommitsAt commits_at : {CommitsAt::issue, CommitsAt::reservation}) {
    for (const std::size_t vouchers : {std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
      for (const std::vector<int>& years : {std::vector{2026}, {2027}, {2026, 2027}}) {
        all.push_back({commits_at, {vouchers, years}});
      }
    }
  }
  return all;
}

class BreadthFirst : public ::testing::TestWithParam<Case> {};

TEST_P(BreadthFirst, NoPathToADoubleRedemptionOrAnOverdraft) {
  const char* text = std::getenv("ASSAY_STATES");
  const std::size_t most = text == nullptr ? 40'000 : static_cast<std::size_t>(std::atoll(text));
  Search search(GetParam().commits_at, GetParam().space, most);
  const bool is_whole = search.run();
  std::printf(
      "%s: %zu states, %zu operations tried, %zu double redemptions refused, %zu keys tested, "
      "%s %d operations deep\n",
      name_of(GetParam()).c_str(), search.states(), search.steps().tried,
      search.steps().doubles_refused, search.keys_tested(),
      is_whole ? "all that can be reached," : "stopped at the limit,", search.depth());
  std::fflush(stdout);
  EXPECT_GT(search.steps().doubles_refused, 0U);
  EXPECT_GT(search.keys_tested(), 10U);
  EXPECT_GT(search.states(), 1'000U);
  EXPECT_TRUE(is_whole || GetParam().space.vouchers > 1);
}

INSTANTIATE_TEST_SUITE_P(Ledger, BreadthFirst, ::testing::ValuesIn(cases()),
                         [](const auto& test) { return name_of(test.param); });

}  // namespace
}  // namespace assay::pricing::ledger::test
