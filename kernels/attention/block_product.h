#pragma once
/// Products of small blocks for attention, for attention_cpu.cpp only: C += A·B with FP32
/// accumulators in registers, from operands packed into scratch memory.
///
/// A packed operand is made of 4-byte units: one float, or on levels with AVX512-BF16 two
/// neighbours of the summation dimension, which VDPBF16PS multiplies and adds at once. Of a matrix
/// X (rows, columns), padded with zeros, three layouts are needed:
///   by_row:      [row][column / kDepth]  pairs along columns: A of X·B
///   by_pair:     [row / kDepth][column]  pairs along rows: B of A·X, and A of Xᵀ·B
///   transposed:  [column / kDepth][row]  pairs along columns: B of A·Xᵀ
/// With floats by_row and by_pair are the same.
#include "kernels/bf16.h"
#include "kernels/cpu/vector.h"

#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

namespace assay::attention {
inline namespace ASSAY_CPU_LEVEL_NAMESPACE {

/// Rows and vectors of one register tile: 4x4 accumulators where there are 32 registers leave room
/// for four vectors of B and keep more sums in flight than a multiply-add takes cycles; 4x2 of 16.
inline constexpr int kTileRows = 4;
inline constexpr int kTileVectors = kLanes == 16 ? 4 : 2;

/// Products of floats, whatever the storage type T.
template <class T>
struct SingleProduct {
  using Unit = float;
  static constexpr int kDepth = 1;

  /// sum + a·b; the same rounding whether a is one element or one in each lane.
  [[gnu::always_inline]] static Vector multiply_add(Vector sum, Vector a, Vector b) {
    return sum + a * b;
  }
  [[gnu::always_inline]] static Vector multiply_add(Vector sum, Unit a, Vector b) {
    return sum + a * b;
  }

  [[gnu::always_inline]] static void pack_row(const T* row, std::int64_t columns, Unit* units) {
#pragma omp simd
    for (std::int64_t i = 0; i < columns; ++i) units[i] = to_float(row[i]);
  }
  [[gnu::always_inline]] static void pack_pair(const T* row, std::int64_t /*next*/,
                                               std::int64_t columns, Unit* units) {
    pack_row(row, columns, units);
  }

  /// Stores a vector of row `row` at `column` of a by_row block with `columns` columns.
  [[gnu::always_inline]] static void store_by_row(Unit* block, std::int64_t row,
                                                  std::int64_t column, std::int64_t columns,
                                                  Vector value) {
    store(block + row * columns + column, value);
  }
  /// Stores vectors of the rows `row` (even) and row + 1 in a by_pair block.
  [[gnu::always_inline]] static void store_by_pair(Unit* block, std::int64_t row,
                                                   std::int64_t column, std::int64_t columns,
                                                   Vector first, Vector second) {
    store(block + row * columns + column, first);
    store(block + (row + 1) * columns + column, second);
  }
  /// The same in both layouts, which are one here.
  [[gnu::always_inline]] static void store_both(Unit* by_pair, Unit* /*by_row*/, std::int64_t row,
                                                std::int64_t column, std::int64_t columns,
                                                Vector first, Vector second) {
    store_by_pair(by_pair, row, column, columns, first, second);
  }
};

#ifdef __AVX512BF16__

/// Products of pairs of Bf16: two multiply-adds in each lane.
struct PairProduct {
  using Unit = std::uint32_t;
  static constexpr int kDepth = 2;

  [[gnu::always_inline]] static Vector multiply_add(Vector sum, Vector a, Vector b) {
    return _mm512_dpbf16_ps(sum, __builtin_bit_cast(__m512bh, a), __builtin_bit_cast(__m512bh, b));
  }
  [[gnu::always_inline]] static Vector multiply_add(Vector sum, Unit a, Vector b) {
    return multiply_add(sum, broadcast(__builtin_bit_cast(float, a)), b);
  }

  /// `columns` may be odd; the unit that holds the last column then ends with a zero.
  [[gnu::always_inline]] static void pack_row(const Bf16* row, std::int64_t columns, Unit* units) {
    if (columns % 2 != 0) units[columns / 2] = 0;
    __builtin_memcpy(units, row, static_cast<std::size_t>(columns) * sizeof(Bf16));
  }
  /// Interleaves `row` with the row `next` elements after it, or with zeros if `next` is 0.
  [[gnu::always_inline]] static void pack_pair(const Bf16* row, std::int64_t next,
                                               std::int64_t columns, Unit* units) {
    if (next == 0) {
      for (std::int64_t i = 0; i < columns; ++i) units[i] = row[i].bits;
      return;
    }
#pragma omp simd
    for (std::int64_t i = 0; i < columns; ++i) {
      units[i] = Unit{row[i].bits} | (Unit{row[i + next].bits} << 16);
    }
  }

  [[gnu::always_inline]] static void store_by_row(Unit* block, std::int64_t row,
                                                  std::int64_t column, std::int64_t columns,
                                                  Vector value) {
    const __m256bh half = _mm512_cvtneps_pbh(value);
    __builtin_memcpy(block + (row * columns + column) / 2, &half, sizeof half);
  }
  [[gnu::always_inline]] static void store_by_pair(Unit* block, std::int64_t row,
                                                   std::int64_t column, std::int64_t columns,
                                                   Vector first, Vector second) {
    store_interleaved(block + row / 2 * columns + column, _mm512_cvtne2ps_pbh(second, first));
  }
  [[gnu::always_inline]] static void store_both(Unit* by_pair, Unit* by_row, std::int64_t row,
                                                std::int64_t column, std::int64_t columns,
                                                Vector first, Vector second) {
    const __m512bh both = _mm512_cvtne2ps_pbh(second, first);
    store_interleaved(by_pair + row / 2 * columns + column, both);
    const auto halves = __builtin_bit_cast(Halves, both);
    Unit* to = by_row + (row * columns + column) / 2;
    __builtin_memcpy(to, &halves.first, sizeof halves.first);
    __builtin_memcpy(to + columns / 2, &halves.second, sizeof halves.second);
  }

 private:
  struct Halves {
    __m256i first;
    __m256i second;
  };
  using Shorts [[gnu::vector_size(64)]] = std::uint16_t;

  [[gnu::always_inline]] static void store_interleaved(Unit* to, __m512bh both) {
    Shorts order{};
    for (int i = 0; i < 32; ++i) order[i] = static_cast<std::uint16_t>(i / 2 + i % 2 * 16);
    store(to, __builtin_shuffle(__builtin_bit_cast(Shorts, both), order));
  }
};

#endif

/// The product that this level uses for storage type T.
template <class T>
struct ProductOf {
  using Type = SingleProduct<T>;
};
#ifdef __AVX512BF16__
template <>
struct ProductOf<Bf16> {
  using Type = PairProduct;
};
#endif

/// A matrix of T in memory: `rows` of `columns`, `stride` elements apart.
template <class T>
struct Source {
  const T* data;
  std::int64_t stride;
  std::int64_t rows;
  std::int64_t columns;
};

/// Packs by row into `rows` rows of `columns` columns (multiples of the tile, at least the
/// source's), padded with zeros.
template <class Product, class T>
void pack_by_row(const Source<T>& source, std::int64_t rows, std::int64_t columns,
                 typename Product::Unit* packed) {
  const std::int64_t units = columns / Product::kDepth;
  const std::int64_t filled = (source.columns + Product::kDepth - 1) / Product::kDepth;
  for (std::int64_t row = 0; row < rows; ++row, packed += units) {
    const bool inside = row < source.rows;
    if (inside) Product::pack_row(source.data + row * source.stride, source.columns, packed);
    for (std::int64_t i = inside ? filled : 0; i < units; ++i) packed[i] = 0;
  }
}

/// The same by pairs of rows.
template <class Product, class T>
void pack_by_pair(const Source<T>& source, std::int64_t rows, std::int64_t columns,
                  typename Product::Unit* packed) {
  for (std::int64_t row = 0; row < rows; row += Product::kDepth, packed += columns) {
    const bool inside = row < source.rows;
    const std::int64_t next = row + 1 < source.rows ? source.stride : 0;
    if (inside) Product::pack_pair(source.data + row * source.stride, next, source.columns, packed);
    for (std::int64_t i = inside ? source.columns : 0; i < columns; ++i) packed[i] = 0;
  }
}

/// The transposed layout from the by_row layout; rows and units are multiples of kLanes.
template <class Unit>
void transpose_units(const Unit* by_row, std::int64_t rows, std::int64_t units, Unit* transposed) {
  for (std::int64_t row = 0; row < rows; row += kLanes) {
    for (std::int64_t unit = 0; unit < units; unit += kLanes) {
      IntVector square[kLanes];
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) {
        square[i] = load<IntVector>(by_row + (row + i) * units + unit);
      }
      transpose(square);
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) store(transposed + (unit + i) * rows + row, square[i]);
    }
  }
}

