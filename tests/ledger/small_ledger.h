#pragma once
/// Ledgers of a few small vouchers, for searches over everything that can happen to them: one
/// programme, unit values of 1 and 2 fen per CU, vouchers of 1 or 2 CU, two years with budgets of
/// up to 4 fen, and three times: before any use, after the first year, after the second.
///
/// A state is its balances (with what is left of each live redemption), the years that are closed
/// and the time; vouchers are sorted, as their names do not matter. Of what was paid and recovered
/// only the difference counts, and of a receivable that there is one: both grow for ever where a
/// voucher is redeemed and refunded in turn, and no rule looks at more. Redemptions that came to
/// nothing are forgotten. All that is written into a key of one byte a figure, and read from it.
#include <cstdint>
#include <string>
#include <vector>

#include "scenario.h"

namespace assay::pricing::ledger::test {

inline constexpr std::int64_t kBudgetMost = 4;  ///< fen
inline constexpr int kEpochs = 3;

struct Node {
  State state;
  int epoch = 0;
};

/// No voucher yet, and budgets of nothing.
[[nodiscard]] Node empty_node(CommitsAt commits_at);

/// Of a voucher with its live redemptions; of a year's balances and whether it is closed; of all.
[[nodiscard]] std::string key_of_voucher(const State& state, std::uint32_t index);
[[nodiscard]] std::string key_of_budget(const Budget& budget);
[[nodiscard]] std::string key_of_node(const Node& node);
/// The same of its parts, the vouchers in any order.
[[nodiscard]] std::string key_of_parts(int epoch, const std::vector<std::string>& budgets,
                                       std::vector<std::string> vouchers);

/// A ledger of that key. `empty` has what never changes.
[[nodiscard]] Node node_of(const std::string& key, const Node& empty);

/// A redemption of the first hours that no live one holds, of whole CU; and an issue.
[[nodiscard]] Redeem free_redemption(const State& state, const std::string& voucher,
                                     std::int64_t quantity, std::int64_t rule_amount);
[[nodiscard]] Issue issue_of(std::size_t number, std::int64_t quantity, int year,
                             const std::string& rate);

/// Seconds of an epoch.
[[nodiscard]] std::int64_t time_of(int epoch);

}  // namespace assay::pricing::ledger::test
