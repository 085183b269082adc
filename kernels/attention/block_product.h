#pragma once
/// Products of small blocks for attention, for attention_cpu.cpp only: C += A·B with FP32
/// accumulators in registers, from operands packed into scratch memory.
///
/// A packed operand is made of 4-byte units: one float, or on levels with AVX512-BF16 two
/// neighbours of the summation dimension, which VDPBF16PS multiplies and adds at once. Of a matrix
/// X (rows, columns), zero-padded to the block, three layouts are needed:
///   by_row:      [row][column / kDepth]  pairs along columns: A of X·B
///   by_pair:     [row / kDepth][column]  pairs along rows: B of A·X, and A of Xᵀ·B
///   transposed:  [column / kDepth][row]  pairs along columns: B of A·Xᵀ
/// With floats by_row and by_pair are the same.
#include "kernels/bf16.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/cpu/vector.h"

namespace assay::attention::inline ASSAY_CPU_LEVEL_NAMESPACE {

/// Rows and vectors of one register tile: 4x4 accumulators of 32 registers leave room for four
/// vectors of B and keep more products in flight than the units are deep; 4x2 of 16 registers.
inline constexpr int kTileRows = 4;
inline constexpr int kTileVectors = kLanes == 16 ? 4 : 2;

/// Products of floats, whatever the storage type T.
template <class T>
struct SingleProduct {
  using Unit = float;
  static constexpr int kDepth = 1;

  [[gnu::always_inline]] static Vector multiply_add(Unit a, const Unit* b, Vector sum) {
    return sum + a * load(b);
  }
  [[gnu::always_inline]] static Unit unit(const T* x, std::int64_t /*next*/) {
    return to_float(x[0]);
  }
  [[gnu::always_inline]] static Unit unit_of_one(const T* x) { return to_float(x[0]); }
};
