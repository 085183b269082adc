#pragma once
/// Operands of the cross-entropy (the math is in cross_entropy.h), shared by CPU and CUDA kernels:
/// C++17.
#include <cstdint>

#include "kernels/bf16.h"

namespace assay::cross_entropy {

struct Shape {
  std::int64_t rows = 0;
  std::int64_t vocabulary = 0;
  std::int64_t row_stride = 0;  ///< elements between rows of logits, >= vocabulary
};

}  // namespace assay::cross_entropy
