#pragma once
/// Operands of attention (the math is in attention.h), shared by CPU and CUDA kernels: C++17.
#include <cstdint>

#include "kernels/bf16.h"
#include "kernels/fp16.h"

namespace assay::attention {

struct Shape {
  std::int64_t batch = 0;       ///< B
  std::int64_t sequence = 0;    ///< T
  std::int64_t heads = 0;       ///< H query heads
  std::int64_t kv_heads = 0;    ///< G key and value heads; G divides H
  std::int64_t head_size = 0;   ///< D
  std::int64_t row_stride = 0;  ///< of q, k, v and their gradients: elements between tokens
};

/// q, k, v point into packed rows (B·T, row_stride): query heads, key heads, value heads, say.
template <class T>
struct Forward {
  const T* q = nullptr;      ///< (B, T, H, D), row_stride between tokens
  const T* k = nullptr;      ///< (B, T, G, D)
  const T* v = nullptr;      ///< (B, T, G, D)
  T* out = nullptr;          ///< (B, T, H, D), contiguous
  float* log_sum = nullptr;  ///< (B, H, T): L
};

/// `out` and `log_sum` are the forward pass's.
template <class T>
struct Backward {
  const T* q = nullptr;
  const T* k = nullptr;
  const T* v = nullptr;
  const T* out = nullptr;
  const float* log_sum = nullptr;
  const T* dout = nullptr;  ///< (B, T, H, D), contiguous
  T* dq = nullptr;          ///< written, not added to; strides as q, k, v
  T* dk = nullptr;
  T* dv = nullptr;
};

}  // namespace assay::attention
