#pragma once
/// The law of the training tokens (docs/figures.md): a first-order chain keyed by a nonce.
///
///   next = π(x) with probability 1/2 (π a keyed permutation of the vocabulary),
///   next = z    otherwise, z drawn from Zipf(1): P(z = v) = (1 / (v + 1)) / H_V.
///
/// It can be learnt (half of the transitions are a table of V entries), it cannot be memorised
/// (each step draws fresh tokens), and its entropy rate is known, so a loss below it is proof of a
/// fault. Harness and auditor must agree on it bit for bit, hence its place here.
///
/// Stationary law: s(x) = Σ_k 2^-(k+1) · z(π^-k(x)).
/// Entropy rate in nats: H = Σ_x s(x)·H_x, where from x the mass ½ + ½·z(π(x)) goes to π(x) and
/// ½·z(y) to each other y.
#include <cstdint>
#include <vector>

namespace assay {

/// Token `position` of row `row` of draw `draw` comes from Philox(key ^ kTokenStream,
/// row·2^24 + position, draw). At position 0, word 0 is the Zipf draw and the trailing ones of
/// words 1 and 2 (1 above 2) count how often π is applied to it; after that, bit 0 of word 0 says
/// whether π is followed, else word 1 is the Zipf draw.
inline constexpr std::uint64_t kTokenStream = 0x746F6B656E726F77ULL;

struct TokenLaw {
  std::uint64_t key = 0;
  std::int32_t vocabulary = 0;
  /// π: (V). permutation[x] is the token that follows x with probability 1/2.
  std::vector<std::int32_t> permutation;
  /// Zipf's cumulative distribution, scaled to 2^32: (V). Token of a word w is the first v with
  /// w < zipf_cumulative[v]; the last entry is 2^32.
  std::vector<std::uint64_t> zipf_cumulative;
};

/// Builds π by a Fisher-Yates shuffle with Philox draws under `key`, and Zipf's table.
/// Errors: vocabulary < 2 is an input error.
[[nodiscard]] TokenLaw make_token_law(std::uint64_t key, std::int32_t vocabulary);

/// Entropy rate in nats per token, by the formula above; the series is cut where its rest is
/// below 2^-60.
[[nodiscard]] double entropy_rate_nats(const TokenLaw& law);

/// Token of Zipf's law for a uniform 32-bit word.
[[nodiscard]] std::int32_t zipf_token(const TokenLaw& law, std::uint32_t word);

/// Draws one row of `length` tokens, the first from the stationary law. The row is named by
/// (draw, row): equal names give equal tokens on any machine.
void draw_token_row(const TokenLaw& law, std::uint64_t draw, std::uint64_t row, std::int64_t length,
                    std::int32_t* tokens);

}  // namespace assay
