#include "kernels/embedding/embedding_cuda.h"

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "kernels/cuda/alignment.h"

namespace assay::embedding {
namespace {

using cuda::Geometry;
using cuda::launch;

/// Elements that one access moves of elements of that size.
std::int64_t pack_elements(std::size_t element_bytes, bool any_width) {
  return any_width ? 1 : 16 / static_cast<std::int64_t>(element_bytes);
}

/// The batch, shared out equally among as many threads as must be.
struct Shares {
  unsigned count;
  int batches;

  explicit Shares(const Shape& shape)
      : count(cuda::blocks_for(shape.batch, kMaxBatchPerThread)),
        batches(static_cast<int>(cuda::blocks_for(shape.batch, count))) {}
};

/// A thread for each pack of the position table, and of each share of the batch.
Geometry position_geometry(const Shape& shape, std::int64_t pack, unsigned shares) {
  return {.grid = {cuda::blocks_for(shape.sequence * (shape.width / pack), kThreads), shares},
          .block = {kThreads}};
}

std::int64_t positions(const Shape& shape) {
  return shape.batch * shape.sequence;
}
unsigned tiles(const Shape& shape) {
  return cuda::blocks_for(positions(shape), kTile);
}

/// A block for each tile, a thread for each pack of a row; a row wider than a block is cut into
/// equal parts.
Geometry tile_geometry(const Shape& shape, std::int64_t pack) {
  const std::int64_t packs = shape.width / pack;
  const unsigned parts = cuda::blocks_for(packs, kThreads);
  const unsigned warps = cuda::blocks_for(packs, std::int64_t{32} * parts);
  return {.grid = {tiles(shape), parts}, .block = {32 * warps}};
}

/// Groups of tokens for the ordering: 2^this.
int group_bits(const Shape& shape) {
  int bits = 0;
  const auto suffice = [&] {
    return (positions(shape) >> bits) <= kPositionsPerGroup || bits == kMaxGroupBits;
  };
  while (!suffice() || ((shape.vocabulary - 1) >> bits) >= kMaxSlots) ++bits;
  return bits;
}

void require_orderable(const Shape& shape) {
  constexpr std::int64_t kMostTokens = std::int64_t{kMaxSlots} << kMaxGroupBits;
  if (shape.vocabulary > kMostTokens) {
    throw input_error("the vocabulary is too large for the embedding's CUDA kernel",
                      "vocabulary " + std::to_string(shape.vocabulary),
                      "at most " + std::to_string(kMostTokens));
  }
  constexpr std::int64_t kMostPositions = std::numeric_limits<std::int32_t>::max() - kOrderThreads;
  if (positions(shape) > kMostPositions) {
    throw input_error("too many positions for the embedding's CUDA kernel",
                      std::to_string(positions(shape)) + " positions",
                      "at most " + std::to_string(kMostPositions));
  }
}

template <class T>
void position_backward(const cuda::Stream& stream, const Shape& shape, const T* dx, float* dwpe) {
  const bool any_width = !cuda::rows_are_packed<T>(shape.width, {dx, dwpe});
  const Geometry where = position_geometry(shape, pack_elements(sizeof(T), any_width), 1);
  if constexpr (std::is_same_v<T, Bf16>) {
    any_width ? launch<embedding_position_backward_bf16_any>(stream, where, shape, dx, dwpe)
              : launch<embedding_position_backward_bf16>(stream, where, shape, dx, dwpe);
  } else {
    any_width ? launch<embedding_position_backward_fp32_any>(stream, where, shape, dx, dwpe)
              : launch<embedding_position_backward_fp32>(stream, where, shape, dx, dwpe);
  }
}

template <class T>
void token_backward(const cuda::Stream& stream, const Shape& shape, const T* dx, float* dwte,
                    const Workspace& workspace) {
  const auto [ordered, parts] = workspace;
  const bool any_width = !cuda::rows_are_packed<T>(shape.width, {dx, dwte, parts});
  const Geometry where = tile_geometry(shape, pack_elements(sizeof(T), any_width));
  if constexpr (std::is_same_v<T, Bf16>) {
    any_width
        ? launch<embedding_token_backward_bf16_any>(stream, where, shape, ordered, dx, dwte, parts)
        : launch<embedding_token_backward_bf16>(stream, where, shape, ordered, dx, dwte, parts);
  } else {
    any_width
        ? launch<embedding_token_backward_fp32_any>(stream, where, shape, ordered, dx, dwte, parts)
        : launch<embedding_token_backward_fp32>(stream, where, shape, ordered, dx, dwte, parts);
  }
  const Geometry join = tile_geometry(shape, pack_elements(sizeof(float), any_width));
  any_width ? launch<embedding_join_any>(stream, join, shape, ordered, parts, dwte)
            : launch<embedding_join>(stream, join, shape, ordered, parts, dwte);
}

}  // namespace

std::size_t ordered_size(const Shape& shape) {
  return static_cast<std::size_t>(positions(shape));
}
std::size_t parts_size(const Shape& shape) {
  return std::size_t{2} * tiles(shape) * static_cast<std::size_t>(shape.width);
}

template <class T>
void forward(const cuda::Stream& stream, const Shape& shape, const std::int32_t* tokens,
             const T* wte, const T* wpe, T* x) {
  const bool any_width = !cuda::rows_are_packed<T>(shape.width, {wte, wpe, x});
  const Shares shares(shape);
  const Geometry where =
      position_geometry(shape, pack_elements(sizeof(T), any_width), shares.count);
  const int batches = shares.batches;
  if constexpr (std::is_same_v<T, Bf16>) {
    any_width
        ? launch<embedding_forward_bf16_any>(stream, where, shape, batches, tokens, wte, wpe, x)
        : launch<embedding_forward_bf16>(stream, where, shape, batches, tokens, wte, wpe, x);
  } else {
    any_width
        ? launch<embedding_forward_fp32_any>(stream, where, shape, batches, tokens, wte, wpe, x)
        : launch<embedding_forward_fp32>(stream, where, shape, batches, tokens, wte, wpe, x);
  }
}

template <class T>
void backward(const cuda::Stream& stream, const Shape& shape, const std::int32_t* tokens,
              const T* dx, float* dwte, float* dwpe, const Workspace& workspace) {
  require_orderable(shape);
  if (dwpe != nullptr) position_backward(stream, shape, dx, dwpe);
  const int bits = group_bits(shape);
  launch<embedding_order>(stream, {.grid = {1U << bits}, .block = {kOrderThreads}}, shape, bits,
                          tokens, workspace.ordered);
  token_backward(stream, shape, dx, dwte, workspace);
}

std::uint64_t forward_bytes_issued(const Shape& shape, std::size_t element_bytes) {
  const bool any_width = shape.width * static_cast<std::int64_t>(element_bytes) % 16 != 0;
  const std::int64_t packs = shape.width / pack_elements(element_bytes, any_width);
  const auto row_bytes = shape.width * static_cast<std::int64_t>(element_bytes);
  const std::int64_t table = Shares(shape).count * shape.sequence * row_bytes;
  return static_cast<std::uint64_t>(positions(shape) * (2 * row_bytes + 4 * packs) + table);
}

std::uint64_t backward_bytes_issued(const Shape& shape, std::size_t element_bytes,
                                    double distinct) {
  const bool any_width = shape.width * static_cast<std::int64_t>(element_bytes) % 16 != 0;
  const Geometry sum = tile_geometry(shape, pack_elements(element_bytes, any_width));
  const Geometry join = tile_geometry(shape, pack_elements(sizeof(float), any_width));
  const auto occurrences = static_cast<double>(positions(shape));
  const auto width = static_cast<double>(shape.width);
  const auto element = static_cast<double>(element_bytes);
  const double borders = tiles(shape) - 1;
  const double dwpe = width * (occurrences * element + 8.0 * static_cast<double>(shape.sequence));
  const double order = occurrences * (std::ldexp(8.0, group_bits(shape)) + sizeof(Occurrence));
  const double ordered_read = sizeof(Occurrence) * sum.grid.y * (occurrences + 2.0 * borders) +
                              2.0 * sizeof(std::int32_t) * borders * join.grid.y * join.block.x;
  const double dwte = width * (occurrences * element + 8.0 * distinct);
  // A border lies in a run as often as an occurrence follows one of its own token: then a tail and
  // a head are written and read.
  const double crossed = borders * (occurrences - distinct) / occurrences;
  return static_cast<std::uint64_t>(dwpe + order + ordered_read + dwte + 16.0 * width * crossed);
}

template void forward(const cuda::Stream&, const Shape&, const std::int32_t*, const Bf16*,
                      const Bf16*, Bf16*);
template void forward(const cuda::Stream&, const Shape&, const std::int32_t*, const float*,
                      const float*, float*);
template void backward(const cuda::Stream&, const Shape&, const std::int32_t*, const Bf16*, float*,
                       float*, const Workspace&);
template void backward(const cuda::Stream&, const Shape&, const std::int32_t*, const float*, float*,
                       float*, const Workspace&);

}  // namespace assay::embedding
