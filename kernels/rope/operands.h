#pragma once
/// Shape of a rotary position embedding (the math is in rope.h), shared by CPU and CUDA kernels:
/// C++17.
#include <cstdint>

#include "kernels/bf16.h"

namespace assay::rope {

struct Shape {
  std::int64_t batch = 0;       ///< B
  std::int64_t sequence = 0;    ///< T
  std::int64_t heads = 0;       ///< heads to rotate, adjacent in a row: query and key heads
  std::int64_t head_size = 0;   ///< D, even
  std::int64_t row_stride = 0;  ///< elements from one token's row to the next
};

}  // namespace assay::rope
