#pragma once
/// All that can happen to three small vouchers of a year, put together from what can happen to one.
///
/// The rules look at the time, at a voucher with its redemptions, at its year's budget and at what
/// its control group has drawn in that year. What can be done with a voucher, and where that leads,
/// is therefore found by the rules once for each such case, on a ledger that has no other voucher
/// but the others' draws; a year of several is searched breadth-first over its parts' names. Every
/// pair of vouchers that meets is made a ledger of two, on which nothing is redeemed twice; and one
/// state in some thousands is made a whole ledger, which must lead where its parts lead. Where
/// ledgers themselves can be searched whole (ledger_search.h) the counts must be the same.
///
/// Vouchers of two years meet in nothing but the time: at each time, any state of the one year's
/// vouchers goes with any of the other's. That product is held against the search of both years
/// too, and counts the states of three vouchers in two years.
#include <array>
#include <cstdint>

#include "ledger_search.h"

namespace assay::pricing::ledger::test {

inline constexpr std::size_t kVouchersMost = 3;

/// How many states of each time and number of vouchers.
using Counts = std::array<std::array<std::uint64_t, kVouchersMost + 1>, kEpochs>;

[[nodiscard]] std::uint64_t sum(const Counts& counts);
/// States of two years with at most that many vouchers in all.
[[nodiscard]] std::uint64_t product(const Counts& one, const Counts& other, std::size_t vouchers);

struct ComposedResult {
  bool is_whole = false;  ///< all that can be reached was; otherwise `most` states were
  Counts counts{};
  std::uint64_t doubles_refused = 0;  ///< over all states
  std::size_t parts = 0;              ///< vouchers that differ
  std::size_t cases = 0;              ///< judged by the rules
  std::size_t pairs = 0;              ///< of vouchers, on which double redemptions were tried
  std::size_t whole_tests = 0;        ///< states tested as ledgers
};
[[nodiscard]] ComposedResult search_composed(CommitsAt commits_at, std::size_t vouchers, int year,
                                             std::size_t most);

}  // namespace assay::pricing::ledger::test
