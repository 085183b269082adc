#include "kernels/cpu/kernels_at.h"
#include "kernels/token_chain/token_chain.h"

namespace assay::token_chain {
namespace {

void draw_row(const TokenLawView& law, std::uint64_t draw, std::uint64_t row, std::int64_t length,
              std::int32_t* tokens) {
  if (length == 0) return;
  std::int32_t token = first_token(law, words_at(law, draw, row, 0));
  tokens[0] = token;
  for (std::int64_t position = 1; position < length; ++position) {
    const Philox4 words = words_at(law, draw, row, static_cast<std::uint64_t>(position));
    token = follows(words) ? law.permutation[token] : zipf(law, words.word[1]);
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
