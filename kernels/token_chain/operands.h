#pragma once
/// The token chain's law as kernels read it, and the draws that CPU and CUDA kernels share (law and
/// definition: base/token_law.h): C++17.
#include <cstdint>

#include "base/philox.h"
#include "base/token_law.h"

namespace assay::token_chain {

/// A TokenLaw as plain pointers, which code of any instruction-set level may read. It refers to
/// the law it was made from, which must outlive it; a TokenLaw converts where one is asked for.
struct TokenLawView {
  TokenLawView(const TokenLaw& law);

  std::uint64_t key;
  std::int32_t vocabulary;
  const std::int32_t* permutation;
  const std::uint64_t* zipf_cumulative;
};

/// The Philox words of a position.
ASSAY_HOST_DEVICE Philox4 words_at(const TokenLawView& law, std::uint64_t draw, std::uint64_t row,
                                   std::uint64_t position) {
  return philox(law.key ^ kTokenStream, (row << 24) | position, draw);
}

/// Zipf's token: the first v with word < zipf_cumulative[v]; the last entry is above every word.
/// ceil(log2 V) steps for any word.
ASSAY_HOST_DEVICE std::int32_t zipf(const TokenLawView& law, std::uint32_t word) {
  const std::uint64_t* first = law.zipf_cumulative;
  std::int32_t count = law.vocabulary;
  while (count > 1) {
    const std::int32_t half = count / 2;
    first += first[half - 1] <= word ? half : 0;
    count -= half;
  }
  return static_cast<std::int32_t>(first - law.zipf_cumulative);
}

/// Position 0's token, a draw of the stationary law.
ASSAY_HOST_DEVICE std::int32_t first_token(const TokenLawView& law, const Philox4& words) {
  std::int32_t token = zipf(law, words.word[0]);
  const std::uint64_t coins = (std::uint64_t{words.word[1]} << 32) | words.word[2];
  for (std::uint64_t k = coins; (k & 1U) != 0; k >>= 1) token = law.permutation[token];
  return token;
}

/// Whether a later position's token is the permuted one before it, rather than zipf(word 1).
ASSAY_HOST_DEVICE bool follows(const Philox4& words) {
  return (words.word[0] & 1U) != 0;
}

}  // namespace assay::token_chain
