/// The law of the training tokens: its tables, what is drawn against what is promised, and the
/// entropy rate against a computation that shares nothing with it.
#include "base/token_law.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "base/error.h"

namespace assay {
namespace {

std::vector<double> zipf(std::int32_t vocabulary) {
  std::vector<double> z(static_cast<std::size_t>(vocabulary));
  double harmonic = 0.0;
  for (std::size_t v = 0; v < z.size(); ++v) harmonic += 1.0 / static_cast<double>(v + 1);
  for (std::size_t v = 0; v < z.size(); ++v) z[v] = 1.0 / static_cast<double>(v + 1) / harmonic;
  return z;
}

/// P(y | x), row by row, from the law's words alone.
std::vector<std::vector<double>> transitions(const TokenLaw& law) {
  const auto z = zipf(law.vocabulary);
  std::vector<std::vector<double>> p(z.size(), z);
  for (std::size_t x = 0; x < z.size(); ++x) {
    for (double& value : p[x]) value *= 0.5;
    p[x][static_cast<std::size_t>(law.permutation[x])] += 0.5;
  }
  return p;
}

/// s with s = s·P, by power iteration.
std::vector<double> stationary(const std::vector<std::vector<double>>& p) {
  std::vector<double> s(p.size(), 1.0 / static_cast<double>(p.size()));
  for (int iteration = 0; iteration < 200; ++iteration) {
    std::vector<double> next(p.size(), 0.0);
    for (std::size_t x = 0; x < p.size(); ++x) {
      for (std::size_t y = 0; y < p.size(); ++y) next[y] += s[x] * p[x][y];
    }
    s.swap(next);
  }
  return s;
}

double entropy_rate_by_brute_force(const TokenLaw& law) {
  const auto p = transitions(law);
  const auto s = stationary(p);
  double rate = 0.0;
  for (std::size_t x = 0; x < p.size(); ++x) {
    for (const double probability : p[x]) {
      if (probability > 0.0) rate -= s[x] * probability * std::log(probability);
    }
  }
  return rate;
}

std::vector<std::int32_t> row_of(const TokenLaw& law, std::uint64_t draw, std::uint64_t row,
                                 std::int64_t length) {
  std::vector<std::int32_t> tokens(static_cast<std::size_t>(length));
  draw_token_row(law, draw, row, length, tokens.data());
  return tokens;
}

TEST(TokenLaw, PermutationIsAPermutationAndFollowsTheKey) {
  for (const std::int32_t vocabulary : {2, 3, 1000, 50257}) {
    const TokenLaw law = make_token_law(99, vocabulary);
    auto sorted = law.permutation;
    std::sort(sorted.begin(), sorted.end());
    std::vector<std::int32_t> wanted(sorted.size());
    std::iota(wanted.begin(), wanted.end(), 0);
    EXPECT_EQ(sorted, wanted);
    EXPECT_EQ(law.permutation, make_token_law(99, vocabulary).permutation);
  }
  EXPECT_NE(make_token_law(99, 1000).permutation, make_token_law(100, 1000).permutation);
}

TEST(TokenLaw, ShuffleIsUniform) {
  // All six permutations of three tokens, over 6,000 keys: chi-square of 5 degrees of freedom.
  double counts[27] = {};
  for (std::uint64_t key = 0; key < 6000; ++key) {
    const auto p = make_token_law(key, 3).permutation;
    counts[p[0] * 9 + p[1] * 3 + p[2]] += 1.0;
  }
  double chi_square = 0.0;
  int seen = 0;
  for (const double count : counts) {
    if (count == 0.0) continue;
    chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
    ++seen;
  }
  EXPECT_EQ(seen, 6);
  EXPECT_LT(chi_square, 5.0 + 5.0 * std::sqrt(10.0));
}

TEST(TokenLaw, RefusesAVocabularyOfOne) {
  EXPECT_THROW((void)make_token_law(1, 1), Error);
  EXPECT_THROW((void)make_token_law(1, 0), Error);
  EXPECT_THROW((void)make_token_law(1, -5), Error);
}

TEST(TokenLaw, ZipfTokenInvertsTheTable) {
  const TokenLaw law = make_token_law(1, 100);
  EXPECT_EQ(law.zipf_cumulative.back(), std::uint64_t{1} << 32);
  EXPECT_EQ(zipf_token(law, 0), 0);
  EXPECT_EQ(zipf_token(law, 0xFFFFFFFFU), 99);
  for (std::int32_t v = 0; v + 1 < 100; ++v) {
    const auto edge = static_cast<std::uint32_t>(law.zipf_cumulative[static_cast<std::size_t>(v)]);
    EXPECT_EQ(zipf_token(law, edge - 1), v);
    EXPECT_EQ(zipf_token(law, edge), v + 1);
  }
  const auto z = zipf(100);
  double previous = 0.0;
  for (std::size_t v = 0; v < z.size(); ++v) {
    const double cumulative = static_cast<double>(law.zipf_cumulative[v]) / 4294967296.0;
    EXPECT_NEAR(cumulative - previous, z[v], 1e-9);
    previous = cumulative;
  }
}

TEST(TokenLaw, EntropyRateEqualsBruteForce) {
  for (const std::int32_t vocabulary : {2, 3, 11, 64}) {
    for (const std::uint64_t key : {1U, 2U, 3U}) {
      const TokenLaw law = make_token_law(key, vocabulary);
      EXPECT_NEAR(entropy_rate_nats(law), entropy_rate_by_brute_force(law), 1e-8)
          << vocabulary << ' ' << key;
    }
  }
}

TEST(TokenLaw, EntropyRateLiesBetweenItsBounds) {
  // At least half the entropy of a Zipf draw (the coin is then known), at most that and the coin's.
  const auto z = zipf(50257);
  double entropy = 0.0;
  for (const double p : z) entropy -= p * std::log(p);
  const double rate = entropy_rate_nats(make_token_law(5, 50257));
  EXPECT_GT(rate, entropy / 2.0);
  EXPECT_LT(rate, entropy / 2.0 + std::log(2.0));
}

TEST(TokenLaw, RowsAreReproducibleAndPrefixesAgree) {
  const TokenLaw law = make_token_law(7, 50257);
  const auto row = row_of(law, 3, 4, 100);
  EXPECT_EQ(row, row_of(make_token_law(7, 50257), 3, 4, 100));
  const auto prefix = row_of(law, 3, 4, 10);
  EXPECT_TRUE(std::equal(prefix.begin(), prefix.end(), row.begin()));
  EXPECT_NE(row, row_of(law, 4, 4, 100));
  EXPECT_NE(row, row_of(law, 3, 5, 100));
}

/// Counts of first tokens, of all tokens and of pairs, over many rows.
struct Counts {
  std::vector<double> first, tokens, pairs;
  double rows = 0.0, drawn = 0.0;
};

Counts count(const TokenLaw& law, std::uint64_t rows, std::int64_t length) {
  const auto size = static_cast<std::size_t>(law.vocabulary);
  Counts c{std::vector<double>(size), std::vector<double>(size), std::vector<double>(size * size)};
  for (std::uint64_t row = 0; row < rows; ++row) {
    const auto tokens = row_of(law, 0, row, length);
    c.first[static_cast<std::size_t>(tokens[0])] += 1.0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      c.tokens[static_cast<std::size_t>(tokens[i])] += 1.0;
      if (i > 0) {
        c.pairs[static_cast<std::size_t>(tokens[i - 1]) * size +
                static_cast<std::size_t>(tokens[i])] += 1.0;
      }
    }
  }
  c.rows = static_cast<double>(rows);
  c.drawn = static_cast<double>(rows) * static_cast<double>(length);
  return c;
}

TEST(TokenLaw, DrawnTokensFitTheLaw) {
  const TokenLaw law = make_token_law(2024, 12);
  const auto p = transitions(law);
  const auto s = stationary(p);
  const Counts c = count(law, 20'000, 10);
  // Rows are independent, so first tokens are multinomial; chi-square of 11 degrees of freedom.
  double chi_square = 0.0;
  for (std::size_t v = 0; v < s.size(); ++v) {
    const double expected = c.rows * s[v];
    chi_square += (c.first[v] - expected) * (c.first[v] - expected) / expected;
  }
  EXPECT_LT(chi_square, 11.0 + 5.0 * std::sqrt(22.0));
  // Given where a pair starts, where it goes is multinomial: 12 rows of 11 degrees of freedom.
  chi_square = 0.0;
  for (std::size_t x = 0; x < s.size(); ++x) {
    double starts = 0.0;
    for (std::size_t y = 0; y < s.size(); ++y) starts += c.pairs[x * s.size() + y];
    for (std::size_t y = 0; y < s.size(); ++y) {
      const double expected = starts * p[x][y];
      const double difference = c.pairs[x * s.size() + y] - expected;
      chi_square += difference * difference / expected;
    }
  }
  EXPECT_LT(chi_square, 132.0 + 5.0 * std::sqrt(264.0));
  EXPECT_GT(chi_square, 132.0 - 5.0 * std::sqrt(264.0));
  // Every position has the stationary law, so 200,000 tokens do; they are correlated along a row,
  // which a factor 3 on the deviation covers.
  for (std::size_t v = 0; v < s.size(); ++v) {
    const double deviation = std::sqrt(s[v] * (1.0 - s[v]) / c.drawn);
    EXPECT_NEAR(c.tokens[v] / c.drawn, s[v], 5.0 * 3.0 * deviation) << v;
  }
}

TEST(TokenLaw, AWrongPermutationDoesNotFit) {
  TokenLaw law = make_token_law(2024, 12);
  const auto p = transitions(law);
  std::swap(law.permutation[3], law.permutation[8]);
  const Counts c = count(law, 2000, 10);
  double chi_square = 0.0;
  for (std::size_t y = 0; y < 12; ++y) {
    double starts = 0.0;
    for (std::size_t to = 0; to < 12; ++to) starts += c.pairs[3 * 12 + to];
    const double expected = starts * p[3][y];
    chi_square += (c.pairs[3 * 12 + y] - expected) * (c.pairs[3 * 12 + y] - expected) / expected;
  }
  EXPECT_GT(chi_square, 11.0 + 5.0 * std::sqrt(22.0));
}

TEST(TokenLaw, DrawnTokensHaveTheEntropyRate) {
  // The mean surprise of drawn transitions under the law is H: what an ideal model's loss is.
  const TokenLaw law = make_token_law(31, 1000);
  const auto z = zipf(1000);
  double total = 0.0;
  double squares = 0.0;
  double transitions_drawn = 0.0;
  for (std::uint64_t row = 0; row < 1000; ++row) {
    const auto tokens = row_of(law, 1, row, 101);
    for (std::size_t i = 1; i < tokens.size(); ++i) {
      const auto x = static_cast<std::size_t>(tokens[i - 1]);
      const double follows = tokens[i] == law.permutation[x] ? 0.5 : 0.0;
      const double surprise = -std::log(follows + 0.5 * z[static_cast<std::size_t>(tokens[i])]);
      total += surprise;
      squares += surprise * surprise;
      transitions_drawn += 1.0;
    }
  }
  const double mean = total / transitions_drawn;
  const double error = std::sqrt((squares / transitions_drawn - mean * mean) / transitions_drawn);
  EXPECT_NEAR(mean, entropy_rate_nats(law), 5.0 * error);
}

}  // namespace
}  // namespace assay
