#pragma once
/// Draws of the token chain and their check against the definition, whatever drew them: CPU levels
/// (token_chain_test.cpp) and CUDA kernels (ptx/token_chain_cuda_test.cpp) alike.
#include <gtest/gtest.h>

#include <vector>

#include "kernels/token_chain/token_chain_workload.h"

namespace assay::token_chain {

struct Case {
  std::int64_t rows = 0;
  std::int64_t length = 0;
  std::uint64_t draw = 0;
  std::uint64_t first_row = 0;

  /// Tokens as none is drawn.
  [[nodiscard]] std::vector<std::int32_t> room() const {
    return std::vector<std::int32_t>(static_cast<std::size_t>(rows * length), -1);
  }
};

inline constexpr Case kCases[] = {
    {5, 129, 7, 1'000'000}, {1, 1, 7, 0}, {3, 2, 0, 5}, {1, 0, 1, 0}, {2, 700, 1, 0}};

inline void expect_definition(const TokenLaw& law, const Case& c,
                              const std::vector<std::int32_t>& tokens) {
  ASSERT_EQ(tokens.size(), c.room().size());
  const Check check =
      tokens_check({c.rows, c.length, law.vocabulary}, law, c.draw, c.first_row, tokens);
  EXPECT_TRUE(check.passed()) << check.error << " of " << c.rows << " rows of " << c.length
                              << " differ, vocabulary " << law.vocabulary;
}

}  // namespace assay::token_chain
