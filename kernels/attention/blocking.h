#pragma once
/// How attention_cpu.cpp cuts a problem into blocks, and views of one head's operands.
#include "kernels/attention/attention.h"
#include "kernels/attention/block_product.h"

namespace assay::attention {
inline namespace ASSAY_CPU_LEVEL_NAMESPACE {

/// Query rows and key rows of a block. Every block begins at a multiple of its size, and a block
/// of keys at the beginning of a block of queries.
inline constexpr std::int64_t kQueryRows = 64;
inline constexpr std::int64_t kKeyRows = 64;
static_assert(kKeyRows % kQueryRows == 0 && kQueryRows % (2 * kLanes) == 0);

inline constexpr float kLog2E = 1.44269504F;

[[gnu::always_inline]] inline std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

[[gnu::always_inline]] inline std::int64_t smaller(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

struct Blocking {
  std::int64_t padded_sequence;  ///< T, up to whole blocks
  std::int64_t columns;          ///< D, up to whole vectors of units
  std::int64_t units;            ///< of a packed row
  float scale;                   ///< 1/sqrt(D)
};

template <class T>
Blocking blocking_of(const Shape& shape) {
  constexpr int kDepth = ProductOf<T>::Type::kDepth;
  const std::int64_t columns = round_up(shape.head_size, kLanes * kDepth);
  return {round_up(shape.sequence, kKeyRows), columns, columns / kDepth,
          1.0F / __builtin_sqrtf(static_cast<float>(shape.head_size))};
}

/// One query head of one sequence.
struct Head {
  std::int64_t batch;
  std::int64_t head;
};

/// Every `step`-th block from `first` on: causal blocks differ in cost, so a piece takes some of
/// each.
struct Piece {
  std::int64_t first;
  std::int64_t step;
};

/// The first element of head `head` of (B, T, heads, D) at token 0.
[[gnu::always_inline]] inline std::int64_t head_offset(const Shape& shape, std::int64_t batch,
                                                       std::int64_t head, std::int64_t stride) {
  return batch * shape.sequence * stride + head * shape.head_size;
}

/// Hands out 64-byte aligned parts of one allocation of 4-byte elements.
class Parts {
 public:
  [[gnu::always_inline]] explicit Parts(float* memory) : next_(memory) {}
  template <class Element>
  [[gnu::always_inline]] Element* take(std::int64_t count) {
    static_assert(sizeof(Element) == 4);
    void* part = next_;
    next_ += round_up(count, 16);
    return static_cast<Element*>(part);
  }

 private:
  float* next_;
};

/// to[i] = factor · from[i], rounded to T.
template <class T>
[[gnu::always_inline]] inline void store_row(const float* from, std::int64_t columns, float factor,
                                             T* to) {
#pragma omp simd
  for (std::int64_t i = 0; i < columns; ++i) to[i] = from_float<T>(from[i] * factor);
}

}  // namespace ASSAY_CPU_LEVEL_NAMESPACE
}  // namespace assay::attention
