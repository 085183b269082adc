/// Breadth-first over everything that can happen to a few small vouchers, with the program's own
/// rules: no path leads to a double redemption, a negative balance or an overdrawn budget. Whole
/// keys are kept, so no two states are taken for one.
#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>

#include "composed_search.h"

namespace assay::pricing::ledger::test {
namespace {

/// What is searched.
struct Case {
  CommitsAt commits_at;
  Space space;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const CommitsAt commits_at : {CommitsAt::issue, CommitsAt::reservation}) {
    for (const std::size_t vouchers : {std::size_t{1}, std::size_t{2}}) {
      for (const std::vector<int>& years : {std::vector{2026}, {2027}, {2026, 2027}}) {
        all.push_back({commits_at, {vouchers, years}});
      }
    }
  }
  return all;
}

ComposedResult searched(CommitsAt commits_at, std::size_t vouchers, int year) {
  const ComposedResult found = search_composed(commits_at, vouchers, year, states_most(300'000));
  std::printf("%s, composed: %" PRIu64
              " states, %zu vouchers that differ, %zu cases judged, %zu pairs, "
              "%" PRIu64 " double redemptions refused, %zu states tested as ledgers, %s\n",
              name_of(commits_at, {vouchers, {year}}).c_str(), sum(found.counts), found.parts,
              found.cases, found.pairs, found.doubles_refused, found.whole_tests,
              found.is_whole ? "all that can be reached" : "stopped at the limit");
  std::fflush(stdout);
  EXPECT_GT(found.doubles_refused, 0U);
  EXPECT_GT(found.pairs, 10U);
  return found;
}

/// Put together from what one voucher can do, the search comes to as many states and refusals.
void expect_composed(CommitsAt commits_at, const Space& space, const SearchResult& direct) {
  const ComposedResult one = searched(commits_at, space.vouchers, space.years.front());
  ASSERT_TRUE(one.is_whole);
  if (space.years.size() == 1) {
    EXPECT_EQ(sum(one.counts), direct.states);
    EXPECT_EQ(one.doubles_refused, direct.doubles_refused);
    return;
  }
  const ComposedResult other = searched(commits_at, space.vouchers, space.years.back());
  ASSERT_TRUE(other.is_whole);
  EXPECT_EQ(product(one.counts, other.counts, space.vouchers), direct.states);
}

class BreadthFirst : public ::testing::TestWithParam<Case> {};

TEST_P(BreadthFirst, NoPathToADoubleRedemptionOrAnOverdraft) {
  const auto& [commits_at, space] = GetParam();
  const SearchResult found = search_ledgers(commits_at, space, states_most(40'000));
  std::printf(
      "%s: %zu states, %zu operations tried, %zu double redemptions refused, %zu keys tested, "
      "%s %d operations deep\n",
      name_of(commits_at, space).c_str(), found.states, found.tried, found.doubles_refused,
      found.keys_tested, found.is_whole ? "all that can be reached," : "stopped at the limit,",
      found.depth);
  std::fflush(stdout);
  EXPECT_GT(found.doubles_refused, 0U);
  EXPECT_GT(found.keys_tested, 10U);
  EXPECT_GT(found.states, 1'000U);
  EXPECT_TRUE(found.is_whole || space.vouchers > 1);
  if (found.is_whole) expect_composed(commits_at, space, found);
}

INSTANTIATE_TEST_SUITE_P(Ledger, BreadthFirst, ::testing::ValuesIn(cases()), [](const auto& test) {
  return name_of(test.param.commits_at, test.param.space);
});

class ComposedBreadthFirst : public ::testing::TestWithParam<CommitsAt> {};

TEST_P(ComposedBreadthFirst, NoPathWithThreeVouchersEither) {
  const ComposedResult one = searched(GetParam(), kVouchersMost, 2026);
  const ComposedResult other = searched(GetParam(), kVouchersMost, 2027);
  EXPECT_GT(one.whole_tests, 10U);
  EXPECT_GT(other.whole_tests, 10U);
  if (!one.is_whole || !other.is_whole) return;
  std::printf("%s: %" PRIu64 " states\n",
              name_of(GetParam(), {kVouchersMost, {2026, 2027}}).c_str(),
              product(one.counts, other.counts, kVouchersMost));
}

INSTANTIATE_TEST_SUITE_P(Ledger, ComposedBreadthFirst,
                         ::testing::Values(CommitsAt::issue, CommitsAt::reservation),
                         [](const auto& test) {
                           return test.param == CommitsAt::issue ? "CommitsAtIssue"
                                                                 : "CommitsAtReservation";
                         });

}  // namespace
}  // namespace assay::pricing::ledger::test
