#include <cmath>

#include "kernels/norm/norm.h"

namespace assay::norm {
namespace {

template <class Real>
struct Statistics {
  Real mean = 0;
  Real rstd = 0;
};

template <class Real>
Statistics<Real> statistics(const Real* row, std::int64_t width, bool centred) {
  Statistics<Real> result;
  if (centred) {
    for (std::int64_t i = 0; i < width; ++i) result.mean += row[i];
    result.mean /= static_cast<Real>(width);
  }
  Real variance = 0;
  for (std::int64_t i = 0; i < width; ++i) {
    variance += (row[i] - result.mean) * (row[i] - result.mean);
  }
  variance /= static_cast<Real>(width);
  result.rstd = Real{1} / std::sqrt(variance + static_cast<Real>(kEpsilon));
  return result;
}

template <class Real>
void forward(const Shape& shape, const ReferenceForward<Real>& operands, bool centred) {
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    const Real* s = operands.x + row * shape.width;
    if (operands.residual != nullptr) {
      Real* sum = operands.sum + row * shape.width;
      for (std::int64_t i = 0; i < shape.width; ++i) {
        sum[i] = s[i] + operands.residual[row * shape.width + i];
      }
      s = sum;
    }
    const auto [mean, rstd] = statistics(s, shape.width, centred);
    for (std::int64_t i = 0; i < shape.width; ++i) {
      const Real beta = centred ? operands.beta[i] : Real{0};
      operands.y[row * shape.width + i] = operands.gamma[i] * (s[i] - mean) * rstd + beta;
    }
  }
}

template <class Real>
void backward(const Shape& shape, const ReferenceBackward<Real>& operands, bool centred) {
  const auto width = static_cast<Real>(shape.width);
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    const Real* s = operands.sum + row * shape.width;
    const Real* dy = operands.dy + row * shape.width;
    const auto [mean, rstd] = statistics(s, shape.width, centred);
    Real mean_g = 0;
    Real mean_gh = 0;
    for (std::int64_t i = 0; i < shape.width; ++i) {
      const Real h = (s[i] - mean) * rstd;
      const Real g = dy[i] * operands.gamma[i];
      mean_g += g / width;
      mean_gh += g * h / width;
      operands.dgamma[i] += dy[i] * h;
      if (centred) operands.dbeta[i] += dy[i];
    }
    if (!centred) mean_g = 0;
    for (std::int64_t i = 0; i < shape.width; ++i) {
      const Real h = (s[i] - mean) * rstd;
      const Real g = dy[i] * operands.gamma[i];
      const Real through =
          operands.dsum != nullptr ? operands.dsum[row * shape.width + i] : Real{0};
      operands.dx[row * shape.width + i] = rstd * (g - mean_g - h * mean_gh) + through;
    }
  }
}

}  // namespace

template <class Real>
void layernorm_forward_reference(const Shape& shape, const ReferenceForward<Real>& operands) {
  forward(shape, operands, true);
}
template void layernorm_forward_reference(const Shape&, const ReferenceForward<double>&);
template void layernorm_forward_reference(const Shape&, const ReferenceForward<float>&);

template <class Real>
void layernorm_backward_reference(const Shape& shape, const ReferenceBackward<Real>& operands) {
  backward(shape, operands, true);
}
template void layernorm_backward_reference(const Shape&, const ReferenceBackward<double>&);
template void layernorm_backward_reference(const Shape&, const ReferenceBackward<float>&);

template <class Real>
void rmsnorm_forward_reference(const Shape& shape, const ReferenceForward<Real>& operands) {
  forward(shape, operands, false);
}
template void rmsnorm_forward_reference(const Shape&, const ReferenceForward<double>&);
template void rmsnorm_forward_reference(const Shape&, const ReferenceForward<float>&);

template <class Real>
void rmsnorm_backward_reference(const Shape& shape, const ReferenceBackward<Real>& operands) {
  backward(shape, operands, false);
}
template void rmsnorm_backward_reference(const Shape&, const ReferenceBackward<double>&);
template void rmsnorm_backward_reference(const Shape&, const ReferenceBackward<float>&);

}  // namespace assay::norm
