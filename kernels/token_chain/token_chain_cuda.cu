#include "kernels/token_chain/token_chain_cuda.h"

namespace assay::token_chain {

extern "C" {

__global__ __launch_bounds__(kThreads) void token_chain_draw(TokenLawView law, const Place* place,
                                                             std::int64_t rows, std::int64_t length,
                                                             std::int32_t* tokens) {
  const std::int64_t index = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index >= rows * length) return;
  const std::uint64_t number = place->draw;
  const std::uint64_t row = place->row + static_cast<std::uint64_t>(index / length);
  auto position = static_cast<std::uint64_t>(index % length);
  Philox4 words = words_at(law, number, row, position);
  int steps = 0;
  while (position > 0 && follows(words)) {
    ++steps;
    --position;
    words = words_at(law, number, row, position);
  }
  std::int32_t token = position == 0 ? first_token(law, words) : zipf(law, words.word[1]);
  for (; steps > 0; --steps) token = law.permutation[token];
  tokens[index] = token;
}
__global__ __launch_bounds__(kThreads) void token_chain_split(std::int64_t rows,
                                                              std::int64_t length,
                                                              const std::int32_t* tokens,
                                                              std::int32_t* inputs,
                                                              std::int32_t* targets) {
  const std::int64_t index = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index >= rows * length) return;
  const std::int64_t row = index / length;
  const std::int64_t position = index % length;
  const std::int32_t token = tokens[index];
  const std::int64_t start = row * (length - 1);
  if (position + 1 < length) inputs[start + position] = token;
  if (position > 0) targets[start + position - 1] = token;
}
__global__ void token_chain_advance(Place* place, std::uint64_t rows) {
  place->row += rows;
}
__global__ void token_chain_next_draw(Place* place, std::uint64_t first_row) {
  ++place->draw;
  place->row = first_row;
}

}  // extern "C"

}  // namespace assay::token_chain
