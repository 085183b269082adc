#include "kernels/activation/activation_cuda.h"
#include "kernels/cuda/device_code/exponential.cuh"
#include "kernels/cuda/device_code/pack.cuh"
#include "kernels/cuda/device_code/reciprocal.cuh"
#include "kernels/cuda/device_code/stretch.cuh"

namespace assay::activation {
namespace {

using cuda::kPackedElements;
using cuda::load_pack;
using cuda::Pack;
using cuda::store_pack;
using cuda::StretchPacks;

constexpr float kTwoRootTwoOverPi = 1.5957691216057308F;  // 2·√(2/π)
constexpr float kCubic = 0.044715F;

/// What GELU needs of s = σ(2v) = ½(1 + tanh v), v as in the contract.
struct Gate {
  float value;  ///< s
  float bell;   ///< s·(1 - s), without the cancellation of 1 - s where s is near 1
};

__device__ __forceinline__ Gate gelu_gate(float x) {
  const float twice_v = kTwoRootTwoOverPi * x * (1.0F + kCubic * x * x);
  const float small = cuda::exponential(-fabsf(twice_v));
  const float large = cuda::reciprocal(1.0F + small);
  return {twice_v < 0.0F ? small * large : large, small * large * large};
}

__device__ __forceinline__ float gelu(float x) {
  return x * gelu_gate(x).value;
}

__device__ __forceinline__ float gelu_derivative(float x) {
  const Gate gate = gelu_gate(x);
  const float slope = kTwoRootTwoOverPi * (1.0F + 3.0F * kCubic * x * x);
  return gate.value + x * gate.bell * slope;
}

__device__ __forceinline__ float sigmoid(float x) {
  return cuda::reciprocal(1.0F + cuda::exponential(-x));
}

/// The packs of a matrix that this thread takes: one column, in rows that follow each other.
template <int N>
class ColumnPacks {
 public:
  __device__ ColumnPacks(std::int64_t rows, std::int64_t width)
      : rows_(rows),
        width_(width),
        first_row_(std::int64_t{blockIdx.x} * kPacksPerThread),
        column_((std::int64_t{blockIdx.y} * blockDim.x + threadIdx.x) * N) {}
  __device__ __forceinline__ bool has(int k) const {
    return first_row_ + k < rows_ && column_ < width_;
  }
  /// Where pack k begins in a tensor (rows, width).
  __device__ __forceinline__ std::int64_t element(int k) const {
    return (first_row_ + k) * width_ + column_;
  }
  /// Where it begins in the gate's and the up projection's half of a tensor (rows, 2·width).
  __device__ __forceinline__ std::int64_t gate(int k) const {
    return (first_row_ + k) * 2 * width_ + column_;
  }
  __device__ __forceinline__ std::int64_t up(int k) const { return gate(k) + width_; }

