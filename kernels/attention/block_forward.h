#pragma once
/// The forward pass of one head, for attention_cpu.cpp only (see attention.h, "Decomposition").
#include "kernels/attention/blocking.h"

namespace assay::attention {
inline namespace ASSAY_CPU_LEVEL_NAMESPACE {

/// What a thread needs to compute one head.
template <class T>
struct ForwardWorkspace {
  using Unit = typename ProductOf<T>::Type::Unit;
  Unit* queries;      ///< by_row, one block
  Unit* keys_by_row;  ///< one block, on the way to `keys`
  Unit* keys;         ///< transposed, block after block of the whole sequence
  Unit* values;       ///< by_pair, the whole sequence
  float* scores;      ///< (kTileRows, kKeyRows)
  Unit* weights;      ///< P of a tile, by_row
  float* out;         ///< (kQueryRows, columns): Σ P·v so far
  float* largest;     ///< (kQueryRows): the largest score so far
  float* sums;        ///< (kQueryRows, kLanes): Σ P so far, lane by lane

  ForwardWorkspace(const Blocking& blocking, float* memory) {
    Parts parts(memory);
    queries = parts.take<Unit>(kQueryRows * blocking.units);
    keys_by_row = parts.take<Unit>(kKeyRows * blocking.units);
    keys = parts.take<Unit>(blocking.padded_sequence * blocking.units);
    values = parts.take<Unit>(blocking.padded_sequence * blocking.units);
    scores = parts.take<float>(kTileRows * kKeyRows);
    weights = parts.take<Unit>(kTileRows * kKeyRows);
    out = parts.take<float>(kQueryRows * blocking.columns);
    largest = parts.take<float>(kQueryRows);
    sums = parts.take<float>(kQueryRows * kLanes);
  }

  /// Elements of 4 bytes. The rows of blocks are multiples of 16, so no part is rounded up.
  static std::int64_t size(const Blocking& blocking) {
    return (kQueryRows + kKeyRows + 2 * blocking.padded_sequence) * blocking.units +
           2 * kTileRows * kKeyRows + kQueryRows * (blocking.columns + 1 + kLanes);
  }
};

/// One row of one tile: scores become weights relative to the largest score so far. Columns from
/// `allowed` on are in the row's future. Returns the factor by which earlier sums shrink.
template <class Product, bool Masked>
[[gnu::always_inline]] inline float weigh_row(float* scores, std::int64_t vectors,
                                              std::int64_t allowed, float scale, std::int64_t row,
                                              float* largest, float* sums,
                                              typename Product::Unit* weights) {
  Vector most = broadcast(*largest);
  for (std::int64_t j = 0; j < vectors; ++j) {
    Vector score = load(scores + j * kLanes);
    if constexpr (Masked) {
      score = first_lanes(score, allowed - j * kLanes, -__builtin_inff());
      store(scores + j * kLanes, score);
    }
    most = maximum(most, score);
  }
  most = largest_lane(most);
  const Vector factor = exp2((broadcast(*largest) - most) * scale);
  Vector sum = load(sums) * factor;
  for (std::int64_t j = 0; j < vectors; ++j) {
    Vector weight = exp2((load(scores + j * kLanes) - most) * scale);
    if constexpr (Masked) weight = first_lanes(weight, allowed - j * kLanes, 0.0F);
    sum += weight;
    Product::store_by_row(weights, row, j * kLanes, kKeyRows, weight);
  }
  store(sums, sum);
  *largest = most[0];
  return factor[0];
}

/// One block of queries against one block of keys.
template <class T>
void forward_block(const Blocking& blocking, const ForwardWorkspace<T>& w, std::int64_t query,
                   std::int64_t rows, std::int64_t key) {
  using Product = typename ProductOf<T>::Type;
  using Unit = typename Product::Unit;
  const float scale = blocking.scale * kLog2E;
  const Unit* keys = w.keys + key * blocking.units;
  const Unit* values = w.values + key * blocking.units;
  for (std::int64_t i = 0; i < rows; i += kTileRows) {
    // Keys that the tile's last row may see, up to whole vectors.
    const std::int64_t visible = query + i + kTileRows - key;
    const std::int64_t vectors = round_up(smaller(visible, kKeyRows), kLanes) / kLanes;
    const TileOperands<Unit> scores{
        w.queries + i * blocking.units, blocking.units, 1, keys, kKeyRows, blocking.units};
    for_tiles(
        vectors, [&](auto width, std::int64_t first) __attribute__((always_inline)) {
          constexpr int kWidth = decltype(width)::kValue;
          Vector sums[kTileRows][kWidth] = {};
          multiply_tile<Product>(scores, first, sums);
#pragma GCC unroll 4
          for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
            for (int j = 0; j < kWidth; ++j) {
              store(w.scores + r * kKeyRows + (first + j) * kLanes, sums[r][j]);
            }
          }
        });
    float factors[kTileRows];
    const bool masked = visible - (kTileRows - 1) < vectors * kLanes;
    for (std::int64_t r = 0; r < kTileRows; ++r) {
      const auto weigh = masked ? weigh_row<Product, true> : weigh_row<Product, false>;
      factors[r] = weigh(w.scores + r * kKeyRows, vectors, visible - (kTileRows - 1) + r, scale, r,
                         w.largest + i + r, w.sums + (i + r) * kLanes, w.weights);
    }
    const TileOperands<Unit> products{
        w.weights, kKeyRows / Product::kDepth, 1,
        values,    blocking.columns,           vectors * kLanes / Product::kDepth};
    accumulate_rows<Product, true>(products, blocking.columns, w.out + i * blocking.columns,
                                   factors);
  }
}

/// The blocks of queries of one head that `piece` names.
template <class T>
void forward_piece(const Shape& shape, const Forward<T>& operands, const Blocking& blocking,
                   const Head& head, const Piece& piece, float* memory) {
  using Product = typename ProductOf<T>::Type;
  const ForwardWorkspace<T> w(blocking, memory);
  const std::int64_t kv_head = head.head / (shape.heads / shape.kv_heads);
  const std::int64_t stride = shape.row_stride;
  const std::int64_t kv_offset = head_offset(shape, head.batch, kv_head, stride);
  const T* q = operands.q + head_offset(shape, head.batch, head.head, stride);
  T* out = operands.out + head_offset(shape, head.batch, head.head, shape.heads * shape.head_size);
  float* log_sum = operands.log_sum + (head.batch * shape.heads + head.head) * shape.sequence;

  for (std::int64_t key = 0; key < shape.sequence; key += kKeyRows) {
    const std::int64_t rows = smaller(kKeyRows, shape.sequence - key);
    const std::int64_t offset = kv_offset + key * stride;
    pack_by_row<Product, T>({operands.k + offset, stride, rows, shape.head_size}, kKeyRows,
                            blocking.columns, w.keys_by_row);
    transpose_units(w.keys_by_row, kKeyRows, blocking.units, w.keys + key * blocking.units);
    pack_by_pair<Product, T>({operands.v + offset, stride, rows, shape.head_size}, kKeyRows,
                             blocking.columns, w.values + key * blocking.units);
  }
  for (std::int64_t query = piece.first * kQueryRows; query < shape.sequence;
       query += piece.step * kQueryRows) {
    const std::int64_t rows = smaller(kQueryRows, shape.sequence - query);
    const std::int64_t tiled_rows = round_up(rows, kTileRows);
    pack_by_row<Product, T>({q + query * stride, stride, rows, shape.head_size}, tiled_rows,
                            blocking.columns, w.queries);
    for (std::int64_t i = 0; i < tiled_rows; ++i) w.largest[i] = -__builtin_inff();
    for (std::int64_t i = 0; i < tiled_rows * kLanes; ++i) w.sums[i] = 0.0F;
    for (std::int64_t i = 0; i < tiled_rows * blocking.columns; ++i) w.out[i] = 0.0F;
    for (std::int64_t key = 0; key < query + rows; key += kKeyRows) {
      forward_block<T>(blocking, w, query, tiled_rows, key);
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      const float sum = sum_of_lanes(load(w.sums + i * kLanes));
      store_row(w.out + i * blocking.columns, shape.head_size, 1.0F / sum,
                out + (query + i) * shape.heads * shape.head_size);
      log_sum[query + i] = w.largest[i] * blocking.scale + __builtin_logf(sum);
    }
  }
}

}  // namespace ASSAY_CPU_LEVEL_NAMESPACE
}  // namespace assay::attention
