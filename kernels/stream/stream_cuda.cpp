#include "kernels/stream/stream_cuda.h"

#include "kernels/cuda/alignment.h"

namespace assay::stream {
namespace {

using cuda::launch;

cuda::Geometry geometry(std::int64_t n, bool any_width) {
  const std::int64_t pack = any_width ? 1 : 2;
  return {.grid = {cuda::blocks_for(n, kThreads * kPacksPerThread * pack)}, .block = {kThreads}};
}

}  // namespace

void copy(const cuda::Stream& stream, std::int64_t n, const double* b, double* a) {
  const bool any_width = !cuda::rows_are_packed<double>(n, {b, a});
  const cuda::Geometry where = geometry(n, any_width);
  any_width ? launch<stream_copy_fp64_any>(stream, where, n, b, a)
            : launch<stream_copy_fp64>(stream, where, n, b, a);
}

void triad(const cuda::Stream& stream, std::int64_t n, double scale, const double* b,
           const double* c, double* a) {
  const bool any_width = !cuda::rows_are_packed<double>(n, {b, c, a});
  const cuda::Geometry where = geometry(n, any_width);
  any_width ? launch<stream_triad_fp64_any>(stream, where, n, scale, b, c, a)
            : launch<stream_triad_fp64>(stream, where, n, scale, b, c, a);
}

}  // namespace assay::stream
