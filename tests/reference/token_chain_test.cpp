/// Token chain: every CPU level draws the definition's tokens, bit by bit.
#include "kernels/token_chain/token_chain.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <utility>

#include "base/error.h"
#include "kernels/cpu/kernels_at.h"

namespace assay::token_chain {
namespace {

std::vector<std::int32_t> defined(const TokenLaw& law, std::uint64_t draw, std::uint64_t first_row,
                                  std::int64_t rows, std::int64_t length) {
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(rows * length));
  for (std::int64_t row = 0; row < rows; ++row) {
    draw_token_row(law, draw, first_row + static_cast<std::uint64_t>(row), length,
                   tokens.data() + row * length);
  }
  return tokens;
}

std::vector<std::int32_t> drawn(const TokenLaw& law, std::uint64_t draw, std::uint64_t first_row,
                                std::int64_t rows, std::int64_t length, CpuLevel level) {
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(rows * length), -1);
  kernels_for<CpuKernels>(level).draw(law, draw, first_row, rows, length, tokens.data());
  return tokens;
}

class TokenChainCpu : public testing::TestWithParam<CpuLevel> {};

TEST_P(TokenChainCpu, EqualsDefinition) {
  for (const std::int32_t vocabulary : {2, 3, 257, 50257}) {
    const TokenLaw law = make_token_law(0x1234567890ABCDEFULL, vocabulary);
    for (const auto& [rows, length] : {std::pair{5, 129}, {1, 1}, {3, 2}, {1, 0}}) {
      EXPECT_EQ(drawn(law, 7, 1'000'000, rows, length, GetParam()),
                defined(law, 7, 1'000'000, rows, length));
    }
  }
}

TEST_P(TokenChainCpu, AnotherDrawRowOrKeyGivesOtherTokens) {
  const TokenLaw law = make_token_law(1, 50257);
  const auto tokens = drawn(law, 0, 0, 2, 64, GetParam());
  EXPECT_NE(tokens, drawn(law, 1, 0, 2, 64, GetParam()));
  EXPECT_NE(tokens, drawn(law, 0, 2, 2, 64, GetParam()));
  EXPECT_NE(tokens, drawn(make_token_law(2, 50257), 0, 0, 2, 64, GetParam()));
}

TEST_P(TokenChainCpu, WrongPermutationFails) {
  TokenLaw law = make_token_law(1, 257);
  const auto right = defined(law, 0, 0, 8, 129);
  ASSERT_EQ(drawn(law, 0, 0, 8, 129, GetParam()), right);
  std::swap(law.permutation[0], law.permutation[1]);
  EXPECT_NE(drawn(law, 0, 0, 8, 129, GetParam()), right);
}

TEST_P(TokenChainCpu, ThreadsDoNotChangeTokens) {
  const TokenLaw law = make_token_law(3, 1000);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  const auto one = drawn(law, 0, 0, 9, 65, GetParam());
  omp_set_num_threads(2);
  const auto two = drawn(law, 0, 0, 9, 65, GetParam());
  omp_set_num_threads(threads);
  EXPECT_EQ(one, two);
}

INSTANTIATE_TEST_SUITE_P(Levels, TokenChainCpu, testing::ValuesIn(supported_cpu_levels()),
                         [](const auto& instance) { return std::string(name(instance.param)); });

TEST(TokenChainWorkloads, OutputsVerify) {
  for (const Workload& workload : workloads()) {
    const Instance instance = workload.on_cpu({detect_cpu_level(), 2}, {42});
    for (int i = 0; i < 3; ++i) instance.iterate();
    for (const Check& check : instance.verify()) EXPECT_TRUE(check.passed()) << check.name;
  }
}

}  // namespace
}  // namespace assay::token_chain
