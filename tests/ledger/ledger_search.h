#pragma once
/// What can be done with small ledgers (small_ledger.h) by the program's own rules, what must hold
/// of each, and a whole search, breadth-first.
#include <functional>
#include <string>
#include <vector>

#include "small_ledger.h"

namespace assay::pricing::ledger::test {

/// What can be tried: how many vouchers, of which years.
struct Space {
  std::size_t vouchers = 0;
  std::vector<int> years;
};

/// Everything that can be done next. Counts what the rules refuse, too.
class Steps {
 public:
  using Reach = std::function<void(Node)>;
  explicit Steps(Space space) : space_(std::move(space)) {}

  /// Calls `reach` for each operation that the rules accept, and once for later, where there is a
  /// later.
  void take(const Node& node, const Reach& reach);
  /// The parts of that: to a year, and on it; with a voucher and its redemptions; nothing but
  /// redemptions of what is redeemed already, which must all be refused.
  void take_of_years(const Node& node, const Reach& reach);
  void take_of_voucher(const Node& node, std::uint32_t voucher, const Reach& reach);
  void try_doubles(const Node& node);

  std::size_t tried = 0;
  std::size_t doubles_refused = 0;

 private:
  template <class T>
  void attempt(const Node& node, const T& body, const Reach& reach);

  Space space_;
};

/// Expects the named invariants that a ledger without records can be held against, and that
/// redemptions and balances agree.
void expect_sound_state(const State& state);
/// Those of them that a voucher fulfils by itself, whatever else is in its year.
void expect_sound_voucher(const State& state, std::uint32_t index);

/// Whole search over ledgers themselves, breadth-first. That a key says all that counts is tested
/// on the way: a ledger and the one made of its key lead to the same keys.
struct SearchResult {
  bool is_whole = false;  ///< all that can be reached was; otherwise `most` states were
  std::size_t states = 0;
  std::size_t tried = 0;
  std::size_t doubles_refused = 0;
  std::size_t keys_tested = 0;
  int depth = 0;
};
[[nodiscard]] SearchResult search_ledgers(CommitsAt commits_at, const Space& space,
                                          std::size_t most);

/// What takes another turn: the keys that a node leads to.
[[nodiscard]] std::vector<std::string> keys_after(const Space& space, const Node& node);

/// "CommitsAtIssueVouchers2Of2026"
[[nodiscard]] std::string name_of(CommitsAt commits_at, const Space& space);

/// From the environment's ASSAY_STATES, where it is set.
[[nodiscard]] std::size_t states_most(std::size_t by_day);

}  // namespace assay::pricing::ledger::test
