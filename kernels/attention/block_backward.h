#pragma once
/// The backward pass of one head, for attention_cpu.cpp only (see attention.h, "Decomposition").
#include "kernels/attention/blocking.h"

namespace assay::attention {
inline namespace ASSAY_CPU_LEVEL_NAMESPACE {

/// What a thread needs to compute one head.
template <class T>
struct BackwardWorkspace {
  using Unit = typename ProductOf<T>::Type::Unit;
  // The whole sequence.
  Unit* queries;            ///< by_row
  Unit* queries_by_pair;    ///< by_pair
  Unit* gradients;          ///< do, by_row
  Unit* gradients_by_pair;  ///< do, by_pair
  float* dq;                ///< (T, columns)
  float* log_sum;           ///< L
  float* delta;             ///< do·o
  // One block of keys.
  Unit* by_row;        ///< on the way to the two transposed ones
  Unit* keys;          ///< transposed
  Unit* values;        ///< transposed
  Unit* keys_by_pair;  ///< by_pair
  float* dk;           ///< (kKeyRows, columns)
  float* dv;           ///< (kKeyRows, columns)
  // One block of queries against one of keys.
  float* scores;          ///< (kTileRows, kTileVectors·kLanes)
  Unit* weights_by_pair;  ///< P
  Unit* errors_by_pair;   ///< dS
  Unit* errors;           ///< dS by_row

  BackwardWorkspace(const Blocking& blocking, float* memory) {
    Parts parts(memory);
    const std::int64_t sequence_units = blocking.padded_sequence * blocking.units;
    queries = parts.take<Unit>(sequence_units);
    queries_by_pair = parts.take<Unit>(sequence_units);
    gradients = parts.take<Unit>(sequence_units);
    gradients_by_pair = parts.take<Unit>(sequence_units);
    dq = parts.take<float>(blocking.padded_sequence * blocking.columns);
    log_sum = parts.take<float>(blocking.padded_sequence);
    delta = parts.take<float>(blocking.padded_sequence);
    by_row = parts.take<Unit>(kKeyRows * blocking.units);
    keys = parts.take<Unit>(kKeyRows * blocking.units);
    values = parts.take<Unit>(kKeyRows * blocking.units);
    keys_by_pair = parts.take<Unit>(kKeyRows * blocking.units);
    dk = parts.take<float>(kKeyRows * blocking.columns);
    dv = parts.take<float>(kKeyRows * blocking.columns);
    scores = parts.take<float>(kTileRows * kTileVectors * kLanes);
    weights_by_pair = parts.take<Unit>(kQueryRows * kKeyRows);
    errors_by_pair = parts.take<Unit>(kQueryRows * kKeyRows);
    errors = parts.take<Unit>(kQueryRows * kKeyRows);
  }

  /// Elements of 4 bytes. The rows of blocks are multiples of 16, so no part is rounded up.
  static std::int64_t size(const Blocking& blocking) {
    return blocking.padded_sequence * (4 * blocking.units + blocking.columns + 2) +
           kKeyRows * (4 * blocking.units + 2 * blocking.columns) +
           kTileRows * kTileVectors * kLanes + 3 * kQueryRows * kKeyRows;
  }
};

/// FP32 results of one task that other tasks' results are added to, padded to whole blocks; null
/// where the task's result is the whole and goes straight to the gradient.
struct Partials {
  float* dq;
  float* dk;
  float* dv;
};

/// P and dS of one block, in the layouts in which the three gradients need them.
template <class T>
void errors_of_block(const Blocking& blocking, const BackwardWorkspace<T>& w, std::int64_t query,
                     std::int64_t rows, std::int64_t key) {
  using Product = typename ProductOf<T>::Type;
  using Unit = typename Product::Unit;
  for (std::int64_t i = 0; i < rows; i += kTileRows) {
    const std::int64_t visible = query + i + kTileRows - key;
    const std::int64_t vectors = round_up(smaller(visible, kKeyRows), kLanes) / kLanes;
    const std::int64_t row = (query + i) * blocking.units;
    const float* log_sum = w.log_sum + query + i;
    const float* delta = w.delta + query + i;
    const bool masked = visible - (kTileRows - 1) < vectors * kLanes;
    for_tiles(
        vectors, [&](auto width, std::int64_t first) __attribute__((always_inline)) {
          constexpr int kWidth = decltype(width)::kValue;
          {
            Vector sums[kTileRows][kWidth] = {};
            multiply_tile<Product>(TileOperands<Unit>{w.queries + row, blocking.units, 1, w.keys,
                                                      kKeyRows, blocking.units},
                                   first, sums);
#pragma GCC unroll 4
            for (int r = 0; r < kTileRows; ++r) {
#pragma GCC unroll 4
              for (int j = 0; j < kWidth; ++j)
                store(w.scores + (r * kWidth + j) * kLanes, sums[r][j]);
            }
          }
          Vector sums[kTileRows][kWidth] = {};
          multiply_tile<Product>(TileOperands<Unit>{w.gradients + row, blocking.units, 1, w.values,
                                                    kKeyRows, blocking.units},
                                 first, sums);
#pragma GCC unroll 2
          for (int r = 0; r < kTileRows; r += 2) {
#pragma GCC unroll 4
            for (int j = 0; j < kWidth; ++j) {
              Vector p[2];
              Vector ds[2];
#pragma GCC unroll 2
              for (int n = 0; n < 2; ++n) {
                const Vector score = load(w.scores + ((r + n) * kWidth + j) * kLanes);
                // Subtracted before the change of base: where P is large the difference is small,
                // and so is its rounding.
                p[n] = exp2((score * blocking.scale - log_sum[r + n]) * kLog2E);
                if (masked) {
                  const std::int64_t allowed = visible - (kTileRows - 1) + r + n;
                  p[n] = first_lanes(p[n], allowed - (first + j) * kLanes, 0.0F);
                }
                ds[n] = p[n] * (sums[r + n][j] - delta[r + n]);
              }
              const std::int64_t column = (first + j) * kLanes;
              Product::store_by_pair(w.weights_by_pair, i + r, column, kKeyRows, p[0], p[1]);
              Product::store_both(w.errors_by_pair, w.errors, i + r, column, kKeyRows, ds[0],
                                  ds[1]);
            }
          }
        });
  }
}

/// Adds one block's part of the three gradients.
template <class T>
void backward_block(const Blocking& blocking, const BackwardWorkspace<T>& w, std::int64_t query,
                    std::int64_t rows, std::int64_t key, float* dq, float* dk, float* dv) {
  using Product = typename ProductOf<T>::Type;
  using Unit = typename Product::Unit;
  constexpr int kDepth = Product::kDepth;
  errors_of_block<T>(blocking, w, query, rows, key);

  for (std::int64_t u = 0; u < kKeyRows; u += kTileRows) {
    // Queries before key + u do not see these keys.
    const std::int64_t start = key + u > query ? key + u - query : 0;
    if (start >= rows) break;
    const std::int64_t a = start / kDepth * kKeyRows + u;
    const std::int64_t b = (query + start) / kDepth * blocking.columns;
    TileOperands<Unit> operands{
        w.weights_by_pair + a,  1, kKeyRows, w.gradients_by_pair + b, blocking.columns,
        (rows - start) / kDepth};
    accumulate_rows<Product, false>(operands, blocking.columns, dv + u * blocking.columns, nullptr);
    operands.a = w.errors_by_pair + a;
    operands.b = w.queries_by_pair + b;
    accumulate_rows<Product, false>(operands, blocking.columns, dk + u * blocking.columns, nullptr);
  }
  const Unit* errors = kDepth > 1 ? w.errors : w.errors_by_pair;
  for (std::int64_t i = 0; i < rows; i += kTileRows) {
    const std::int64_t visible = round_up(smaller(query + i + kTileRows - key, kKeyRows), kLanes);
    const TileOperands<Unit> operands{errors + i * kKeyRows / kDepth,
                                      kKeyRows / kDepth,
                                      1,
                                      w.keys_by_pair,
                                      blocking.columns,
                                      visible / kDepth};
    accumulate_rows<Product, false>(operands, blocking.columns, dq + (query + i) * blocking.columns,
                                    nullptr);
  }
}

/// δ = do·o of one block of queries whose do is packed by row. Summed in the order in which a tile
/// sums dP = do·v: for a token that sees only itself o is v, and dP - δ is exactly 0.
template <class T>
void delta_of_block(const Blocking& blocking, const BackwardWorkspace<T>& w, const Source<T>& out,
                    const typename ProductOf<T>::Type::Unit* gradients, float* delta) {
  using Product = typename ProductOf<T>::Type;
  pack_by_row<Product>(out, kQueryRows, blocking.columns, w.by_row);
  transpose_units(w.by_row, kQueryRows, blocking.units, w.values);
  transpose_units(gradients, kQueryRows, blocking.units, w.keys);
  for (std::int64_t i = 0; i < kQueryRows; i += kLanes) {
    Vector sum{};
    for (std::int64_t unit = 0; unit < blocking.units; ++unit) {
      const std::int64_t at = unit * kQueryRows + i;
      sum = Product::multiply_add(sum, load(w.keys + at), load(w.values + at));
    }
    store(delta + i, sum);
  }
}

/// Packs the queries from row `begin` on with what belongs to them, and clears dq.
template <class T>
void pack_queries(const Shape& shape, const Backward<T>& operands, const Blocking& blocking,
                  const Head& head, std::int64_t begin, const BackwardWorkspace<T>& w, float* dq) {
  using Product = typename ProductOf<T>::Type;
  const std::int64_t width = shape.head_size;
  const std::int64_t stride = shape.row_stride;
  const std::int64_t out_stride = shape.heads * width;
  const T* q = operands.q + head_offset(shape, head.batch, head.head, stride);
  const std::int64_t out_offset = head_offset(shape, head.batch, head.head, out_stride);
  const float* log_sum = operands.log_sum + (head.batch * shape.heads + head.head) * shape.sequence;
  for (std::int64_t row = begin; row < shape.sequence; row += kQueryRows) {
    const std::int64_t rows = smaller(kQueryRows, shape.sequence - row);
    const std::int64_t packed = row * blocking.units;
    const std::int64_t offset = out_offset + row * out_stride;
    const Source<T> queries{q + row * stride, stride, rows, width};
    const Source<T> gradients{operands.dout + offset, out_stride, rows, width};
    pack_by_row<Product>(queries, kQueryRows, blocking.columns, w.queries + packed);
    pack_by_row<Product>(gradients, kQueryRows, blocking.columns, w.gradients + packed);
    if constexpr (Product::kDepth > 1) {
      pack_by_pair<Product>(queries, kQueryRows, blocking.columns, w.queries_by_pair + packed);
      pack_by_pair<Product>(gradients, kQueryRows, blocking.columns, w.gradients_by_pair + packed);
    }
    delta_of_block<T>(blocking, w, {operands.out + offset, out_stride, rows, width},
                      w.gradients + packed, w.delta + row);
    // A padded row's scores are 0, its weights e^-87, and they meet gradients of 0.
    for (std::int64_t i = 0; i < kQueryRows; ++i) {
      w.log_sum[row + i] = i < rows ? log_sum[row + i] : 87.0F;
    }
  }
  float* first = dq + begin * blocking.columns;
  const std::int64_t elements = (blocking.padded_sequence - begin) * blocking.columns;
  for (std::int64_t i = 0; i < elements; ++i) first[i] = 0.0F;
}

/// The blocks of keys of one head that `piece` names, with all queries that see them.
template <class T>
void backward_piece(const Shape& shape, const Backward<T>& operands, const Blocking& blocking,
                    const Head& head, const Piece& piece, const Partials& partials, float* memory) {
  using Product = typename ProductOf<T>::Type;
  BackwardWorkspace<T> w(blocking, memory);
  if constexpr (Product::kDepth == 1) {
    w.queries_by_pair = w.queries;
    w.gradients_by_pair = w.gradients;
  }
  const std::int64_t stride = shape.row_stride;
  const std::int64_t q_offset = head_offset(shape, head.batch, head.head, stride);
  const std::int64_t kv_offset =
      head_offset(shape, head.batch, head.head / (shape.heads / shape.kv_heads), stride);
  const std::int64_t begin = piece.first * kKeyRows;
  float* dq = partials.dq != nullptr ? partials.dq : w.dq;
  pack_queries<T>(shape, operands, blocking, head, begin, w, dq);

  for (std::int64_t key = begin; key < shape.sequence; key += piece.step * kKeyRows) {
    const std::int64_t key_rows = smaller(kKeyRows, shape.sequence - key);
    const std::int64_t offset = kv_offset + key * stride;
    const Source<T> k{operands.k + offset, stride, key_rows, shape.head_size};
    const Source<T> v{operands.v + offset, stride, key_rows, shape.head_size};
    pack_by_row<Product>(v, kKeyRows, blocking.columns, w.by_row);
    transpose_units(w.by_row, kKeyRows, blocking.units, w.values);
    pack_by_row<Product>(k, kKeyRows, blocking.columns, w.by_row);
    transpose_units(w.by_row, kKeyRows, blocking.units, w.keys);
    pack_by_pair<Product>(k, kKeyRows, blocking.columns, w.keys_by_pair);

    const bool grouped = partials.dk != nullptr;
    float* dk = grouped ? partials.dk + key * blocking.columns : w.dk;
    float* dv = grouped ? partials.dv + key * blocking.columns : w.dv;
    for (std::int64_t i = 0; i < kKeyRows * blocking.columns; ++i) dk[i] = dv[i] = 0.0F;
    for (std::int64_t query = key; query < shape.sequence; query += kQueryRows) {
      const std::int64_t rows = round_up(smaller(kQueryRows, shape.sequence - query), kTileRows);
      backward_block<T>(blocking, w, query, rows, key, dq, dk, dv);
    }
    for (std::int64_t i = 0; i < key_rows; ++i) {
      float* dk_row = dk + i * blocking.columns;
      if (grouped) {
        store_row(dk_row, shape.head_size, blocking.scale, dk_row);
      } else {
        store_row(dk_row, shape.head_size, blocking.scale, operands.dk + offset + i * stride);
        store_row(dv + i * blocking.columns, shape.head_size, 1.0F,
                  operands.dv + offset + i * stride);
      }
    }
  }
  for (std::int64_t i = begin; i < shape.sequence; ++i) {
    float* dq_row = dq + i * blocking.columns;
    if (partials.dq != nullptr) {
      store_row(dq_row, shape.head_size, blocking.scale, dq_row);
    } else {
      store_row(dq_row, shape.head_size, blocking.scale, operands.dq + q_offset + i * stride);
    }
  }
}

}  // namespace ASSAY_CPU_LEVEL_NAMESPACE
}  // namespace assay::attention
