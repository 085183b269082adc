#include <immintrin.h>

#include "base/host_device.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/stream/stream.h"

namespace assay::stream {
namespace {

// One vector register of doubles and its store past the caches. The intrinsics are always inlined.
#if defined(__AVX512F__)
constexpr std::int64_t kDoubles = 8;
using Vector [[gnu::vector_size(64)]] = double;
ASSAY_HOST_DEVICE void stream_store(double* to, Vector value) {
  _mm512_stream_pd(to, value);
}
#elif defined(__AVX__)
constexpr std::int64_t kDoubles = 4;
using Vector [[gnu::vector_size(32)]] = double;
ASSAY_HOST_DEVICE void stream_store(double* to, Vector value) {
  _mm256_stream_pd(to, value);
}
#else
constexpr std::int64_t kDoubles = 2;
using Vector [[gnu::vector_size(16)]] = double;
ASSAY_HOST_DEVICE void stream_store(double* to, Vector value) {
  _mm_stream_pd(to, value);
}
#endif

constexpr std::int64_t kBlock = 512;  // doubles: one page, which a thread fills alone

ASSAY_HOST_DEVICE Vector load(const double* from) {
  Vector value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

/// a[i..] = compute(i), a vector at a time, and by tail(i) at the end; a is aligned to 64 bytes.
template <class Compute, class Tail>
[[gnu::always_inline]] inline void write_all(std::int64_t n, double* a, const Compute& compute,
                                             const Tail& tail) {
  const std::int64_t blocks = n / kBlock;
#pragma omp parallel
  {
#pragma omp for schedule(static) nowait
    for (std::int64_t block = 0; block < blocks; ++block) {
      const std::int64_t first = block * kBlock;
#pragma GCC unroll 4
      for (std::int64_t i = first; i < first + kBlock; i += kDoubles) {
        stream_store(a + i, compute(i));
      }
    }
    // Streaming stores are weakly ordered: the barrier that ends the region must follow them.
    _mm_sfence();
  }
  for (std::int64_t i = blocks * kBlock; i < n; ++i) a[i] = tail(i);
}

void copy(std::int64_t n, const double* b, double* a) {
  write_all(
      n, a, [=](std::int64_t i) { return load(b + i); }, [=](std::int64_t i) { return b[i]; });
}

void triad(std::int64_t n, double scale, const double* b, const double* c, double* a) {
  write_all(
      n, a, [=](std::int64_t i) { return load(b + i) + scale * load(c + i); },
      [=](std::int64_t i) { return b[i] + scale * c[i]; });
}

constexpr CpuKernels kKernels = {copy, triad};

}  // namespace
}  // namespace assay::stream

namespace assay {

template <>
const stream::CpuKernels& kernels_at<stream::CpuKernels, kBuildLevel>() {
  return stream::kKernels;
}

}  // namespace assay
