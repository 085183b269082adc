#include "kernels/stream/stream.h"

namespace assay::stream {

void copy_reference(std::int64_t n, const double* b, double* a) {
  for (std::int64_t i = 0; i < n; ++i) a[i] = b[i];
}

void triad_reference(std::int64_t n, double scale, const double* b, const double* c, double* a) {
  for (std::int64_t i = 0; i < n; ++i) a[i] = b[i] + scale * c[i];
}

}  // namespace assay::stream
