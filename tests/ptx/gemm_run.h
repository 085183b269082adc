#pragma once
/// One operation with its inputs, run by a CudaPlan and compared with the definition.
#include <type_traits>
#include <vector>

#include "kernels/compare.h"
#include "kernels/gemm/gemm_cuda.h"
#include "kernels/gemm/gemm_workload.h"

namespace assay::gemm {

/// Out's values as float or double.
template <class Real, class T>
std::vector<Real> widened(const std::vector<T>& values) {
  std::vector<Real> wide;
  wide.reserve(values.size());
  for (const T value : values) {
    if constexpr (std::is_arithmetic_v<T>) {
      wide.push_back(static_cast<Real>(value));
    } else {
      wide.push_back(static_cast<Real>(to_float(value)));
    }
  }
  return wide;
}

/// `values` as they would be stored in T.
template <class T>
std::vector<double> stored(const std::vector<float>& values) {
  std::vector<T> narrow;
  for (const float value : values) {
    if constexpr (std::is_arithmetic_v<T>) {
      narrow.push_back(static_cast<T>(value));
    } else {
      narrow.push_back(from_float<T>(value));
    }
  }
  return widened<double>(narrow);
}

/// n small integers, whose products and sums are exact in FP64 and FP32.
template <class T>
std::vector<T> integers(std::uint64_t stream, std::int64_t n) {
  std::vector<T> values;
  for (const std::int32_t value : integer_input(11, stream, n, 17)) {
    values.push_back(static_cast<T>(value - 8));
  }
  return values;
}

/// The operands of an operation whose extents are all known.
template <class A, class B, class Out>
struct Problem {
  static constexpr bool kFp8 = std::is_same_v<A, Fp8E4m3> || std::is_same_v<A, Fp8E5m2>;
  using Bias = std::conditional_t<kFp8, Bf16, Out>;
  /// Sums of doubles have no control in a wider type, so their inputs make them exact.
  static constexpr bool kExact = std::is_same_v<A, double> || std::is_same_v<A, std::int8_t>;

  Operation operation;
  std::vector<A> a;
  std::vector<B> b;
  std::vector<Bias> bias;
  std::vector<Out> d, saved, bias_gradient;
  std::vector<float> a_scale, b_scale;

  explicit Problem(const Operation& which, bool scaled = false) : operation(which) {
    const auto& [product, activation, has_gradient] = operation;
    const std::int64_t outputs = product.m * product.n;
    a = inputs<A>(product.input, 1, product.m * product.k);
    b = inputs<B>(b_element(product), 2, product.k * product.n);
    if (product.bias) bias = inputs<Bias>(product.output, 3, product.n);
    d = inputs<Out>(product.output, 4, outputs);
    if (has_saved(operation)) saved = inputs<Out>(product.output, 5, outputs);
    const bool of_output = activation == Activation::gelu_gradient;
    if (has_gradient) {
      bias_gradient = inputs<Out>(product.output, 6, of_output ? product.n : product.m);
    }
    if (scaled) {
      a_scale = {0.25F};
      b_scale = {3.0F};
    }
  }

  template <class T>
  static std::vector<T> inputs(Element element, std::uint64_t stream, std::int64_t n) {
    if constexpr (kExact) {
      return integers<T>(stream, n);
    } else {
      return random_operand<T>(element, 11, stream, n);
    }
  }

  /// Enqueues it with a prepared plan, and takes the outputs to the host.
  struct Outputs {
    std::vector<Out> d, saved, bias_gradient;
  };
  Outputs run(const cuda::Stream& stream, CudaPlan& plan, bool choose,
              std::int64_t extent = 0) const {
    const cuda::Buffer<A> device_a(stream, a);
    const cuda::Buffer<B> device_b(stream, b);
    const cuda::Buffer<Bias> device_bias(stream, bias);
    const cuda::Buffer<float> device_a_scale(stream, a_scale), device_b_scale(stream, b_scale);
    const cuda::Buffer<Out> device_d(stream, d), device_saved(stream, saved),
        device_gradient(stream, bias_gradient);
    const Operands operands{device_a.data(),       device_b.data(),      device_bias.data(),
                            device_d.data(),       device_saved.data(),  device_gradient.data(),
                            device_a_scale.data(), device_b_scale.data()};
    if (choose) {  // on outputs of its own
      const cuda::Buffer<Out> other_d(stream, d), other_saved(stream, saved);
      Operands other = operands;
      other.d = other_d.data();
      if (!saved.empty()) other.saved = other_saved.data();
      plan.choose(stream, other, extent);
    }
    plan.run(stream, operands, extent);
    return {device_d.to_host(stream), device_saved.to_host(stream),
            device_gradient.to_host(stream)};
  }

  /// The definition's outputs, as Real.
  template <class Real>
  struct Defined {
    std::vector<Real> d, saved, bias_gradient;
  };
  template <class Real>
  Defined<Real> defined() const {
    Defined<Real> out{widened<Real>(d), widened<Real>(saved), widened<Real>(bias_gradient)};
    const auto wide_a = widened<Real>(a), wide_b = widened<Real>(b),
               wide_bias = widened<Real>(bias);
    ReferenceOperands<Real> operands;
    operands.a = wide_a.data();
    operands.b = wide_b.data();
    operands.bias = wide_bias.empty() ? nullptr : wide_bias.data();
    operands.d = out.d.data();
    operands.saved = out.saved.data();
    operands.bias_gradient = out.bias_gradient.data();
    if (!a_scale.empty()) operands.scale = static_cast<Real>(a_scale[0] * b_scale[0]);
    operation_reference(operation, operands);
    return out;
  }

  [[nodiscard]] std::vector<Check> checks(const Outputs& outputs) const {
    const auto exact = defined<double>();
    const auto control = defined<float>();
    const auto compared = [](const char* name, const std::vector<Out>& found,
                             const std::vector<float>& plain, const std::vector<double>& right) {
      Check check = compare_with_control(name, widened<double>(found), stored<Out>(plain), right);
      if (kExact) check.bound = 0.0;
      return check;
    };
    return {compared("d", outputs.d, control.d, exact.d),
            compared("saved", outputs.saved, control.saved, exact.saved),
            compared("bias_gradient", outputs.bias_gradient, control.bias_gradient,
                     exact.bias_gradient)};
  }
};

}  // namespace assay::gemm
