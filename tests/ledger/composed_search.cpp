#include "composed_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace assay::pricing::ledger::test {

namespace {

constexpr std::size_t kStatesAWholeTest = 4'999;

/// A voucher as any ledger can have it. Its name 0 is no voucher.
struct VoucherPart {
  std::string key;
  std::int64_t drawn_fen = 0;
  std::size_t redemptions = 0;
  bool has_reserved = false;
};

struct BudgetPart {
  std::string key;
  std::int64_t budget_fen = 0;
  std::int64_t free_fen = 0;
  std::int64_t lapsed_fen = 0;
};

/// A year: the time, the budget's name and the vouchers' names, the largest first.
struct YearState {
  std::uint64_t epoch = 0;
  std::uint64_t budget = 0;
  std::array<std::uint16_t, kVouchersMost> vouchers{};

  /// Whole in 64 bits.
  [[nodiscard]] std::uint64_t packed() const {
    std::uint64_t bits = epoch << 12U | budget;
    for (const std::uint16_t voucher : vouchers) bits = bits << 16U | voucher;
    return bits;
  }
  static YearState unpacked(std::uint64_t bits) {
    YearState state;
    for (std::size_t i = kVouchersMost; i-- > 0; bits >>= 16U) {
      state.vouchers.at(i) = static_cast<std::uint16_t>(bits & 0xffffU);
    }
    state.budget = bits & 0xfffU;
    state.epoch = bits >> 12U;
    return state;
  }
  [[nodiscard]] std::size_t count() const {
    return kVouchersMost -
           static_cast<std::size_t>(std::count(vouchers.begin(), vouchers.end(), std::uint16_t{0}));
  }
  void sort() { std::sort(vouchers.begin(), vouchers.end(), std::greater<>()); }
};

/// Where an operation leads: the year's budget, and the voucher (0 where there is none).
struct Move {
  std::uint64_t budget = 0;
  std::uint16_t voucher = 0;
  auto operator<=>(const Move&) const = default;
};

class ComposedSearch {
 public:
  ComposedSearch(CommitsAt commits_at, std::size_t vouchers, int year)
      : empty_(empty_node(commits_at)),
        space_{vouchers, {year}},
        year_(*empty_.state.budget("p", year)) {
    vouchers_.emplace_back();
    reach(YearState{0, name_of_budget(empty_.state.budgets[year_]), {}});
  }

  ComposedResult run(std::size_t most) {
    while (done_ < open_.size() && open_.size() < most && !::testing::Test::HasFailure()) {
      const YearState state = YearState::unpacked(open_[done_]);
      if (++done_ % kStatesAWholeTest == 0) test_whole(state);
      each_after(state, [this](const YearState& next) { reach(next); });
    }
    result_.is_whole = done_ == open_.size();
    result_.parts = vouchers_.size() - 1;
    result_.cases = moves_.size();
    result_.pairs = pairs_.size();
    return result_;
  }

 private:
  void reach(const YearState& state) {
    if (!seen_.insert(state.packed()).second) return;
    open_.push_back(state.packed());
    ++result_.counts.at(state.epoch).at(state.count());
    expect_sound_year(state);
    try_doubles(state);
  }

  template <class Reach>
  void each_after(const YearState& state, const Reach& reach_next) {
    const std::int64_t drawn = drawn_fen(state);
    for (std::size_t i = 0; i < state.count(); ++i) {
      for (const Move& move : moves(state, drawn, state.vouchers.at(i))) {
        reach_next(moved(state, i, move));
      }
    }
    for (const Move& move : moves(state, drawn, 0)) {
      const bool is_issue = move.voucher != 0;
      if (is_issue && state.count() == space_.vouchers) continue;
      reach_next(is_issue ? moved(state, state.count(), move) : with_budget(state, move.budget));
    }
    if (state.epoch + 1 < kEpochs) {
      YearState later = state;
      ++later.epoch;
      reach_next(later);
    }
  }

  static YearState with_budget(YearState state, std::uint64_t budget) {
    state.budget = budget;
    return state;
  }
  static YearState moved(YearState state, std::size_t voucher, const Move& move) {
    state.budget = move.budget;
    state.vouchers.at(voucher) = move.voucher;
    state.sort();
    return state;
  }

