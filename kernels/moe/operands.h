#pragma once
/// Operands of routing, dispatch and combine (the math is in moe.h), shared by CPU and CUDA
/// kernels: C++17.
#include <cstdint>

#include "kernels/bf16.h"

namespace assay::moe {

struct Shape {
  std::int64_t tokens = 0;
  std::int64_t experts = 0;
  std::int64_t top_k = 0;
  std::int64_t width = 0;
};

/// Of the products of all experts at once.
struct ProductShape {
  std::int64_t slots = 0;
  std::int64_t experts = 0;
  std::int64_t in = 0;
  std::int64_t out = 0;
};

/// Where each (token, choice) goes, as plain pointers, which code of any instruction-set level or
/// device may read.
struct PlanView {
  const std::int32_t* expert = nullptr;         ///< (tokens, k)
  const std::int32_t* slot = nullptr;           ///< (tokens, k)
  const std::int32_t* token_of_slot = nullptr;  ///< (tokens·k)
  const std::int64_t* offset = nullptr;  ///< (experts + 1): e owns slots offset[e] .. offset[e+1]
};

}  // namespace assay::moe
