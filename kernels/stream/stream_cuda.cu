#include "kernels/cuda/device_code/pack.cuh"
#include "kernels/cuda/device_code/stretch.cuh"
#include "kernels/stream/stream_cuda.h"

namespace assay::stream {
namespace {

using cuda::kPackedElements;
using cuda::load_pack;
using cuda::Pack;
using cuda::store_pack;
using cuda::StretchPacks;

template <int N>
__device__ __forceinline__ void copy(std::int64_t n, const double* b, double* a) {
  const StretchPacks<N, kPacksPerThread> packs(n);
  Pack<double, N> value[kPacksPerThread];
#pragma unroll
  for (int k = 0; k < kPacksPerThread; ++k) {
    if (packs.has(k)) value[k] = load_pack<N>(b + packs.element(k));
  }
#pragma unroll
  for (int k = 0; k < kPacksPerThread; ++k) {
    if (packs.has(k)) store_pack(a + packs.element(k), value[k]);
  }
}

template <int N>
__device__ __forceinline__ void triad(std::int64_t n, double scale, const double* b,
                                      const double* c, double* a) {
  const StretchPacks<N, kPacksPerThread> packs(n);
  Pack<double, N> sum[kPacksPerThread];
  Pack<double, N> scaled[kPacksPerThread];
#pragma unroll
  for (int k = 0; k < kPacksPerThread; ++k) {
    if (packs.has(k)) {
      sum[k] = load_pack<N>(b + packs.element(k));
      scaled[k] = load_pack<N>(c + packs.element(k));
    }
  }
#pragma unroll
  for (int k = 0; k < kPacksPerThread; ++k) {
    if (!packs.has(k)) continue;
#pragma unroll
    for (int i = 0; i < N; ++i) sum[k].element[i] += scale * scaled[k].element[i];
    store_pack(a + packs.element(k), sum[k]);
  }
}

}  // namespace

extern "C" {

__global__ __launch_bounds__(kThreads) void stream_copy_fp64(std::int64_t n, const double* b,
                                                             double* a) {
  copy<kPackedElements<double>>(n, b, a);
}
__global__ __launch_bounds__(kThreads) void stream_copy_fp64_any(std::int64_t n, const double* b,
                                                                 double* a) {
  copy<1>(n, b, a);
}
__global__ __launch_bounds__(kThreads) void stream_triad_fp64(std::int64_t n, double scale,
                                                              const double* b, const double* c,
                                                              double* a) {
  triad<kPackedElements<double>>(n, scale, b, c, a);
}
__global__ __launch_bounds__(kThreads) void stream_triad_fp64_any(std::int64_t n, double scale,
                                                                  const double* b, const double* c,
                                                                  double* a) {
  triad<1>(n, scale, b, c, a);
}

}  // extern "C"

}  // namespace assay::stream
