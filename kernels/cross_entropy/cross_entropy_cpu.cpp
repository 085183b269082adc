#include "kernels/cpu/kernels_at.h"
#include "kernels/cpu/simd.h"
#include "kernels/cross_entropy/cross_entropy.h"

namespace assay::cross_entropy {
namespace {

// 8 KB of floats: a chunk is still in the first-level cache when it is summed.
constexpr std::int64_t kChunk = 2048;
constexpr int kLanes = 64;  // a multiple of every level's vector, several in flight
constexpr float kLowest = -3.402823466e38F;  // finite, so that rows may hold -infinity

/// The largest of z[0, count) and `largest`, by lanes: a comparison in order, which a vectorised
/// reduction of floats would not be.
template <class T>
float larger(const T* z, std::int64_t count, float largest) {
  float lanes[kLanes];
  for (float& lane : lanes) lane = largest;
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
#pragma omp simd
    for (int lane = 0; lane < kLanes; ++lane) {
      const float value = to_float(z[i + lane]);
      lanes[lane] = value > lanes[lane] ? value : lanes[lane];
    }
  }
  for (; i < count; ++i) {
    const float value = to_float(z[i]);
    lanes[0] = value > lanes[0] ? value : lanes[0];
  }
  for (const float lane : lanes) largest = lane > largest ? lane : largest;
  return largest;
}

template <class T>
void row_forward_backward(const Shape& shape, std::int32_t target, float scale, T* z, float* loss) {
  float largest = kLowest;
  float sum = 0.0F;
  for (std::int64_t begin = 0; begin < shape.vocabulary; begin += kChunk) {
    const std::int64_t left = shape.vocabulary - begin;
    const std::int64_t count = left < kChunk ? left : kChunk;
    const float candidate = larger(z + begin, count, largest);
    if (candidate > largest) {
      sum *= simd::exp(largest - candidate);
      largest = candidate;
    }
    float part = 0.0F;
#pragma omp simd reduction(+ : part)
    for (std::int64_t i = begin; i < begin + count; ++i) {
      part += simd::exp(to_float(z[i]) - largest);
    }
    sum += part;
  }
  const float at_target = to_float(z[target]) - largest;
  *loss = __builtin_logf(sum) - at_target;
  const float factor = scale / sum;
#pragma omp simd
  for (std::int64_t i = 0; i < shape.vocabulary; ++i) {
    z[i] = from_float<T>(factor * simd::exp(to_float(z[i]) - largest));
  }
  z[target] = from_float<T>(factor * simd::exp(at_target) - scale);
  for (std::int64_t i = shape.vocabulary; i < shape.row_stride; ++i) z[i] = from_float<T>(0.0F);
}

template <class T>
void forward_backward(const Shape& shape, const std::int32_t* targets, float scale, T* logits,
                      float* losses) {
#pragma omp parallel for schedule(static)
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    row_forward_backward(shape, targets[row], scale, logits + row * shape.row_stride, losses + row);
  }
}

template <class T>
constexpr CpuKernels<T> kKernels = {forward_backward<T>};

}  // namespace
}  // namespace assay::cross_entropy

namespace assay {

template <>
const cross_entropy::CpuKernels<float>&
kernels_at<cross_entropy::CpuKernels<float>, kBuildLevel>() {
  return cross_entropy::kKernels<float>;
}
template <>
const cross_entropy::CpuKernels<Bf16>& kernels_at<cross_entropy::CpuKernels<Bf16>, kBuildLevel>() {
  return cross_entropy::kKernels<Bf16>;
}

}  // namespace assay
