#pragma once
/// The draw that the fills are tested with, and the checks of whatever filled: CPU levels
/// (random_test.cpp) and CUDA kernels (ptx/random_cuda_test.cpp) alike.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "kernels/random/random_workload.h"

namespace assay::random {

inline constexpr Draw kDraw{0xFEEDFACECAFEBEEFULL, 3};

/// Ranges of integers, the widest and the narrowest among them.
inline constexpr std::int32_t kLowest = std::numeric_limits<std::int32_t>::min();
inline constexpr std::int32_t kHighest = std::numeric_limits<std::int32_t>::max();
inline constexpr std::pair<std::int32_t, std::int32_t> kRanges[] = {
    {-255, 255}, {0, 0}, {-3, 4}, {kLowest, kHighest}, {0, kHighest}};

inline void expect_right(const Check& check, std::int64_t n) {
  EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound << ", "
                              << n << " elements";
}

/// normal(0, 1) of kDraw. The control loses digits where u is near 1; a kernel must not.
inline void expect_as_exact_as_float_allows(const std::vector<float>& out) {
  std::vector<double> exact(out.size());
  normal_reference(kDraw, 0.0, 1.0, 0, static_cast<std::int64_t>(out.size()), exact.data());
  double worst = 0.0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(out[i]) - exact[i]));
  }
  EXPECT_LT(worst, 1.2e-6);  // five half-units in the last place of the largest, about 5
}

}  // namespace assay::random
