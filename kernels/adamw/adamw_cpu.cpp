#include "kernels/adamw/adamw.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/cpu/scratch.h"

namespace assay::adamw {
namespace {

template <class T>
void update(const Hyperparameters& hyperparameters, std::int64_t step, float gradient_scale,
            std::int64_t n, const float* gradient, float* master, float* first_moment,
            float* second_moment, T* weight) {
  // m/(1-β1^t) / (sqrt(v/(1-β2^t)) + ε), with what doesn't depend on the parameter taken out. In
  // double, because 1 - β^t cancels.
  const auto beta1 = static_cast<double>(hyperparameters.beta1);
  const auto beta2 = static_cast<double>(hyperparameters.beta2);
  const double correction1 = 1.0 - __builtin_pow(beta1, static_cast<double>(step));
  const double correction2 = 1.0 - __builtin_pow(beta2, static_cast<double>(step));
  const auto rate = static_cast<double>(hyperparameters.learning_rate);
  const auto step_rate = static_cast<float>(rate / correction1);
  const auto root_factor = static_cast<float>(1.0 / __builtin_sqrt(correction2));
  const auto decay = static_cast<float>(rate * static_cast<double>(hyperparameters.weight_decay));
  const float keep1 = hyperparameters.beta1;
  const float keep2 = hyperparameters.beta2;
  const float take1 = 1.0F - keep1;
  const float take2 = 1.0F - keep2;
  const float epsilon = hyperparameters.epsilon;
#pragma omp parallel for simd schedule(static)
  for (std::int64_t i = 0; i < n; ++i) {
    const float g = gradient_scale * gradient[i];
    const float m = keep1 * first_moment[i] + take1 * g;
    const float v = keep2 * second_moment[i] + take2 * g * g;
    const float w = master[i];
    const float change = step_rate * m / (root_factor * __builtin_sqrtf(v) + epsilon) + decay * w;
    first_moment[i] = m;
    second_moment[i] = v;
    master[i] = w - change;
    weight[i] = from_float<T>(w - change);
  }
}

constexpr std::int64_t kChunk = 8192;
constexpr int kLanes = 32;

double sum_of_chunk(std::int64_t n, const float* values) {
  float lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
#pragma omp simd
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] += values[i + lane] * values[i + lane];
  }
  double total = 0.0;
  for (const float lane : lanes) total += static_cast<double>(lane);
  for (; i < n; ++i) total += static_cast<double>(values[i]) * static_cast<double>(values[i]);
  return total;
}

double sum_of_squares(std::int64_t n, const float* gradient) {
  const std::int64_t chunks = (n + kChunk - 1) / kChunk;
  Scratch<double> scratch(chunks);
  double* partial = scratch.data();
#pragma omp parallel for schedule(static)
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    const std::int64_t first = chunk * kChunk;
    partial[chunk] = sum_of_chunk(n - first < kChunk ? n - first : kChunk, gradient + first);
  }
  double total = 0.0;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) total += partial[chunk];
  return total;
}

template <class T>
constexpr CpuKernels<T> kKernels = {update<T>, sum_of_squares};

}  // namespace
}  // namespace assay::adamw

namespace assay {

template <>
const adamw::CpuKernels<float>& kernels_at<adamw::CpuKernels<float>, kBuildLevel>() {
  return adamw::kKernels<float>;
}
template <>
const adamw::CpuKernels<Bf16>& kernels_at<adamw::CpuKernels<Bf16>, kBuildLevel>() {
  return adamw::kKernels<Bf16>;
}

}  // namespace assay
