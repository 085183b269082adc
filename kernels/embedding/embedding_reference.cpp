#include "kernels/embedding/embedding.h"

namespace assay::embedding {

template <class Real>
void forward_reference(const Shape& shape, const std::int32_t* tokens, const Real* wte,
                       const Real* wpe, Real* x) {
  for (std::int64_t b = 0; b < shape.batch; ++b) {
    for (std::int64_t t = 0; t < shape.sequence; ++t) {
      const std::int64_t position = b * shape.sequence + t;
      for (std::int64_t i = 0; i < shape.width; ++i) {
        const Real place = wpe != nullptr ? wpe[t * shape.width + i] : Real{0};
        x[position * shape.width + i] = wte[tokens[position] * shape.width + i] + place;
      }
    }
  }
}
template void forward_reference(const Shape&, const std::int32_t*, const double*, const double*,
                                double*);
template void forward_reference(const Shape&, const std::int32_t*, const float*, const float*,
                                float*);

template <class Real>
void backward_reference(const Shape& shape, const std::int32_t* tokens, const Real* dx, Real* dwte,
                        Real* dwpe) {
  for (std::int64_t b = 0; b < shape.batch; ++b) {
    for (std::int64_t t = 0; t < shape.sequence; ++t) {
      const std::int64_t position = b * shape.sequence + t;
      for (std::int64_t i = 0; i < shape.width; ++i) {
        dwte[tokens[position] * shape.width + i] += dx[position * shape.width + i];
        if (dwpe != nullptr) dwpe[t * shape.width + i] += dx[position * shape.width + i];
      }
    }
  }
}
template void backward_reference(const Shape&, const std::int32_t*, const double*, double*,
                                 double*);
template void backward_reference(const Shape&, const std::int32_t*, const float*, float*, float*);

}  // namespace assay::embedding
