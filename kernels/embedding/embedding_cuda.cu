#include "kernels/cuda/device_code/pack.cuh"
#include "kernels/embedding/embedding_cuda.h"
#include "kernels/embedding/token_gradient.cuh"
#include "kernels/embedding/token_order.cuh"

namespace assay::embedding {
namespace {

using cuda::kPackedElements;
using cuda::load_pack;
using cuda::Pack;
using cuda::store_pack;

/// A place (t, column) of the position table: each thread has one, N columns wide. t is kept beside
/// the rows in flight, where a second register for it makes ptxas spill on sm_100.
struct Place {
  int t;
  std::int64_t column;

  __device__ __forceinline__ Place(const Shape& shape, int n) {
    const std::int64_t thread = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
    const std::int64_t packs = shape.width / n;
    t = static_cast<int>(thread / packs);
    column = (thread - t * packs) * n;
  }
};

template <int N, class T>
__device__ __forceinline__ void forward(const Shape& shape, int batches, const std::int32_t* tokens,
                                        const T* wte, const T* wpe, T* x) {
  const Place place(shape, N);
  if (place.t >= shape.sequence) return;
  Pack<T, N> shift = {};
  if (wpe != nullptr) shift = load_pack<N>(wpe + place.t * shape.width + place.column);
  const int first_batch = static_cast<int>(blockIdx.y) * batches;
  const int all_batches = static_cast<int>(shape.batch);
  const int last_batch = first_batch + batches < all_batches ? first_batch + batches : all_batches;
  for (int b = first_batch; b < last_batch; b += kRowsInFlight) {
    Pack<T, N> rows[kRowsInFlight];
#pragma unroll
    for (int k = 0; k < kRowsInFlight; ++k) {
      if (b + k < last_batch) {
        const std::int64_t token = tokens[(b + k) * shape.sequence + place.t];
        rows[k] = load_pack<N>(wte + token * shape.width + place.column);
      }
    }
#pragma unroll
    for (int k = 0; k < kRowsInFlight; ++k) {
      if (b + k >= last_batch) break;
      if (wpe != nullptr) {
#pragma unroll
        for (int i = 0; i < N; ++i) {
          rows[k].element[i] =
              from_float<T>(to_float(rows[k].element[i]) + to_float(shift.element[i]));
        }
      }
      const std::int64_t position = (b + k) * shape.sequence + place.t;
      store_pack(x + position * shape.width + place.column, rows[k]);
    }
  }
}

template <int N, class T>
__device__ __forceinline__ void position_backward(const Shape& shape, const T* dx, float* dwpe) {
  const Place place(shape, N);
  if (place.t >= shape.sequence) return;
  const std::int64_t at = place.t * shape.width + place.column;
  const std::int64_t batch_stride = shape.sequence * shape.width;
  float sums[N] = {};
  for (std::int64_t b = 0; b < shape.batch; b += kRowsInFlight) {
    Pack<T, N> rows[kRowsInFlight] = {};
#pragma unroll
    for (int k = 0; k < kRowsInFlight; ++k) {
      if (b + k < shape.batch) rows[k] = load_pack<N>(dx + (b + k) * batch_stride + at);
    }
#pragma unroll
    for (int k = 0; k < kRowsInFlight; ++k) {
#pragma unroll
      for (int i = 0; i < N; ++i) sums[i] += to_float(rows[k].element[i]);
    }
  }
  add_floats(dwpe + at, sums);
}

}  // namespace

extern "C" {

__global__ __launch_bounds__(kThreads) void embedding_forward_bf16(Shape shape, int batches,
                                                                   const std::int32_t* tokens,
                                                                   const Bf16* wte, const Bf16* wpe,
                                                                   Bf16* x) {
  forward<kPackedElements<Bf16>>(shape, batches, tokens, wte, wpe, x);
}
__global__ __launch_bounds__(kThreads) void embedding_forward_fp32(Shape shape, int batches,
                                                                   const std::int32_t* tokens,
                                                                   const float* wte,
                                                                   const float* wpe, float* x) {
  forward<kPackedElements<float>>(shape, batches, tokens, wte, wpe, x);
}
__global__ __launch_bounds__(kThreads) void embedding_forward_bf16_any(Shape shape, int batches,
                                                                       const std::int32_t* tokens,
                                                                       const Bf16* wte,
                                                                       const Bf16* wpe, Bf16* x) {
  forward<1>(shape, batches, tokens, wte, wpe, x);
}
__global__ __launch_bounds__(kThreads) void embedding_forward_fp32_any(Shape shape, int batches,
                                                                       const std::int32_t* tokens,
                                                                       const float* wte,
                                                                       const float* wpe, float* x) {
  forward<1>(shape, batches, tokens, wte, wpe, x);
}
__global__ __launch_bounds__(kThreads) void embedding_position_backward_bf16(Shape shape,
                                                                             const Bf16* dx,
                                                                             float* dwpe) {
  position_backward<kPackedElements<Bf16>>(shape, dx, dwpe);
}
__global__ __launch_bounds__(kThreads) void embedding_position_backward_fp32(Shape shape,
                                                                             const float* dx,
                                                                             float* dwpe) {
  position_backward<kPackedElements<float>>(shape, dx, dwpe);
}
__global__ __launch_bounds__(kThreads) void embedding_position_backward_bf16_any(Shape shape,
                                                                                 const Bf16* dx,
                                                                                 float* dwpe) {
  position_backward<1>(shape, dx, dwpe);
}
__global__ __launch_bounds__(kThreads) void embedding_position_backward_fp32_any(Shape shape,
                                                                                 const float* dx,
                                                                                 float* dwpe) {
  position_backward<1>(shape, dx, dwpe);
}
__global__ __launch_bounds__(kThreads) void embedding_token_backward_bf16(
    Shape shape, const Occurrence* ordered, const Bf16* dx, float* dwte, float* parts) {
  token_backward<kPackedElements<Bf16>>(shape, ordered, dx, dwte, parts);
}
__global__ __launch_bounds__(kThreads) void embedding_token_backward_fp32(
    Shape shape, const Occurrence* ordered, const float* dx, float* dwte, float* parts) {
  token_backward<kPackedElements<float>>(shape, ordered, dx, dwte, parts);
}
__global__ __launch_bounds__(kThreads) void embedding_token_backward_bf16_any(
    Shape shape, const Occurrence* ordered, const Bf16* dx, float* dwte, float* parts) {
  token_backward<1>(shape, ordered, dx, dwte, parts);
}
__global__ __launch_bounds__(kThreads) void embedding_token_backward_fp32_any(
    Shape shape, const Occurrence* ordered, const float* dx, float* dwte, float* parts) {
  token_backward<1>(shape, ordered, dx, dwte, parts);
}
__global__ __launch_bounds__(kOrderThreads) void embedding_order(Shape shape, int group_bits,
                                                                 const std::int32_t* tokens,
                                                                 Occurrence* ordered) {
  order(shape, group_bits, tokens, ordered);
}
__global__ __launch_bounds__(kThreads) void embedding_join(Shape shape, const Occurrence* ordered,
                                                           const float* parts, float* dwte) {
  join<4>(shape, ordered, parts, dwte);
}
__global__ __launch_bounds__(kThreads) void embedding_join_any(Shape shape,
                                                               const Occurrence* ordered,
                                                               const float* parts, float* dwte) {
  join<1>(shape, ordered, parts, dwte);
}

}  // extern "C"

}  // namespace assay::embedding