/// Where the operands of a tile begin and how far apart their elements are, in units.
template <class Unit>
struct TileOperands {
  const Unit* a;
  std::int64_t a_row;    ///< from one row of A to the next
  std::int64_t a_depth;  ///< from one step of the summation to the next
  const Unit* b;
  std::int64_t b_depth;
  std::int64_t depth;  ///< steps of the summation
};

/// sums += A·B for kTileRows rows and `Width` vectors of columns that begin at vector `first`.
template <class Product, int Width, class Unit>
[[gnu::always_inline]] inline void multiply_tile(const TileOperands<Unit>& operands,
                                                 std::int64_t first,
                                                 Vector (&sums)[kTileRows][Width]) {
  const Unit* a = operands.a;
  const Unit* b = operands.b + first * kLanes;
  for (std::int64_t step = 0; step < operands.depth; ++step) {
    Vector columns[Width];
#pragma GCC unroll 4
    for (int j = 0; j < Width; ++j) columns[j] = load(b + j * kLanes);
#pragma GCC unroll 4
    for (int i = 0; i < kTileRows; ++i) {
      const Unit element = a[i * operands.a_row];
#pragma GCC unroll 4
      for (int j = 0; j < Width; ++j) {
        sums[i][j] = Product::multiply_add(sums[i][j], element, columns[j]);
      }
    }
    a += operands.a_depth;
    b += operands.b_depth;
  }
}