 private:
  std::int64_t rows_;
  std::int64_t width_;
  std::int64_t first_row_;
  std::int64_t column_;
};

template <int N, class T>
__device__ __forceinline__ void gelu_forward(std::int64_t n, const T* x, T* y) {
  const StretchPacks<N, kPacksPerThread> packs(n);
  Pack<T, N> value[kPacksPerThread];
#pragma unroll
  for (int k = 0; k < kPacksPerThread; ++k) {
    if (packs.has(k)) value[k] = load_pack<N>(x + packs.element(k));
  }
#pragma unroll
  for (int k = 0; k < kPacksPerThread; ++k) {
    if (!packs.has(k)) continue;
#pragma unroll
    for (int i = 0; i < N; ++i) {
      value[k].element[i] = from_float<T>(gelu(to_float(value[k].element[i])));
    }
    store_pack(y + packs.element(k), value[k]);
  }
}

template <int N, class T>
__device__ __forceinline__ void gelu_backward(std::int64_t n, const T* x, const T* dy, T* dx) {
  const StretchPacks<N, kPacksPerThread> packs(n);
  Pack<T, N> value[kPacksPerThread];
  Pack<T, N> gradient[kPacksPerThread];
#pragma unroll
  for (int k = 0; k < kPacksPerThread; ++k) {
    if (packs.has(k)) {
      value[k] = load_pack<N>(x + packs.element(k));
      gradient[k] = load_pack<N>(dy + packs.element(k));
    }
  }
#pragma unroll
  for (int k = 0; k < kPacksPerThread; ++k) {
    if (!packs.has(k)) continue;
#pragma unroll
    for (int i = 0; i < N; ++i) {
      gradient[k].element[i] = from_float<T>(to_float(gradient[k].element[i]) *
                                             gelu_derivative(to_float(value[k].element[i])));
    }
    store_pack(dx + packs.element(k), gradient[k]);
  }
}

template <int N, class T>
__device__ __forceinline__ void swiglu_forward(std::int64_t rows, std::int64_t width,
                                               const T* gate_up, T* y) {
  const ColumnPacks<N> packs(rows, width);
  Pack<T, N> gate[kPacksPerThread];
  Pack<T, N> up[kPacksPerThread];
#pragma unroll
  for (int k = 0; k < kPacksPerThread; ++k) {
    if (packs.has(k)) {
      gate[k] = load_pack<N>(gate_up + packs.gate(k));
      up[k] = load_pack<N>(gate_up + packs.up(k));
    }
  }
#pragma unroll
  for (int k = 0; k < kPacksPerThread; ++k) {
    if (!packs.has(k)) continue;
#pragma unroll
    for (int i = 0; i < N; ++i) {
      const float g = to_float(gate[k].element[i]);
      up[k].element[i] = from_float<T>(g * sigmoid(g) * to_float(up[k].element[i]));
    }
    store_pack(y + packs.element(k), up[k]);
  }
}

template <int N, class T>
__device__ __forceinline__ void swiglu_backward(std::int64_t rows, std::int64_t width,
                                                const T* gate_up, const T* dy, T* dgate_up) {
  const ColumnPacks<N> packs(rows, width);
  Pack<T, N> gate[kPacksPerThread];
  Pack<T, N> up[kPacksPerThread];
  Pack<T, N> gradient[kPacksPerThread];
#pragma unroll
  for (int k = 0; k < kPacksPerThread; ++k) {
    if (packs.has(k)) {
      gate[k] = load_pack<N>(gate_up + packs.gate(k));
      up[k] = load_pack<N>(gate_up + packs.up(k));
      gradient[k] = load_pack<N>(dy + packs.element(k));
    }
  }
#pragma unroll
  for (int k = 0; k < kPacksPerThread; ++k) {
    if (!packs.has(k)) continue;
#pragma unroll
    for (int i = 0; i < N; ++i) {
      const float g = to_float(gate[k].element[i]);
      const float u = to_float(up[k].element[i]);
      const float d = to_float(gradient[k].element[i]);
      const float s = sigmoid(g);
      const float silu = g * s;
      up[k].element[i] = from_float<T>(d * silu);
      gate[k].element[i] = from_float<T>(d * u * (s + silu * (1.0F - s)));
    }
    store_pack(dgate_up + packs.gate(k), gate[k]);
    store_pack(dgate_up + packs.up(k), up[k]);
  }
}

}  // namespace

extern "C" {

__global__ __launch_bounds__(kMaxThreads) void activation_gelu_forward_bf16(std::int64_t n,
                                                                            const Bf16* x,
                                                                            Bf16* y) {
  gelu_forward<kPackedElements<Bf16>>(n, x, y);
}
__global__ __launch_bounds__(kMaxThreads) void activation_gelu_forward_fp32(std::int64_t n,
                                                                            const float* x,
                                                                            float* y) {
  gelu_forward<kPackedElements<float>>(n, x, y);
}
__global__ __launch_bounds__(kMaxThreads) void activation_gelu_forward_bf16_any(std::int64_t n,
                                                                                const Bf16* x,
                                                                                Bf16* y) {
  gelu_forward<1>(n, x, y);
}
__global__ __launch_bounds__(kMaxThreads) void activation_gelu_forward_fp32_any(std::int64_t n,
                                                                                const float* x,
                                                                                float* y) {
  gelu_forward<1>(n, x, y);
}
__global__ __launch_bounds__(kMaxThreads) void activation_gelu_backward_bf16(std::int64_t n,
                                                                             const Bf16* x,
                                                                             const Bf16* dy,
                                                                             Bf16* dx) {
  gelu_backward<kPackedElements<Bf16>>(n, x, dy, dx);
}
__global__ __launch_bounds__(kMaxThreads) void activation_gelu_backward_fp32(std::int64_t n,
                                                                             const float* x,
                                                                             const float* dy,
                                                                             float* dx) {
  gelu_backward<kPackedElements<float>>(n, x, dy, dx);
}
__global__ __launch_bounds__(kMaxThreads) void activation_gelu_backward_bf16_any(std::int64_t n,
                                                                                 const Bf16* x,
                                                                                 const Bf16* dy,
                                                                                 Bf16* dx) {
  gelu_backward<1>(n, x, dy, dx);
}
__global__ __launch_bounds__(kMaxThreads) void activation_gelu_backward_fp32_any(std::int64_t n,
                                                                                 const float* x,
                                                                                 const float* dy,
                                                                                 float* dx) {
  gelu_backward<1>(n, x, dy, dx);
}
__global__ __launch_bounds__(kMaxThreads) void activation_swiglu_forward_bf16(std::int64_t rows,
                                                                              std::int64_t width,
                                                                              const Bf16* gate_up,
                                                                              Bf16* y) {
  swiglu_forward<kPackedElements<Bf16>>(rows, width, gate_up, y);
}
__global__ __launch_bounds__(kMaxThreads) void activation_swiglu_forward_fp32(std::int64_t rows,
                                                                              std::int64_t width,
                                                                              const float* gate_up,
                                                                              float* y) {
  swiglu_forward<kPackedElements<float>>(rows, width, gate_up, y);
}
__global__ __launch_bounds__(kMaxThreads) void activation_swiglu_forward_bf16_any(
    std::int64_t rows, std::int64_t width, const Bf16* gate_up, Bf16* y) {
  swiglu_forward<1>(rows, width, gate_up, y);
}
__global__ __launch_bounds__(kMaxThreads) void activation_swiglu_forward_fp32_any(
    std::int64_t rows, std::int64_t width, const float* gate_up, float* y) {
  swiglu_forward<1>(rows, width, gate_up, y);
}
__global__ __launch_bounds__(kMaxThreads) void activation_swiglu_backward_bf16(
    std::int64_t rows, std::int64_t width, const Bf16* gate_up, const Bf16* dy, Bf16* dgate_up) {
  swiglu_backward<kPackedElements<Bf16>>(rows, width, gate_up, dy, dgate_up);
}
__global__ __launch_bounds__(kMaxThreads) void activation_swiglu_backward_fp32(
    std::int64_t rows, std::int64_t width, const float* gate_up, const float* dy, float* dgate_up) {
  swiglu_backward<kPackedElements<float>>(rows, width, gate_up, dy, dgate_up);
}
__global__ __launch_bounds__(kMaxThreads) void activation_swiglu_backward_bf16_any(
    std::int64_t rows, std::int64_t width, const Bf16* gate_up, const Bf16* dy, Bf16* dgate_up) {
  swiglu_backward<1>(rows, width, gate_up, dy, dgate_up);
}
__global__ __launch_bounds__(kMaxThreads) void activation_swiglu_backward_fp32_any(
    std::int64_t rows, std::int64_t width, const float* gate_up, const float* dy, float* dgate_up) {
  swiglu_backward<1>(rows, width, gate_up, dy, dgate_up);
}

}  // extern "C"

}  // namespace assay::activation
