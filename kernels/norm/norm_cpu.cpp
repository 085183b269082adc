#include "kernels/cpu/kernels_at.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/simd.h"
#include "kernels/norm/norm.h"

namespace assay::norm {
namespace {

// dγ and dβ are summed over this many chunks of rows, whatever the number of threads.
constexpr std::int64_t kChunks = 16;

template <bool Centred, class T>
void forward(const Shape& shape, const Forward<T>& operands) {
  const std::int64_t width = shape.width;
#pragma omp parallel for schedule(static)
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    const T* s = operands.x + row * width;
    if (operands.residual != nullptr) {
      const T* residual = operands.residual + row * width;
      T* sum = operands.sum + row * width;
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) {
        sum[i] = from_float<T>(to_float(s[i]) + to_float(residual[i]));
      }
      s = sum;
    }
    float mean = 0.0F;
    if constexpr (Centred) {
      float total = 0.0F;
#pragma omp simd reduction(+ : total)
      for (std::int64_t i = 0; i < width; ++i) total += to_float(s[i]);
      mean = total / static_cast<float>(width);
    }
    // A second sweep for the variance: the one-sweep formula cancels when |mean| >> deviation.
    float squares = 0.0F;
#pragma omp simd reduction(+ : squares)
    for (std::int64_t i = 0; i < width; ++i) {
      const float centred = to_float(s[i]) - mean;
      squares += centred * centred;
    }
    const float rstd = 1.0F / __builtin_sqrtf(squares / static_cast<float>(width) + kEpsilon);
    T* y = operands.y + row * width;
    if constexpr (Centred) {
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) {
        const float h = (to_float(s[i]) - mean) * rstd;
        y[i] = from_float<T>(to_float(operands.gamma[i]) * h + to_float(operands.beta[i]));
      }
      operands.mean[row] = mean;
    } else {
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) {
        y[i] = from_float<T>(to_float(operands.gamma[i]) * to_float(s[i]) * rstd);
      }
    }
    operands.rstd[row] = rstd;
  }
}

template <bool Centred, class T>
void backward_row(const Backward<T>& operands, std::int64_t row, std::int64_t width, float* dgamma,
                  float* dbeta) {
  const T* s = operands.sum + row * width;
  const T* dy = operands.dy + row * width;
  const float rstd = operands.rstd[row];
  const float mean = Centred ? operands.mean[row] : 0.0F;
  float total_g = 0.0F;
  float total_gh = 0.0F;
#pragma omp simd reduction(+ : total_g, total_gh)
  for (std::int64_t i = 0; i < width; ++i) {
    const float h = (to_float(s[i]) - mean) * rstd;
    const float d = to_float(dy[i]);
    const float g = d * to_float(operands.gamma[i]);
    total_g += g;
    total_gh += g * h;
    dgamma[i] += d * h;
    if constexpr (Centred) dbeta[i] += d;
  }
  const float mean_g = Centred ? total_g / static_cast<float>(width) : 0.0F;
  const float mean_gh = total_gh / static_cast<float>(width);
  const T* dsum = operands.dsum != nullptr ? operands.dsum + row * width : nullptr;
  T* dx = operands.dx + row * width;
  const auto ds = [&](std::int64_t i) {
    const float h = (to_float(s[i]) - mean) * rstd;
    const float g = to_float(dy[i]) * to_float(operands.gamma[i]);
    return rstd * (g - mean_g - h * mean_gh);
  };
  // NOLINTNEXTLINE(bugprone-branch-clone): it doesn't look into loops that OpenMP rewrites
  if (dsum != nullptr) {
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) dx[i] = from_float<T>(ds(i) + to_float(dsum[i]));
  } else {
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) dx[i] = from_float<T>(ds(i));
  }
}

template <bool Centred, class T>
void backward(const Shape& shape, const Backward<T>& operands) {
  const std::int64_t width = shape.width;
  const std::int64_t stride = Centred ? 2 * width : width;
  Scratch<float> scratch(kChunks * stride);
  scratch.zero(kChunks * stride);
  float* partial = scratch.data();
#pragma omp parallel for schedule(static)
  for (std::int64_t chunk = 0; chunk < kChunks; ++chunk) {
    float* dgamma = partial + chunk * stride;
    float* dbeta = dgamma + (Centred ? width : 0);
    const std::int64_t first = shape.rows * chunk / kChunks;
    const std::int64_t last = shape.rows * (chunk + 1) / kChunks;
    for (std::int64_t row = first; row < last; ++row) {
      backward_row<Centred>(operands, row, width, dgamma, dbeta);
    }
  }
  for (std::int64_t chunk = 0; chunk < kChunks; ++chunk) {
    const float* dgamma = partial + chunk * stride;
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) operands.dgamma[i] += dgamma[i];
    if constexpr (Centred) {
      const float* dbeta = dgamma + width;
#pragma omp simd
      for (std::int64_t i = 0; i < width; ++i) operands.dbeta[i] += dbeta[i];
    }
  }
}

template <class T>
constexpr CpuKernels<T> kKernels = {forward<true, T>, backward<true, T>, forward<false, T>,
                                    backward<false, T>};

}  // namespace
}  // namespace assay::norm

namespace assay {

template <>
const norm::CpuKernels<float>& kernels_at<norm::CpuKernels<float>, kBuildLevel>() {
  return norm::kKernels<float>;
}
template <>
const norm::CpuKernels<Bf16>& kernels_at<norm::CpuKernels<Bf16>, kBuildLevel>() {
  return norm::kKernels<Bf16>;
}

}  // namespace assay
