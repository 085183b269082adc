#pragma once
/// Operands of the norms (the math is in norm.h), shared by CPU and CUDA kernels: C++17.
#include <cstdint>

#include "kernels/bf16.h"

namespace assay::norm {

inline constexpr float kEpsilon = 1e-5F;

struct Shape {
  std::int64_t rows = 0;
  std::int64_t width = 0;
};

/// Operands of a forward pass. T: storage type of activations and weights.
template <class T>
struct Forward {
  const T* x = nullptr;         ///< (rows, width)
  const T* residual = nullptr;  ///< (rows, width) or null
  const T* gamma = nullptr;     ///< (width)
  const T* beta = nullptr;      ///< (width); LayerNorm only
  T* sum = nullptr;             ///< (rows, width): s; null iff residual is null
  T* y = nullptr;               ///< (rows, width)
  float* mean = nullptr;        ///< (rows): μ; LayerNorm only
  float* rstd = nullptr;        ///< (rows): ρ
};

/// Operands of a backward pass. dgamma and dbeta are added to.
template <class T>
struct Backward {
  const T* dy = nullptr;        ///< (rows, width)
  const T* sum = nullptr;       ///< (rows, width): s of the forward pass (x without residual)
  const T* gamma = nullptr;     ///< (width)
  const float* mean = nullptr;  ///< (rows); LayerNorm only
  const float* rstd = nullptr;  ///< (rows)
  const T* dsum = nullptr;      ///< (rows, width) or null: gradient from the residual stream
  T* dx = nullptr;              ///< (rows, width); may be dsum
  float* dgamma = nullptr;      ///< (width), +=
  float* dbeta = nullptr;       ///< (width), +=; LayerNorm only
};

}  // namespace assay::norm
