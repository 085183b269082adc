#include "base/philox.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/token_chain/token_chain.h"

namespace assay::token_chain {
namespace {

/// The first v with word < cumulative[v]; the last entry is above every word.
std::int32_t zipf(const std::uint64_t* cumulative, std::int32_t vocabulary, std::uint32_t word) {
  const std::uint64_t* first = cumulative;
  std::int32_t count = vocabulary;
  while (count > 1) {
    const std::int32_t half = count / 2;
    first += first[half - 1] <= word ? half : 0;
    count -= half;
  }
  return static_cast<std::int32_t>(first - cumulative);
}

void draw_row(const TokenLawView& law, std::uint64_t draw, std::uint64_t row, std::int64_t length,
              std::int32_t* tokens) {
  const std::uint64_t key = law.key ^ kTokenStream;
  Philox4 random = philox(key, row << 24, draw);
  std::int32_t token = zipf(law.zipf_cumulative, law.vocabulary, random.word[0]);
  const std::uint64_t coins = (std::uint64_t{random.word[1]} << 32) | random.word[2];
  for (std::uint64_t k = coins; (k & 1U) != 0; k >>= 1) token = law.permutation[token];
  if (length > 0) tokens[0] = token;
  for (std::int64_t position = 1; position < length; ++position) {
    random = philox(key, (row << 24) | static_cast<std::uint64_t>(position), draw);
    token = (random.word[0] & 1U) != 0 ? law.permutation[token]
                                       : zipf(law.zipf_cumulative, law.vocabulary, random.word[1]);
    tokens[position] = token;
  }
}

void draw_rows(const TokenLawView& law, std::uint64_t draw, std::uint64_t first_row,
               std::int64_t rows, std::int64_t length, std::int32_t* tokens) {
#pragma omp parallel for schedule(static)
  for (std::int64_t row = 0; row < rows; ++row) {
    draw_row(law, draw, first_row + static_cast<std::uint64_t>(row), length, tokens + row * length);
  }
}

constexpr CpuKernels kKernels = {draw_rows};

}  // namespace
}  // namespace assay::token_chain

namespace assay {

template <>
const token_chain::CpuKernels& kernels_at<token_chain::CpuKernels, kBuildLevel>() {
  return token_chain::kKernels;
}

}  // namespace assay
