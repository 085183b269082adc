#pragma once
/// Shape of the embedding (the math is in embedding.h), shared by CPU and CUDA kernels: C++17.
#include <cstdint>

#include "kernels/bf16.h"

namespace assay::embedding {

struct Shape {
  std::int64_t batch = 0;
  std::int64_t sequence = 0;
  std::int64_t width = 0;
  std::int64_t vocabulary = 0;
};

}  // namespace assay::embedding
