#include <algorithm>
#include <vector>

#include "kernels/activation/activation.h"
#include "kernels/gemm/operation.h"

namespace assay::gemm {

template <class Real>
void product_reference(const Product& product, const Real* a, const Real* b, const Real* bias,
                       Real* d) {
  // Strides of one step along m, k and n.
  const std::int64_t a_row = product.a_transposed ? 1 : product.k;
  const std::int64_t a_column = product.a_transposed ? product.m : 1;
  const std::int64_t b_row = product.b_transposed ? 1 : product.n;
  const std::int64_t b_column = product.b_transposed ? product.k : 1;
  for (std::int64_t i = 0; i < product.m; ++i) {
    for (std::int64_t j = 0; j < product.n; ++j) {
      Real sum = 0;
      for (std::int64_t l = 0; l < product.k; ++l) {
        sum += a[i * a_row + l * a_column] * b[l * b_row + j * b_column];
      }
      if (bias != nullptr) sum += bias[j];
      Real& out = d[i * product.n + j];
      out = product.accumulate ? out + sum : sum;
    }
  }
}
template void product_reference(const Product&, const float*, const float*, const float*, float*);
template void product_reference(const Product&, const double*, const double*, const double*,
                                double*);

template <class Real>
void operation_reference(const Operation& operation, const ReferenceOperands<Real>& operands) {
  const auto& [product, activation, bias_gradient] = operation;
  const std::int64_t size = product.m * product.n;
  std::vector<Real> sums(static_cast<std::size_t>(size));
  Product plain = product;
  plain.accumulate = false;
  product_reference<Real>(plain, operands.a, operands.b, nullptr, sums.data());
  for (std::int64_t i = 0; i < size; ++i) {
    Real& sum = sums[static_cast<std::size_t>(i)];
    sum *= operands.scale;
    if (operands.bias != nullptr) sum += operands.bias[i % product.n];
  }
  if (activation == Activation::gelu_gradient) {
    activation::gelu_backward_reference(size, operands.saved, sums.data(), operands.d);
  } else if (activation != Activation::none) {
    activation::gelu_forward_reference(size, sums.data(), operands.d);
    if (has_saved(operation)) std::copy(sums.begin(), sums.end(), operands.saved);
  } else {
    for (std::int64_t i = 0; i < size; ++i) {
      const Real sum = sums[static_cast<std::size_t>(i)];
      operands.d[i] = product.accumulate ? operands.d[i] + sum : sum;
    }
  }
  if (!bias_gradient) return;
  const bool of_output = activation == Activation::gelu_gradient;
  const std::int64_t width = of_output ? product.n : product.m;
  const std::int64_t rows = of_output ? product.m : product.k;
  for (std::int64_t i = 0; i < width; ++i) {
    Real sum = 0;
    for (std::int64_t row = 0; row < rows; ++row) {
      sum += of_output ? operands.d[row * width + i] : operands.a[row * width + i];
    }
    operands.bias_gradient[i] = sum;
  }
}
template void operation_reference(const Operation&, const ReferenceOperands<float>&);
template void operation_reference(const Operation&, const ReferenceOperands<double>&);

}  // namespace assay::gemm
