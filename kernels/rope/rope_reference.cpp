#include <cmath>

#include "kernels/rope/rope.h"

namespace assay::rope {
namespace {

/// Rotates by direction · angle.
template <class Real>
void rotate(const Shape& shape, double theta, double direction, Real* x) {
  const std::int64_t half = shape.head_size / 2;
  for (std::int64_t row = 0; row < shape.batch * shape.sequence; ++row) {
    const auto position = static_cast<double>(row % shape.sequence);
    for (std::int64_t head = 0; head < shape.heads; ++head) {
      Real* first = x + row * shape.row_stride + head * shape.head_size;
      Real* second = first + half;
      for (std::int64_t i = 0; i < half; ++i) {
        const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(2 * half);
        const double angle = direction * position * std::pow(theta, exponent);
        const auto cosine = static_cast<Real>(std::cos(angle));
        const auto sine = static_cast<Real>(std::sin(angle));
        const Real a = first[i];
        const Real b = second[i];
        first[i] = a * cosine - b * sine;
        second[i] = b * cosine + a * sine;
      }
    }
  }
}

}  // namespace

template <class Real>
void forward_reference(const Shape& shape, double theta, Real* x) {
  rotate(shape, theta, 1.0, x);
}
template void forward_reference(const Shape&, double, double*);
template void forward_reference(const Shape&, double, float*);

template <class Real>
void backward_reference(const Shape& shape, double theta, Real* dx) {
  rotate(shape, theta, -1.0, dx);
}
template void backward_reference(const Shape&, double, double*);
template void backward_reference(const Shape&, double, float*);

}  // namespace assay::rope
