#include "kernels/transformer/weight_hash.h"

namespace assay::transformer {
namespace {

/// Steele's finaliser of a 64-bit word.
std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

}  // namespace

std::uint64_t hash_of(const float* weights, std::int64_t n) {
  std::uint64_t sum = 0;
#pragma omp parallel for schedule(static) reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint64_t bits = __builtin_bit_cast(std::uint32_t, weights[i]);
    sum += mixed((static_cast<std::uint64_t>(i) << 32) ^ bits ^ 0x9E3779B97F4A7C15U);
  }
  return sum;
}

}  // namespace assay::transformer
