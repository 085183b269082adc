#include <cmath>
#include <numbers>

#include "kernels/activation/activation.h"

namespace assay::activation {
namespace {

template <class Real>
const Real kRootTwoOverPi = static_cast<Real>(std::numbers::sqrt2* std::numbers::inv_sqrtpi);
template <class Real>
constexpr Real kCubic = static_cast<Real>(0.044715);

template <class Real>
Real sigmoid(Real x) {
  return Real{1} / (Real{1} + std::exp(-x));
}

}  // namespace

template <class Real>
void gelu_forward_reference(std::int64_t n, const Real* x, Real* y) {
  for (std::int64_t i = 0; i < n; ++i) {
    const Real v = kRootTwoOverPi<Real> * (x[i] + kCubic<Real> * x[i] * x[i] * x[i]);
    y[i] = x[i] / 2 * (1 + std::tanh(v));
  }
}
template void gelu_forward_reference(std::int64_t, const double*, double*);
template void gelu_forward_reference(std::int64_t, const float*, float*);

template <class Real>
void gelu_backward_reference(std::int64_t n, const Real* x, const Real* dy, Real* dx) {
  for (std::int64_t i = 0; i < n; ++i) {
    const Real v = kRootTwoOverPi<Real> * (x[i] + kCubic<Real> * x[i] * x[i] * x[i]);
    const Real slope = kRootTwoOverPi<Real> * (1 + 3 * kCubic<Real> * x[i] * x[i]);
    const Real t = std::tanh(v);
    dx[i] = dy[i] * ((1 + t) / 2 + x[i] / 2 * (1 - t * t) * slope);
  }
}
template void gelu_backward_reference(std::int64_t, const double*, const double*, double*);
template void gelu_backward_reference(std::int64_t, const float*, const float*, float*);

template <class Real>
void swiglu_forward_reference(std::int64_t rows, std::int64_t width, const Real* gate_up, Real* y) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const Real* gate = gate_up + row * 2 * width;
    const Real* up = gate + width;
    for (std::int64_t i = 0; i < width; ++i) {
      y[row * width + i] = gate[i] * sigmoid(gate[i]) * up[i];
    }
  }
}
template void swiglu_forward_reference(std::int64_t, std::int64_t, const double*, double*);
template void swiglu_forward_reference(std::int64_t, std::int64_t, const float*, float*);

template <class Real>
void swiglu_backward_reference(std::int64_t rows, std::int64_t width, const Real* gate_up,
                               const Real* dy, Real* dgate_up) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const Real* gate = gate_up + row * 2 * width;
    const Real* up = gate + width;
    Real* dgate = dgate_up + row * 2 * width;
    Real* dup = dgate + width;
    for (std::int64_t i = 0; i < width; ++i) {
      const Real s = sigmoid(gate[i]);
      const Real d = dy[row * width + i];
      dup[i] = d * gate[i] * s;
      dgate[i] = d * up[i] * (s + gate[i] * s * (1 - s));
    }
  }
}
template void swiglu_backward_reference(std::int64_t, std::int64_t, const double*, const double*,
                                        double*);
template void swiglu_backward_reference(std::int64_t, std::int64_t, const float*, const float*,
                                        float*);

}  // namespace assay::activation
