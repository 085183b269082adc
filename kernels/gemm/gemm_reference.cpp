#include "kernels/gemm/gemm.h"

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

}  // namespace assay::gemm
