#include <algorithm>
#include <cmath>

#include "kernels/cross_entropy/cross_entropy.h"

namespace assay::cross_entropy {

template <class Real>
void forward_backward_reference(const Shape& shape, const std::int32_t* targets, Real scale,
                                Real* logits, Real* losses) {
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    Real* z = logits + row * shape.row_stride;
    const std::int32_t target = targets[row];
    const Real largest = *std::max_element(z, z + shape.vocabulary);
    Real sum = 0;
    for (std::int64_t v = 0; v < shape.vocabulary; ++v) sum += std::exp(z[v] - largest);
    losses[row] = std::log(sum) + largest - z[target];
    for (std::int64_t v = 0; v < shape.vocabulary; ++v) {
      const Real softmax = std::exp(z[v] - largest) / sum;
      z[v] = scale * (softmax - (v == target ? Real{1} : Real{0}));
    }
    std::fill(z + shape.vocabulary, z + shape.row_stride, Real{0});
  }
}
template void forward_backward_reference(const Shape&, const std::int32_t*, double, double*,
                                         double*);
template void forward_backward_reference(const Shape&, const std::int32_t*, float, float*, float*);

}  // namespace assay::cross_entropy
