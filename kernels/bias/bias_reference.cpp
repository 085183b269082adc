#include "kernels/bias/bias.h"

namespace assay::bias {

template <class Real>
void backward_reference(std::int64_t rows, std::int64_t width, const Real* dy, Real* dbias) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t i = 0; i < width; ++i) dbias[i] += dy[row * width + i];
  }
}
template void backward_reference(std::int64_t, std::int64_t, const double*, double*);
template void backward_reference(std::int64_t, std::int64_t, const float*, float*);

}  // namespace assay::bias