/// A number that a lambda can use as a constant.
template <int Value>
struct Constant {
  static constexpr int kValue = Value;
};

/// Calls body(Constant<width>, first) for tiles that cover `vectors` vectors.
template <class Body>
[[gnu::always_inline]] inline void for_tiles(std::int64_t vectors, const Body& body) {
  std::int64_t first = 0;
  for (; first + kTileVectors <= vectors; first += kTileVectors) {
    body(Constant<kTileVectors>{}, first);
  }
  const std::int64_t left = vectors - first;
  if constexpr (kTileVectors > 2) {
    if (left == 3) body(Constant<3>{}, first);
    if (left == 2) body(Constant<2>{}, first);
  }
  if (left == 1) body(Constant<1>{}, first);
}

/// C = C·factor + A·B for kTileRows rows of C, `columns` floats each; Scaled: with the factors.
template <class Product, bool Scaled, class Unit>
[[gnu::always_inline]] inline void accumulate_rows(const TileOperands<Unit>& operands,
                                                   std::int64_t columns, float* c,
                                                   const float* factors) {
  for_tiles(
      columns / kLanes, [&](auto width, std::int64_t first) __attribute__((always_inline)) {
        constexpr int kWidth = decltype(width)::kValue;
        Vector sums[kTileRows][kWidth];
#pragma GCC unroll 4
        for (int i = 0; i < kTileRows; ++i) {
#pragma GCC unroll 4
          for (int j = 0; j < kWidth; ++j) {
            sums[i][j] = load(c + i * columns + (first + j) * kLanes);
            if constexpr (Scaled) sums[i][j] *= factors[i];
          }
        }
        multiply_tile<Product>(operands, first, sums);
#pragma GCC unroll 4
        for (int i = 0; i < kTileRows; ++i) {
#pragma GCC unroll 4
          for (int j = 0; j < kWidth; ++j)
            store(c + i * columns + (first + j) * kLanes, sums[i][j]);
        }
      });
}

}  // namespace ASSAY_CPU_LEVEL_NAMESPACE
}  // namespace assay::attention
