/// Token chain: every CPU level draws the definition's tokens, bit by bit.
#include <gtest/gtest.h>
#include <omp.h>

#include <utility>

#include "kernels/cpu/kernels_at.h"
#include "reference/token_chain_case.h"

namespace assay::token_chain {
namespace {

std::vector<std::int32_t> drawn(const TokenLaw& law, const Case& c, CpuLevel level) {
  auto tokens = c.room();
  kernels_for<CpuKernels>(level).draw(law, c.draw, c.first_row, c.rows, c.length, tokens.data());
  return tokens;
}

/// No draw is likely to meet a table's entry exactly, where one token ends and the next begins.
TEST(TokenChain, ZipfAtTheEdgesOfItsTable) {
  const TokenLaw law = make_token_law(1, 257);
  for (std::size_t v = 0; v + 1 < law.zipf_cumulative.size(); ++v) {
    const auto edge = static_cast<std::uint32_t>(law.zipf_cumulative[v]);
    EXPECT_EQ(zipf(law, edge - 1), zipf_token(law, edge - 1));
    EXPECT_EQ(zipf(law, edge), zipf_token(law, edge));
    EXPECT_EQ(zipf(law, edge), static_cast<std::int32_t>(v) + 1);
  }
  EXPECT_EQ(zipf(law, 0xFFFFFFFFU), 256);
}

class TokenChainCpu : public testing::TestWithParam<CpuLevel> {};

TEST_P(TokenChainCpu, EqualsDefinition) {
  for (const std::int32_t vocabulary : {2, 3, 257, 50257}) {
    const TokenLaw law = make_token_law(0x1234567890ABCDEFULL, vocabulary);
    for (const Case& c : kCases) expect_definition(law, c, drawn(law, c, GetParam()));
  }
}

TEST_P(TokenChainCpu, AnotherDrawRowOrKeyGivesOtherTokens) {
  const TokenLaw law = make_token_law(1, 50257);
  const auto tokens = drawn(law, {2, 64, 0, 0}, GetParam());
  EXPECT_NE(tokens, drawn(law, {2, 64, 1, 0}, GetParam()));
  EXPECT_NE(tokens, drawn(law, {2, 64, 0, 2}, GetParam()));
  EXPECT_NE(tokens, drawn(make_token_law(2, 50257), {2, 64, 0, 0}, GetParam()));
}

TEST_P(TokenChainCpu, WrongPermutationFails) {
  TokenLaw law = make_token_law(1, 257);
  const Case c{8, 129, 0, 0};
  const auto right = drawn(law, c, GetParam());
  expect_definition(law, c, right);
  std::swap(law.permutation[0], law.permutation[1]);
  EXPECT_NE(drawn(law, c, GetParam()), right);
}

TEST_P(TokenChainCpu, ThreadsDoNotChangeTokens) {
  const TokenLaw law = make_token_law(3, 1000);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const auto one = drawn(law, {9, 65, 0, 0}, GetParam());
  omp_set_num_threads(2);
  const auto two = drawn(law, {9, 65, 0, 0}, GetParam());
  omp_set_num_threads(threads);
  EXPECT_EQ(one, two);
}

INSTANTIATE_TEST_SUITE_P(Levels, TokenChainCpu, testing::ValuesIn(supported_cpu_levels()),
                         [](const auto& instance) { return std::string(name(instance.param)); });

}  // namespace
}  // namespace assay::token_chain
