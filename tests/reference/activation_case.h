#pragma once
/// One problem of the activations with its inputs, and the check of whatever computed it against
/// the definition: CPU levels (activation_test.cpp) and CUDA kernels (ptx/activation_cuda_test.cpp)
/// alike.
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/activation/activation.h"
#include "kernels/compare.h"
#include "kernels/inputs.h"

namespace assay::activation {

/// GELU takes the first half of gate_up.
template <class T>
struct Case {
  std::int64_t rows, width;
  std::vector<T> gate_up, dy;

  Case(std::int64_t row_count, std::int64_t row_width)
      : rows(row_count),
        width(row_width),
        gate_up(normal_input<T>(5, 1, 2 * rows * width, 0.0, 2.0)),
        dy(normal_input<T>(5, 2, rows * width)) {}
};

template <class T>
struct Outputs {
  std::vector<T> gelu, gelu_dx, swiglu, swiglu_dx;

  template <class Input>
  explicit Outputs(const Case<Input>& c)
      : gelu(c.dy.size()), gelu_dx(c.dy.size()), swiglu(c.dy.size()), swiglu_dx(c.gate_up.size()) {}
};

/// The definition's outputs. `convert` widens inputs to Real.
template <class T, class Convert>
auto defined(const Case<T>& c, const Convert& convert) {
  const auto gate_up = convert(c.gate_up), dy = convert(c.dy);
  Outputs<typename decltype(convert(c.dy))::value_type> out(c);
  gelu_forward_reference(c.rows * c.width, gate_up.data(), out.gelu.data());
  gelu_backward_reference(c.rows * c.width, gate_up.data(), dy.data(), out.gelu_dx.data());
  swiglu_forward_reference(c.rows, c.width, gate_up.data(), out.swiglu.data());
  swiglu_backward_reference(c.rows, c.width, gate_up.data(), dy.data(), out.swiglu_dx.data());
  return out;
}

template <class T>
std::vector<Check> checks(const Case<T>& c, const Outputs<T>& output) {
  const auto exact = defined(c, to_double<T>);
  const auto control = defined(c, to_single<T>);
  return {
      compare_with_control("gelu", to_double(output.gelu), stored_as<T>(control.gelu), exact.gelu),
      compare_with_control("gelu dx", to_double(output.gelu_dx), stored_as<T>(control.gelu_dx),
                           exact.gelu_dx),
      compare_with_control("swiglu", to_double(output.swiglu), stored_as<T>(control.swiglu),
                           exact.swiglu),
      compare_with_control("swiglu dx", to_double(output.swiglu_dx),
                           stored_as<T>(control.swiglu_dx), exact.swiglu_dx)};
}

/// Arguments far out.
inline std::vector<float> far_arguments() {
  return {-1e4F, -50.0F, 0.0F, 50.0F, 1e4F, std::numeric_limits<float>::quiet_NaN()};
}

/// GELU of far_arguments() and its derivative there against their limits: 0 and x, 0 and 1; NaN
/// stays NaN.
inline std::vector<Check> far_checks(const std::vector<float>& y, const std::vector<float>& dx) {
  const std::vector<float> x = far_arguments();
  const std::vector<float> slope{0.0F, 0.0F, 0.5F, 1.0F, 1.0F};
  std::vector<Check> all;
  for (std::size_t i = 0; i < slope.size(); ++i) {
    const double bound = x[i] < 0.0F ? 1e-20 : 0.0;  // the exponential's smallest is not 0 on a CPU
    const float limit = x[i] < 0.0F ? 0.0F : x[i];
    all.push_back({"y", std::abs(static_cast<double>(y[i] - limit)), bound});
    all.push_back({"dx", std::abs(static_cast<double>(dx[i] - slope[i])), bound});
  }
  const bool both = std::isnan(y.back()) && std::isnan(dx.back());
  all.push_back({"NaN stays NaN", both ? 0.0 : 1.0, 0.0});
  return all;
}

}  // namespace assay::activation
