#pragma once
/// The problems that whatever computes RoPE is checked on: CPU levels (rope_test.cpp) and CUDA
/// kernels (ptx/rope_cuda_test.cpp) alike. Inputs and the check against the definition are those of
/// the workloads.
#include <vector>

#include "kernels/rope/rope_workload.h"

namespace assay::rope {

/// Shapes that no pack and no share of heads divides, and some that both do.
inline std::vector<Shape> case_shapes() {
  return {{2, 64, 3, 64, 5 * 64},  {1, 33, 4, 128, 4 * 128}, {3, 7, 5, 40, 211},
          {1, 1, 1, 2, 2},         {2, 17, 1, 6, 7},         {1, 2000, 1, 64, 64},
          {2, 9, 17, 16, 18 * 16}, {1, 5, 40, 128, 48 * 128}};
}
inline constexpr std::uint64_t kCaseKey = 5;

}  // namespace assay::rope
