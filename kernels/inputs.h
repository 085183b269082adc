#pragma once
/// Reproducible inputs: normal data by Philox and Box-Muller. Element i depends on (key, stream, i)
/// alone. The values are first rounded to the storage type, so that the double definition, the
/// control and the kernel all start from the same numbers.
#include <cstdint>
#include <vector>

#include "kernels/bf16.h"

namespace assay {

/// n values of normal(mean, deviation) as T = float, Bf16, Fp16 or double.
template <class T>
[[nodiscard]] std::vector<T> normal_input(std::uint64_t key, std::uint64_t stream, std::int64_t n,
                                          double mean = 0.0, double deviation = 1.0);

/// n integers uniform in [0, bound).
[[nodiscard]] std::vector<std::int32_t> integer_input(std::uint64_t key, std::uint64_t stream,
                                                      std::int64_t n, std::int32_t bound);

/// Element-wise conversion, exact from float, Bf16 and Fp16.
template <class T>
[[nodiscard]] std::vector<double> to_double(const std::vector<T>& values);
template <class T>
[[nodiscard]] std::vector<float> to_single(const std::vector<T>& values);

}  // namespace assay
