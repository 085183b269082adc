#include "kernels/cuda/device_code/pack.cuh"
#include "kernels/cuda/device_code/reduce.cuh"
#include "kernels/moe/moe_cuda.h"

namespace assay::moe {
namespace {

using cuda::kAllLanes;
using cuda::kPackedElements;
using cuda::kWarp;
using cuda::load_pack;
using cuda::Pack;
using cuda::store_pack;

/// A warp's token and where its slots' rows begin.
struct Token {
  int lane;
  std::int64_t index;
  bool exists;
  int top_k;
  std::int64_t width;
  std::int64_t row[kMaxTopK];

  __device__ Token(const Shape& shape, const std::int32_t* slot)
      : lane(static_cast<int>(threadIdx.x) % kWarp),
        index((std::int64_t{blockIdx.x} * kRowThreads + threadIdx.x) / kWarp),
        exists(index < shape.tokens),
        top_k(static_cast<int>(shape.top_k)),
        width(shape.width) {
    const int mine = of_choice(slot, 0);
#pragma unroll
    for (int j = 0; j < kMaxTopK; ++j) row[j] = __shfl_sync(kAllLanes, mine, j) * width;
  }
  /// values[token, lane] in the first top_k lanes, else `other`.
  template <class Value>
  __device__ __forceinline__ Value of_choice(const Value* values, Value other) const {
    return exists && lane < top_k ? values[index * top_k + lane] : other;
  }
  __device__ __forceinline__ std::int64_t own_row() const {
    return index * width;
  }
};

template <int N, class T>
__device__ __forceinline__ void scatter(const Shape& shape, const std::int32_t* slot, const T* rows,
                                        T* out) {
  const Token token(shape, slot);
  if (!token.exists) return;
  for (std::int64_t column = token.lane * N; column < token.width; column += kWarp * N) {
    const Pack<T, N> pack = load_pack<N>(rows + token.own_row() + column);
#pragma unroll
    for (int j = 0; j < kMaxTopK; ++j) {
      if (j < token.top_k) store_pack(out + token.row[j] + column, pack);
    }
  }
}

template <int N, class T>
__device__ __forceinline__ void gather(const Shape& shape, const std::int32_t* slot,
                                       const float* factor, const T* rows, const T* addend,
                                       T* out) {
  const Token token(shape, slot);
  const float mine = factor != nullptr ? token.of_choice(factor, 0.0F) : 1.0F;
  float scale[kMaxTopK];
#pragma unroll
  for (int j = 0; j < kMaxTopK; ++j) scale[j] = __shfl_sync(kAllLanes, mine, j);
  if (!token.exists) return;
  for (std::int64_t column = token.lane * N; column < token.width; column += kWarp * N) {
    Pack<T, N> sum = {};
    Pack<T, N> row[kMaxTopK];
    if (addend != nullptr) sum = load_pack<N>(addend + token.own_row() + column);
#pragma unroll
    for (int j = 0; j < kMaxTopK; ++j) {
      if (j < token.top_k) row[j] = load_pack<N>(rows + token.row[j] + column);
    }
    float total[N];
#pragma unroll
    for (int i = 0; i < N; ++i) total[i] = to_float(sum.element[i]);
#pragma unroll
    for (int j = 0; j < kMaxTopK; ++j) {
      if (j < token.top_k) {
#pragma unroll
        for (int i = 0; i < N; ++i) total[i] += scale[j] * to_float(row[j].element[i]);
      }
    }
#pragma unroll
    for (int i = 0; i < N; ++i) sum.element[i] = from_float<T>(total[i]);
    store_pack(out + token.own_row() + column, sum);
  }
}

template <int N, class T>
__device__ __forceinline__ void combine_backward(const Shape& shape, const std::int32_t* slot,
                                                 const float* weight, const T* ys, const T* dy,
                                                 T* dys, float* dweight) {
  const Token token(shape, slot);
  const float mine = token.of_choice(weight, 0.0F);
  float scale[kMaxTopK];
  float inner[kMaxTopK] = {};
#pragma unroll
  for (int j = 0; j < kMaxTopK; ++j) scale[j] = __shfl_sync(kAllLanes, mine, j);
  if (!token.exists) return;
  for (std::int64_t column = token.lane * N; column < token.width; column += kWarp * N) {
    const Pack<T, N> d = load_pack<N>(dy + token.own_row() + column);
    Pack<T, N> y[kMaxTopK];
#pragma unroll
    for (int j = 0; j < kMaxTopK; ++j) {
      if (j < token.top_k) y[j] = load_pack<N>(ys + token.row[j] + column);
    }
#pragma unroll
    for (int j = 0; j < kMaxTopK; ++j) {
      if (j < token.top_k) {
        Pack<T, N> out;
#pragma unroll
        for (int i = 0; i < N; ++i) {
          const float value = to_float(d.element[i]);
          out.element[i] = from_float<T>(scale[j] * value);
          inner[j] += value * to_float(y[j].element[i]);
        }
        store_pack(dys + token.row[j] + column, out);
      }
    }
  }
#pragma unroll
  for (int j = 0; j < kMaxTopK; ++j) {
    const float total = cuda::warp_reduce(inner[j], cuda::Add());
    if (j < token.top_k && token.lane == j) dweight[token.index * token.top_k + j] = total;
  }
}

}  // namespace

extern "C" {

__global__ __launch_bounds__(kRowThreads) void moe_scatter_bf16(Shape shape,
                                                                const std::int32_t* slot,
                                                                const Bf16* rows, Bf16* out) {
  scatter<kPackedElements<Bf16>>(shape, slot, rows, out);
}
__global__ __launch_bounds__(kRowThreads) void moe_scatter_fp32(Shape shape,
                                                                const std::int32_t* slot,
                                                                const float* rows, float* out) {
  scatter<kPackedElements<float>>(shape, slot, rows, out);
}
__global__ __launch_bounds__(kRowThreads) void moe_scatter_bf16_any(Shape shape,
                                                                    const std::int32_t* slot,
                                                                    const Bf16* rows, Bf16* out) {
  scatter<1>(shape, slot, rows, out);
}
__global__ __launch_bounds__(kRowThreads) void moe_scatter_fp32_any(Shape shape,
                                                                    const std::int32_t* slot,
                                                                    const float* rows, float* out) {
  scatter<1>(shape, slot, rows, out);
}
__global__ __launch_bounds__(kRowThreads) void moe_gather_bf16(Shape shape,
                                                               const std::int32_t* slot,
                                                               const float* factor,
                                                               const Bf16* rows, const Bf16* addend,
                                                               Bf16* out) {
  gather<kPackedElements<Bf16>>(shape, slot, factor, rows, addend, out);
}
__global__ __launch_bounds__(kRowThreads) void moe_gather_fp32(Shape shape,
                                                               const std::int32_t* slot,
                                                               const float* factor,
                                                               const float* rows,
                                                               const float* addend, float* out) {
  gather<kPackedElements<float>>(shape, slot, factor, rows, addend, out);
}
__global__ __launch_bounds__(kRowThreads) void moe_gather_bf16_any(Shape shape,
                                                                   const std::int32_t* slot,
                                                                   const float* factor,
                                                                   const Bf16* rows,
                                                                   const Bf16* addend, Bf16* out) {
  gather<1>(shape, slot, factor, rows, addend, out);
}
__global__ __launch_bounds__(kRowThreads) void moe_gather_fp32_any(
    Shape shape, const std::int32_t* slot, const float* factor, const float* rows,
    const float* addend, float* out) {
  gather<1>(shape, slot, factor, rows, addend, out);
}
__global__ __launch_bounds__(kRowThreads) void moe_combine_backward_bf16(
    Shape shape, const std::int32_t* slot, const float* weight, const Bf16* ys, const Bf16* dy,
    Bf16* dys, float* dweight) {
  combine_backward<kPackedElements<Bf16>>(shape, slot, weight, ys, dy, dys, dweight);
}
__global__ __launch_bounds__(kRowThreads) void moe_combine_backward_fp32(
    Shape shape, const std::int32_t* slot, const float* weight, const float* ys, const float* dy,
    float* dys, float* dweight) {
  combine_backward<kPackedElements<float>>(shape, slot, weight, ys, dy, dys, dweight);
}
__global__ __launch_bounds__(kRowThreads) void moe_combine_backward_bf16_any(
    Shape shape, const std::int32_t* slot, const float* weight, const Bf16* ys, const Bf16* dy,
    Bf16* dys, float* dweight) {
  combine_backward<1>(shape, slot, weight, ys, dy, dys, dweight);
}
__global__ __launch_bounds__(kRowThreads) void moe_combine_backward_fp32_any(
    Shape shape, const std::int32_t* slot, const float* weight, const float* ys, const float* dy,
    float* dys, float* dweight) {
  combine_backward<1>(shape, slot, weight, ys, dy, dys, dweight);
}

}  // extern "C"

}  // namespace assay::moe
