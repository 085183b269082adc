#pragma once
/// Operands of the Philox fills (the math is in random.h), shared by CPU and CUDA kernels: C++17.
#include <cstdint>

#include "kernels/bf16.h"

namespace assay::random {

struct Draw {
  std::uint64_t key = 0;
  std::uint64_t stream = 0;
};

}  // namespace assay::random
