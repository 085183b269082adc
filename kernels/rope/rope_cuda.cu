#include "kernels/cuda/device_code/pack.cuh"
#include "kernels/rope/rope_cuda.h"

namespace assay::rope {
namespace {

using cuda::kPackedElements;
using cuda::load_pack;
using cuda::Pack;
using cuda::store_pack;

/// The cosines and sines of N neighbouring pairs of a token.
template <int N>
struct Angles {
  float cosine[N];
  float sine[N];

  /// `pairs`: N times cosine, sine. Direction: 1 or -1, the sign of the angle.
  __device__ __forceinline__ Angles(const float* pairs, float direction) {
    float value[2 * N];
    cuda::load_floats(pairs, value);
#pragma unroll
    for (int i = 0; i < N; ++i) {
      cosine[i] = value[2 * i];
      sine[i] = direction * value[2 * i + 1];
    }
  }
};

/// Rotates N pairs: a from the first half of a head, b from the second.
template <int N, class T>
__device__ __forceinline__ void rotate(const Angles<N>& angles, Pack<T, N>& a, Pack<T, N>& b) {
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const float first = to_float(a.element[i]);
    const float second = to_float(b.element[i]);
    a.element[i] = from_float<T>(first * angles.cosine[i] - second * angles.sine[i]);
    b.element[i] = from_float<T>(second * angles.cosine[i] + first * angles.sine[i]);
  }
}

/// One thread's columns of one token, in its share of the heads.
template <int N, class T>
__device__ __forceinline__ void rotate_heads(const Shape& shape, int heads, const float* table,
                                             float direction, T* x) {
  const std::int64_t half = shape.head_size / 2;
  const std::int64_t packs = half / N;
  const std::int64_t thread = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  const std::int64_t token = thread / packs;
  if (token >= shape.batch * shape.sequence) return;
  const std::int64_t column = (thread - token * packs) * N;
  const std::int64_t position = token % shape.sequence;
  const Angles<N> angles(table + (position * half + column) * 2, direction);

  const int first_head = static_cast<int>(blockIdx.y) * heads;
  const int all_heads = static_cast<int>(shape.heads);
  const int last_head = first_head + heads < all_heads ? first_head + heads : all_heads;
  T* const row = x + token * shape.row_stride + column;
  for (int head = first_head; head < last_head; head += kHeadsInFlight) {
    T* const at = row + head * shape.head_size;
    Pack<T, N> a[kHeadsInFlight];
    Pack<T, N> b[kHeadsInFlight];
#pragma unroll
    for (int k = 0; k < kHeadsInFlight; ++k) {
      if (head + k < last_head) {
        a[k] = load_pack<N>(at + k * shape.head_size);
        b[k] = load_pack<N>(at + k * shape.head_size + half);
      }
    }
#pragma unroll
    for (int k = 0; k < kHeadsInFlight; ++k) {
      if (head + k < last_head) {
        rotate(angles, a[k], b[k]);
        store_pack(at + k * shape.head_size, a[k]);
        store_pack(at + k * shape.head_size + half, b[k]);
      }
    }
  }
}

constexpr float kForward = 1.0F;
constexpr float kBackward = -1.0F;

}  // namespace

extern "C" {

__global__ __launch_bounds__(kThreads) void rope_forward_bf16(Shape shape, int heads,
                                                              const float* table, Bf16* x) {
  rotate_heads<kPackedElements<Bf16>>(shape, heads, table, kForward, x);
}
__global__ __launch_bounds__(kThreads) void rope_forward_fp32(Shape shape, int heads,
                                                              const float* table, float* x) {
  rotate_heads<kPackedElements<float>>(shape, heads, table, kForward, x);
}
__global__ __launch_bounds__(kThreads) void rope_forward_bf16_any(Shape shape, int heads,
                                                                  const float* table, Bf16* x) {
  rotate_heads<1>(shape, heads, table, kForward, x);
}
__global__ __launch_bounds__(kThreads) void rope_forward_fp32_any(Shape shape, int heads,
                                                                  const float* table, float* x) {
  rotate_heads<1>(shape, heads, table, kForward, x);
}
__global__ __launch_bounds__(kThreads) void rope_backward_bf16(Shape shape, int heads,
                                                               const float* table, Bf16* dx) {
  rotate_heads<kPackedElements<Bf16>>(shape, heads, table, kBackward, dx);
}
__global__ __launch_bounds__(kThreads) void rope_backward_fp32(Shape shape, int heads,
                                                               const float* table, float* dx) {
  rotate_heads<kPackedElements<float>>(shape, heads, table, kBackward, dx);
}
__global__ __launch_bounds__(kThreads) void rope_backward_bf16_any(Shape shape, int heads,
                                                                   const float* table, Bf16* dx) {
  rotate_heads<1>(shape, heads, table, kBackward, dx);
}
__global__ __launch_bounds__(kThreads) void rope_backward_fp32_any(Shape shape, int heads,
                                                                   const float* table, float* dx) {
  rotate_heads<1>(shape, heads, table, kBackward, dx);
}

}  // extern "C"

}  // namespace assay::rope
