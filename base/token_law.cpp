#include "base/token_law.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/philox.h"

namespace assay {
namespace {

// A stream of the key other than kTokenStream, so that no draw is used for two purposes.
constexpr std::uint64_t kPermutationStream = 0x7065726D75746174ULL;

/// 64-bit multiply-shift: uniform in [0, bound) up to a bias below bound / 2^64.
std::uint64_t bounded(std::uint64_t bits, std::uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(bits) * bound) >> 64);
}

}  // namespace

TokenLaw make_token_law(std::uint64_t key, std::int32_t vocabulary) {
  if (vocabulary < 2) {
    throw input_error("a vocabulary needs at least 2 tokens", "token law",
                      "give vocabulary >= 2, got " + std::to_string(vocabulary));
  }
  TokenLaw law{key, vocabulary, std::vector<std::int32_t>(static_cast<std::size_t>(vocabulary)),
               std::vector<std::uint64_t>(static_cast<std::size_t>(vocabulary))};
  std::iota(law.permutation.begin(), law.permutation.end(), 0);
  for (std::size_t last = law.permutation.size() - 1; last > 0; --last) {
    const Philox4 draw = philox(key, last, kPermutationStream);
    const std::uint64_t bits = (std::uint64_t{draw.word[0]} << 32) | draw.word[1];
    std::swap(law.permutation[last], law.permutation[bounded(bits, last + 1)]);
  }
  double harmonic = 0.0;
  for (std::int32_t v = vocabulary; v > 0; --v) harmonic += 1.0 / v;
  double cumulative = 0.0;
  for (std::size_t v = 0; v < law.zipf_cumulative.size(); ++v) {
    cumulative += 1.0 / (static_cast<double>(v + 1) * harmonic);
    law.zipf_cumulative[v] = static_cast<std::uint64_t>(std::llround(cumulative * 4294967296.0));
  }
  law.zipf_cumulative.back() = std::uint64_t{1} << 32;
  return law;
}

double entropy_rate_nats(const TokenLaw& law) {
  const auto size = law.permutation.size();
  // What is drawn is the rounded table, so its exact masses are what H is computed from.
  std::vector<double> zipf(size);
  std::uint64_t previous = 0;
  for (std::size_t v = 0; v < size; ++v) {
    zipf[v] = static_cast<double>(law.zipf_cumulative[v] - previous) / 4294967296.0;
    previous = law.zipf_cumulative[v];
  }
  std::vector<double> stationary(size, 0.0);
  std::vector<double> moved = zipf;
  std::vector<double> next(size);
  double weight = 0.5;
  for (int k = 0; k < 60; ++k, weight *= 0.5) {
    for (std::size_t v = 0; v < size; ++v) {
      stationary[v] += weight * moved[v];
      next[static_cast<std::size_t>(law.permutation[v])] = moved[v];
    }
    moved.swap(next);
  }
  const auto surprise = [](double p) { return p > 0.0 ? -p * std::log(p) : 0.0; };
  double half_zipf_entropy = 0.0;
  for (const double z : zipf) half_zipf_entropy += surprise(0.5 * z);
  double rate = 0.0;
  for (std::size_t x = 0; x < size; ++x) {
    const double z = zipf[static_cast<std::size_t>(law.permutation[x])];
    rate += stationary[x] * (half_zipf_entropy - surprise(0.5 * z) + surprise(0.5 + 0.5 * z));
  }
  return rate;
}

std::int32_t zipf_token(const TokenLaw& law, std::uint32_t word) {
  const auto found =
      std::upper_bound(law.zipf_cumulative.begin(), law.zipf_cumulative.end(), std::uint64_t{word});
  return static_cast<std::int32_t>(found - law.zipf_cumulative.begin());
}

void draw_token_row(const TokenLaw& law, std::uint64_t draw, std::uint64_t row, std::int64_t length,
                    std::int32_t* tokens) {
  const auto words = [&](std::uint64_t position) {
    // 2^24 positions and 2^40 rows a draw: far beyond any basket item.
    return philox(law.key ^ kTokenStream, (row << 24) | position, draw);
  };
  // The first token: π^k of a Zipf draw with P(k) = 2^-(k+1), an exact draw of the stationary law.
  Philox4 random = words(0);
  std::int32_t token = zipf_token(law, random.word[0]);
  const std::uint64_t coins = (std::uint64_t{random.word[1]} << 32) | random.word[2];
  for (std::uint64_t k = coins; (k & 1U) != 0; k >>= 1) {
    token = law.permutation[static_cast<std::size_t>(token)];
  }
  if (length > 0) tokens[0] = token;
  for (std::int64_t position = 1; position < length; ++position) {
    random = words(static_cast<std::uint64_t>(position));
    token = (random.word[0] & 1U) != 0 ? law.permutation[static_cast<std::size_t>(token)]
                                       : zipf_token(law, random.word[1]);
    tokens[position] = token;
  }
}

}  // namespace assay
