#include "kernels/token_chain/token_chain_cuda.h"

#include <bit>

namespace assay::token_chain {

DeviceLaw::DeviceLaw(const cuda::Stream& stream, const TokenLaw& law)
    : permutation_(stream, law.permutation),
      zipf_cumulative_(stream, law.zipf_cumulative),
      view_(law) {
  view_.permutation = permutation_.data();
  view_.zipf_cumulative = zipf_cumulative_.data();
}

void draw(const cuda::Stream& stream, const TokenLawView& law, const Place* place,
          std::int64_t rows, std::int64_t length, std::int32_t* tokens) {
  if (rows * length == 0) return;
  const cuda::Geometry where{.grid = {cuda::blocks_for(rows * length, kThreads)},
                             .block = {kThreads}};
  cuda::launch<token_chain_draw>(stream, where, law, place, rows, length, tokens);
}

void split(const cuda::Stream& stream, std::int64_t rows, std::int64_t length,
           const std::int32_t* tokens, std::int32_t* inputs, std::int32_t* targets) {
  if (rows * length == 0) return;
  const cuda::Geometry where{.grid = {cuda::blocks_for(rows * length, kThreads)},
                             .block = {kThreads}};
  cuda::launch<token_chain_split>(stream, where, rows, length, tokens, inputs, targets);
}

void advance(const cuda::Stream& stream, Place* place, std::int64_t rows) {
  cuda::launch<token_chain_advance>(stream, {}, place, static_cast<std::uint64_t>(rows));
}

void next_draw(const cuda::Stream& stream, Place* place, std::uint64_t first_row) {
  cuda::launch<token_chain_next_draw>(stream, {}, place, first_row);
}

std::uint64_t draw_bytes_issued(std::int64_t tokens, std::int32_t vocabulary) {
  const auto search = static_cast<std::uint64_t>(
      std::bit_width(static_cast<std::uint32_t>(vocabulary - 1)));  // ⌈log2 V⌉ steps
  constexpr std::uint64_t kStep = sizeof(std::int32_t);             // one on average
  return static_cast<std::uint64_t>(tokens) *
         (sizeof(Place) + sizeof(std::uint64_t) * search + kStep + sizeof(std::int32_t));
}

}  // namespace assay::token_chain
