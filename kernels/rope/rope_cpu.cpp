#include <omp.h>

#include "kernels/cpu/kernels_at.h"
#include "kernels/cpu/scratch.h"
#include "kernels/rope/rope.h"

namespace assay::rope {
namespace {

/// Splits one token's (cos, sin) pairs into two rows, so that the rotation of its heads reads whole
/// vectors. Direction: 1 or -1, the sign of the angle.
void split(const float* pairs, std::int64_t half, float direction, float* cosines, float* sines) {
#pragma omp simd
  for (std::int64_t i = 0; i < half; ++i) {
    cosines[i] = pairs[2 * i];
    sines[i] = direction * pairs[2 * i + 1];
  }
}

template <class T>
void rotate_head(std::int64_t half, const float* cosines, const float* sines, T* x) {
  T* y = x + half;
#pragma omp simd
  for (std::int64_t i = 0; i < half; ++i) {
    const float a = to_float(x[i]);
    const float b = to_float(y[i]);
    x[i] = from_float<T>(a * cosines[i] - b * sines[i]);
    y[i] = from_float<T>(b * cosines[i] + a * sines[i]);
  }
}

template <class T>
void rotate(const Shape& shape, const float* table, float direction, T* x) {
  const std::int64_t half = shape.head_size / 2;
  // 16 floats more between threads keep them out of each other's cache lines.
  const std::int64_t stride = 2 * half + 16;
  Scratch<float> scratch(omp_get_max_threads() * stride);
  float* memory = scratch.data();
#pragma omp parallel for schedule(static)
  for (std::int64_t row = 0; row < shape.batch * shape.sequence; ++row) {
    float* cosines = memory + omp_get_thread_num() * stride;
    float* sines = cosines + half;
    split(table + row % shape.sequence * shape.head_size, half, direction, cosines, sines);
    for (std::int64_t head = 0; head < shape.heads; ++head) {
      rotate_head(half, cosines, sines, x + row * shape.row_stride + head * shape.head_size);
    }
  }
}

template <class T>
void forward(const Shape& shape, const float* table, T* x) {
  rotate(shape, table, 1.0F, x);
}

template <class T>
void backward(const Shape& shape, const float* table, T* dx) {
  rotate(shape, table, -1.0F, dx);
}

template <class T>
constexpr CpuKernels<T> kKernels = {forward<T>, backward<T>};

}  // namespace
}  // namespace assay::rope

namespace assay {

template <>
const rope::CpuKernels<float>& kernels_at<rope::CpuKernels<float>, kBuildLevel>() {
  return rope::kKernels<float>;
}
template <>
const rope::CpuKernels<Bf16>& kernels_at<rope::CpuKernels<Bf16>, kBuildLevel>() {
  return rope::kKernels<Bf16>;
}

}  // namespace assay