  [[nodiscard]] std::int64_t drawn_fen(const YearState& state) const {
    std::int64_t drawn = 0;
    for (const std::uint16_t voucher : state.vouchers) drawn += vouchers_[voucher].drawn_fen;
    return drawn;
  }

  /// What can be done with a voucher, or with a year and a new voucher, by the program's rules.
  const std::vector<Move>& moves(const YearState& state, std::int64_t drawn,
                                 std::uint16_t voucher) {
    YearState part{state.epoch, state.budget, {voucher}};
    const auto [found, is_new] = moves_.try_emplace(std::pair(part.packed(), drawn));
    if (is_new) found->second = judged_moves(part, drawn);
    return found->second;
  }

  std::vector<Move> judged_moves(const YearState& part, std::int64_t drawn) {
    const Node node = ledger_of(part, drawn);
    std::vector<Move> found;
    const auto note = [&](const Node& next) {
      for (std::size_t i = 0; i < next.state.budgets.size(); ++i) {
        if (i == year_) continue;
        ASSERT_EQ(key_of_budget(next.state.budgets[i]), key_of_budget(node.state.budgets[i]));
      }
      Move move;
      move.budget = name_of_budget(next.state.budgets[year_]);
      if (!next.state.vouchers.empty()) move.voucher = name_of_voucher(next.state);
      // What the group has drawn is the sum of what its vouchers have.
      ASSERT_EQ(next.state.budgets[year_].drawn_fen.at("g") - drawn,
                vouchers_[move.voucher].drawn_fen - vouchers_[part.vouchers[0]].drawn_fen);
      found.push_back(move);
    };
    Steps steps({1, space_.years});
    if (part.vouchers[0] == 0) {
      steps.take_of_years(node, note);
    } else {
      steps.take_of_voucher(node, 0, note);
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
  }

  [[nodiscard]] std::string key_of(const YearState& state) const {
    std::vector<std::string> budgets;
    for (const Budget& budget : empty_.state.budgets) budgets.push_back(key_of_budget(budget));
    budgets[year_] = budgets_[state.budget].key;
    std::vector<std::string> vouchers;
    for (std::size_t i = 0; i < state.count(); ++i) {
      vouchers.push_back(vouchers_[state.vouchers.at(i)].key);
    }
    return key_of_parts(static_cast<int>(state.epoch), budgets, std::move(vouchers));
  }

  [[nodiscard]] Node ledger_of(const YearState& part, std::int64_t drawn) const {
    Node node = node_of(key_of(part), empty_);
    node.state.budgets[year_].drawn_fen["g"] = drawn;
    return node;
  }

  std::uint64_t name_of_budget(const Budget& budget) {
    const std::string key = key_of_budget(budget);
    const auto [found, is_new] = budget_names_.try_emplace(key, budgets_.size());
    if (is_new) {
      budgets_.push_back(
          {key, budget.of(Account::budget), budget.of(Account::free), budget.of(Account::lapsed)});
      EXPECT_LT(budgets_.size(), 1U << 12U);
    }
    return found->second;
  }

  std::uint16_t name_of_voucher(const State& state) {
    const std::string key = key_of_voucher(state, 0);
    const auto [found, is_new] =
        voucher_names_.try_emplace(key, static_cast<std::uint16_t>(vouchers_.size()));
    if (is_new) {
      const auto live =
          std::count_if(state.redemptions.begin(), state.redemptions.end(),
                        [](const Redemption& redemption) { return redemption.net_ucu() > 0; });
      vouchers_.push_back({key, state.vouchers[0].drawn_fen(), static_cast<std::size_t>(live),
                           state.vouchers[0].of(Account::reserved) >= kCu});
      EXPECT_LT(vouchers_.size(), 1U << 16U);
      expect_sound_voucher(state, 0);
    }
    return found->second;
  }

  /// Every fen of a year's budget is somewhere, and none is owed. (A cap is no part of the search:
  /// it is as large as the largest budget.)
  void expect_sound_year(const YearState& state) const {
    const BudgetPart& budget = budgets_[state.budget];
    ASSERT_GE(budget.free_fen, 0);
    ASSERT_GE(budget.lapsed_fen, 0);
    ASSERT_EQ(budget.budget_fen, budget.free_fen + budget.lapsed_fen + drawn_fen(state));
  }

  void try_doubles(const YearState& state) {
    std::size_t redemptions = 0;
    std::size_t reserved = 0;
    for (std::size_t i = 0; i < state.count(); ++i) {
      const VoucherPart& one = vouchers_[state.vouchers.at(i)];
      redemptions += one.redemptions;
      reserved += one.has_reserved ? 1 : 0;
      try_doubles_of({state.epoch, state.budget, {state.vouchers.at(i)}});
      for (std::size_t j = i + 1; j < state.count(); ++j) {
        try_doubles_of({state.epoch, state.budget, {state.vouchers.at(i), state.vouchers.at(j)}});
      }
    }
    result_.doubles_refused += redemptions * reserved;
  }

  /// Whether time is redeemed already is no matter of the budget: the first one met will do.
  void try_doubles_of(YearState pair) {
    const VoucherPart& one = vouchers_[pair.vouchers[0]];
    const VoucherPart& other = vouchers_[pair.vouchers[1]];
    const std::size_t doubles = (one.redemptions + other.redemptions) *
                                ((one.has_reserved ? 1U : 0U) + (other.has_reserved ? 1U : 0U));
    if (doubles == 0) return;
    if (!pairs_.insert(with_budget(pair, 0).packed()).second) return;
    Steps steps(space_);
    steps.try_doubles(ledger_of(pair, drawn_fen(pair)));
    EXPECT_EQ(steps.doubles_refused, doubles);
  }

  void test_whole(const YearState& state) {
    ++result_.whole_tests;
    const Node node = node_of(key_of(state), empty_);
    expect_sound_state(node.state);
    std::vector<std::string> composed;
    each_after(state, [&](const YearState& next) { composed.push_back(key_of(next)); });
    std::sort(composed.begin(), composed.end());
    composed.erase(std::unique(composed.begin(), composed.end()), composed.end());
    ASSERT_EQ(keys_after(space_, node), composed);
  }

  struct HashCase {
    std::size_t operator()(const std::pair<std::uint64_t, std::int64_t>& key) const {
      return std::hash<std::uint64_t>()(key.first ^ static_cast<std::uint64_t>(key.second) << 62U);
    }
  };

  Node empty_;
  Space space_;
  std::uint32_t year_;
  std::vector<BudgetPart> budgets_;
  std::map<std::string, std::uint64_t> budget_names_;
  std::vector<VoucherPart> vouchers_;
  std::unordered_map<std::string, std::uint16_t> voucher_names_;
  std::unordered_map<std::pair<std::uint64_t, std::int64_t>, std::vector<Move>, HashCase> moves_;
  std::unordered_set<std::uint64_t> pairs_;
  std::unordered_set<std::uint64_t> seen_;
  std::vector<std::uint64_t> open_;
  std::size_t done_ = 0;
  ComposedResult result_;
};

}  // namespace

std::uint64_t sum(const Counts& counts) {
  std::uint64_t all = 0;
  for (const auto& row : counts) {
    for (const std::uint64_t count : row) all += count;
  }
  return all;
}

std::uint64_t product(const Counts& one, const Counts& other, std::size_t vouchers) {
  std::uint64_t all = 0;
  for (std::size_t epoch = 0; epoch < one.size(); ++epoch) {
    for (std::size_t a = 0; a <= vouchers; ++a) {
      for (std::size_t b = 0; a + b <= vouchers; ++b) {
        all += one.at(epoch).at(a) * other.at(epoch).at(b);
      }
    }
  }
  return all;
}

ComposedResult search_composed(CommitsAt commits_at, std::size_t vouchers, int year,
                               std::size_t most) {
  return ComposedSearch(commits_at, vouchers, year).run(most);
}

}  // namespace assay::pricing::ledger::test
