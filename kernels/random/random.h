#pragma once
/// Philox fills: normal(mean, deviation) by Box-Muller and integers uniform in [low, high].
/// Element i depends on (key, stream, i) alone: block i/4, word i%4 (base/philox.h). The values are
/// those of normal_input (kernels/inputs.h).
///
///   u_w = (word_w + ½) / 2^32
///   normal:   z_0 = √(-2 ln u_0) cos 2πu_1,  z_1 = √(-2 ln u_0) sin 2πu_1,
///             z_2 and z_3 likewise from u_2 and u_3;   out = mean + deviation · z
///   integers: low + ⌊word · (high - low + 1) / 2^32⌋
/// Source: G. Box and M. Muller, A Note on the Generation of Random Normal Deviates, 1958.
///
/// FLOPs per normal element, an elementary function counting as one: 8 (half of a logarithm, root,
/// sine, cosine and six products for each pair, then mean and deviation, rounded up). Integers:
/// none. Bytes: the output, written once.
///
/// On CUDA: kernels/random/random_cuda.h.
/// Decomposition on a CPU: sixteen Philox blocks side by side, one in each lane, so the rounds, the
/// logarithm and the sine are vectorised (kernels/random/box_muller.h). The logarithm of a u near 1
/// is taken of 1 - u, which the word's complement gives exactly; the angle's quadrant is the word's
/// two upper bits, so nothing is lost in reducing it.
#include <cstdint>
#include <vector>

#include "kernels/random/operands.h"
#include "kernels/workload.h"

namespace assay::random {

/// T = float or Bf16.
template <class T>
struct CpuKernels {
  void (*normal)(const Draw&, float mean, float deviation, std::int64_t n, T* out);
};
struct CpuIntegerKernels {
  /// Needs low <= high.
  void (*integers)(const Draw&, std::int32_t low, std::int32_t high, std::int64_t n,
                   std::int32_t* out);
};

/// The definition (Real = double) and the control (Real = float): elements [first, first + n).
template <class Real>
void normal_reference(const Draw& draw, Real mean, Real deviation, std::int64_t first,
                      std::int64_t n, Real* out);
void integers_reference(const Draw& draw, std::int32_t low, std::int32_t high, std::int64_t first,
                        std::int64_t n, std::int32_t* out);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::random
