#pragma once
/// Operands of the optimizer (the math is in adamw.h), shared by CPU and CUDA kernels: C++17.
#include <cstdint>
#include <cstring>

#include "base/philox.h"
#include "kernels/bf16.h"

namespace assay::adamw {

struct Hyperparameters {
  float learning_rate = 1e-3F;
  float beta1 = 0.9F;
  float beta2 = 0.95F;
  float epsilon = 1e-8F;
  float weight_decay = 0.1F;
};

/// What the weights' stochastic rounding draws from: parameter i of step t takes word i % 4 of
/// Philox(key, i / 4, t), where the operands' first parameter is number `first`.
struct RoundingDraw {
  std::uint64_t key = 0;
  std::uint64_t first = 0;
};

/// `value` rounded up to the next Bf16 with the probability that its cut-off part is of one unit in
/// the last place, else down in magnitude: on average it stays what it is. The word's lower 16 bits
/// decide. Infinities and NaNs are converted as to_bf16 does.
/// Source: S. Gupta et al., arXiv 1502.02551, section 3.
ASSAY_HOST_DEVICE Bf16 rounded_stochastically(float value, std::uint32_t word) {
  std::uint32_t wide;
  std::memcpy(&wide, &value, sizeof wide);
  if ((wide & 0x7F800000U) == 0x7F800000U) return to_bf16(value);
  return {static_cast<std::uint16_t>((wide + (word & 0xFFFFU)) >> 16)};
}

}  // namespace assay::adamw
