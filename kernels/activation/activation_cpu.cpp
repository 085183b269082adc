#include "kernels/activation/activation.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/cpu/simd.h"

namespace assay::activation {
namespace {

constexpr float kTwoRootTwoOverPi = 1.5957691216057308F;  // 2·√(2/π)
constexpr float kCubic = 0.044715F;

/// What GELU needs of s = σ(2v) = ½(1 + tanh v), v as in the contract.
struct Gate {
  float value;  ///< s
  float bell;   ///< s·(1 - s), without the cancellation of 1 - s where s is near 1
};

ASSAY_HOST_DEVICE Gate gelu_gate(float x) {
  const float twice_v = kTwoRootTwoOverPi * x * (1.0F + kCubic * x * x);
  const float small = simd::exp(-__builtin_fabsf(twice_v));
  const float large = 1.0F / (1.0F + small);
  return {twice_v < 0.0F ? small * large : large, small * large * large};
}

template <class T>
void gelu_forward(std::int64_t n, const T* x, T* y) {
#pragma omp parallel for simd schedule(static)
  for (std::int64_t i = 0; i < n; ++i) {
    const float value = to_float(x[i]);
    y[i] = from_float<T>(value * gelu_gate(value).value);
  }
}

template <class T>
void gelu_backward(std::int64_t n, const T* x, const T* dy, T* dx) {
#pragma omp parallel for simd schedule(static)
  for (std::int64_t i = 0; i < n; ++i) {
    const float value = to_float(x[i]);
    const Gate gate = gelu_gate(value);
    const float slope = kTwoRootTwoOverPi * (1.0F + 3.0F * kCubic * value * value);
    const float derivative = gate.value + value * gate.bell * slope;
    dx[i] = from_float<T>(to_float(dy[i]) * derivative);
  }
}

template <class T>
void swiglu_forward(std::int64_t rows, std::int64_t width, const T* gate_up, T* y) {
#pragma omp parallel for schedule(static)
  for (std::int64_t row = 0; row < rows; ++row) {
    const T* gate = gate_up + row * 2 * width;
    const T* up = gate + width;
    T* out = y + row * width;
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) {
      const float g = to_float(gate[i]);
      out[i] = from_float<T>(g * simd::sigmoid(g) * to_float(up[i]));
    }
  }
}

template <class T>
void swiglu_backward(std::int64_t rows, std::int64_t width, const T* gate_up, const T* dy,
                     T* dgate_up) {
#pragma omp parallel for schedule(static)
  for (std::int64_t row = 0; row < rows; ++row) {
    const T* gate = gate_up + row * 2 * width;
    const T* up = gate + width;
    const T* dout = dy + row * width;
    T* dgate = dgate_up + row * 2 * width;
    T* dup = dgate + width;
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) {
      const float g = to_float(gate[i]);
      const float u = to_float(up[i]);
      const float d = to_float(dout[i]);
      const float s = simd::sigmoid(g);
      const float silu = g * s;
      dup[i] = from_float<T>(d * silu);
      dgate[i] = from_float<T>(d * u * (s + silu * (1.0F - s)));
    }
  }
}

template <class T>
constexpr CpuKernels<T> kKernels = {gelu_forward<T>, gelu_backward<T>, swiglu_forward<T>,
                                    swiglu_backward<T>};

}  // namespace
}  // namespace assay::activation

namespace assay {

template <>
const activation::CpuKernels<float>& kernels_at<activation::CpuKernels<float>, kBuildLevel>() {
  return activation::kKernels<float>;
}
template <>
const activation::CpuKernels<Bf16>& kernels_at<activation::CpuKernels<Bf16>, kBuildLevel>() {
  return activation::kKernels<Bf16>;
}

}  // namespace assay
