#include "base/philox.h"
#include "kernels/cuda/device_code/pack.cuh"
#include "kernels/random/box_muller.h"
#include "kernels/random/random_cuda.h"

namespace assay::random {
namespace {

using cuda::kPackedElements;
using cuda::Pack;

/// The draw, read once for the block.
__device__ __forceinline__ Draw block_draw(const Draw* draw) {
  __shared__ Draw shared;
  if (threadIdx.x == 0) shared = *draw;
  __syncthreads();
  return shared;
}

/// Fills out[0, n); `four` writes the elements of one Philox block.
template <class T, class Four>
__device__ __forceinline__ void fill(const Draw* draw_in_memory, std::int64_t n, T* out,
                                     const Four& four) {
  constexpr int kElements = kPackedElements<T>;
  const Draw draw = block_draw(draw_in_memory);
  const bool whole_packs = reinterpret_cast<std::uintptr_t>(out) % 16 == 0;
#pragma unroll 1
  for (int k = 0; k < kPacksPerThread; ++k) {
    const std::int64_t pack =
        (std::int64_t{blockIdx.x} * kPacksPerThread + k) * kThreads + threadIdx.x;
    const std::int64_t first = pack * kElements;
    if (first >= n) return;
    Pack<T, kElements> values;
#pragma unroll
    for (int i = 0; i < kElements; i += 4) {
      four(philox(draw.key, static_cast<std::uint64_t>((first + i) / 4), draw.stream),
           values.element + i);
    }
    if (whole_packs && first + kElements <= n) {
      cuda::store_pack(out + first, values);
    } else {
#pragma unroll
      for (int i = 0; i < kElements; ++i) {
        if (first + i < n) out[first + i] = values.element[i];
      }
    }
  }
}

template <class T>
__device__ __forceinline__ void normal(const Draw* draw, float mean, float deviation,
                                       std::int64_t n, T* out) {
  fill(draw, n, out, [=](const Philox4& random, T* four) {
#pragma unroll
    for (int pair = 0; pair < 4; pair += 2) {
      const float radius = deviation * sqrtf(minus_two_log_uniform(random.word[pair]));
      const Turn angle = turn(random.word[pair + 1]);
      four[pair] = from_float<T>(mean + radius * angle.cosine);
      four[pair + 1] = from_float<T>(mean + radius * angle.sine);
    }
  });
}

}  // namespace

extern "C" {

__global__ __launch_bounds__(kThreads) void random_normal_bf16(const Draw* draw, float mean,
                                                               float deviation, std::int64_t n,
                                                               Bf16* out) {
  normal(draw, mean, deviation, n, out);
}
__global__ __launch_bounds__(kThreads) void random_normal_fp32(const Draw* draw, float mean,
                                                               float deviation, std::int64_t n,
                                                               float* out) {
  normal(draw, mean, deviation, n, out);
}
__global__ __launch_bounds__(kThreads) void random_integers(const Draw* draw, std::int32_t low,
                                                            std::int32_t high, std::int64_t n,
                                                            std::int32_t* out) {
  const auto count = static_cast<std::uint64_t>(std::int64_t{high} - low + 1);
  fill(draw, n, out, [=](const Philox4& random, std::int32_t* four) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t scaled = std::uint64_t{random.word[i]} * count >> 32;
      four[i] = static_cast<std::int32_t>(low + static_cast<std::int64_t>(scaled));
    }
  });
}
__global__ void random_advance(Draw* draw) {
  ++draw->stream;
}

}  // extern "C"

}  // namespace assay::random
