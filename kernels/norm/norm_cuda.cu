#include "kernels/cuda/device_code/column_sum.cuh"
#include "kernels/cuda/device_code/pack.cuh"
#include "kernels/cuda/device_code/reduce.cuh"
#include "kernels/norm/norm_cuda.h"

namespace assay::norm {
namespace {

using cuda::Add;
using cuda::kPackedElements;
using cuda::load_pack;
using cuda::Pack;
using cuda::store_pack;

/// Packs of N elements that a thread owns of a row.
template <int N>
inline constexpr int kPacks = elements_per_thread(N == 1) / N;

/// A block's rows, and the columns of them that this thread owns: N from each column(k).
struct Place {
  std::int64_t first_row;
  std::int64_t last_row;
  int width;

  __device__ Place(const Shape& shape, int rows_per_block)
      : first_row(std::int64_t{blockIdx.x} * rows_per_block),
        last_row(first_row + rows_per_block < shape.rows ? first_row + rows_per_block : shape.rows),
        width(static_cast<int>(shape.width)) {}

  template <int N>
  __device__ __forceinline__ int column(int k) const {
    return (k * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * N;
  }
};

/// Sums over the block, two sets of shared memory in turn: whoever writes one set has passed the
/// barrier that all readers of that set's last use came to first.
class BlockSum {
 public:
  __device__ explicit BlockSum(float (*scratch)[cuda::kWarp]) : scratch_(scratch) {}
  __device__ __forceinline__ float operator()(float value) {
    turn_ ^= 1;
    return cuda::block_reduce(value, Add(), scratch_[turn_]);
  }

 private:
  float (*scratch_)[cuda::kWarp];
  int turn_ = 0;
};

template <bool Centred, int N, class T>
__device__ __forceinline__ void forward(const Shape& shape, const Forward<T>& operands,
                                        int rows_per_block) {
  __shared__ float scratch[2][cuda::kWarp];
  BlockSum block_sum(scratch);
  const Place place(shape, rows_per_block);
  const float per_width = 1.0F / static_cast<float>(place.width);
  Pack<T, N> gamma[kPacks<N>];
  Pack<T, N> beta[kPacks<N>];
#pragma unroll
  for (int k = 0; k < kPacks<N>; ++k) {
    const int column = place.column<N>(k);
    if (column < place.width) {
      gamma[k] = load_pack<N>(operands.gamma + column);
      if constexpr (Centred) beta[k] = load_pack<N>(operands.beta + column);
    }
  }

  for (std::int64_t row = place.first_row; row < place.last_row; ++row) {
    const std::int64_t start = row * place.width;
    Pack<T, N> s[kPacks<N>];
#pragma unroll
    for (int k = 0; k < kPacks<N>; ++k) {
      const int column = place.column<N>(k);
      if (column < place.width) s[k] = load_pack<N>(operands.x + start + column);
    }
    if (operands.residual != nullptr) {
#pragma unroll
      for (int k = 0; k < kPacks<N>; ++k) {
        const int column = place.column<N>(k);
        if (column < place.width) {
          const Pack<T, N> residual = load_pack<N>(operands.residual + start + column);
#pragma unroll
          for (int i = 0; i < N; ++i) {
            s[k].element[i] =
                from_float<T>(to_float(s[k].element[i]) + to_float(residual.element[i]));
          }
          store_pack(operands.sum + start + column, s[k]);
        }
      }
    }

    float mean = 0.0F;
    if constexpr (Centred) {
      float total = 0.0F;
#pragma unroll
      for (int k = 0; k < kPacks<N>; ++k) {
        if (place.column<N>(k) < place.width) {
#pragma unroll
          for (int i = 0; i < N; ++i) total += to_float(s[k].element[i]);
        }
      }
      mean = block_sum(total) * per_width;
    }
    // The variance from the centred values: the one-sweep formula cancels when |mean| >> deviation.
    float squares = 0.0F;
#pragma unroll
    for (int k = 0; k < kPacks<N>; ++k) {
      if (place.column<N>(k) < place.width) {
#pragma unroll
        for (int i = 0; i < N; ++i) {
          const float centred = to_float(s[k].element[i]) - mean;
          squares += centred * centred;
        }
      }
    }
    const float rstd = 1.0F / sqrtf(block_sum(squares) * per_width + kEpsilon);

#pragma unroll
    for (int k = 0; k < kPacks<N>; ++k) {
      const int column = place.column<N>(k);
      if (column < place.width) {
        Pack<T, N> y;
#pragma unroll
        for (int i = 0; i < N; ++i) {
          const float h = (to_float(s[k].element[i]) - mean) * rstd;
          const float shift = Centred ? to_float(beta[k].element[i]) : 0.0F;
          y.element[i] = from_float<T>(to_float(gamma[k].element[i]) * h + shift);
        }
        store_pack(operands.y + start + column, y);
      }
    }
    if (threadIdx.x == 0) {
      if constexpr (Centred) operands.mean[row] = mean;
      operands.rstd[row] = rstd;
    }
  }
}

/// N sums, as packs of four floats where N is a multiple of that.
template <int N>
__device__ __forceinline__ void store_sums(const float (&sums)[N], float* to) {
  constexpr int kPack = N % 4 == 0 ? 4 : 1;
#pragma unroll
  for (int i = 0; i < N; i += kPack) {
    Pack<float, kPack> pack;
#pragma unroll
    for (int j = 0; j < kPack; ++j) pack.element[j] = sums[i + j];
    store_pack(to + i, pack);
  }
}

template <bool Centred, int N, class T>
__device__ __forceinline__ void backward(const Shape& shape, const Backward<T>& operands,
                                         int rows_per_block, const Partial& partial) {
  __shared__ float scratch[2][cuda::kWarp];
  BlockSum block_sum(scratch);
  const Place place(shape, rows_per_block);
  const float per_width = 1.0F / static_cast<float>(place.width);
  Pack<T, N> gamma[kPacks<N>];
  float dgamma[kPacks<N>][N] = {};
  float dbeta[kPacks<N>][N] = {};
#pragma unroll
  for (int k = 0; k < kPacks<N>; ++k) {
    const int column = place.column<N>(k);
    if (column < place.width) gamma[k] = load_pack<N>(operands.gamma + column);
  }

  for (std::int64_t row = place.first_row; row < place.last_row; ++row) {
    const std::int64_t start = row * place.width;
    const float rstd = operands.rstd[row];
    const float mean = Centred ? operands.mean[row] : 0.0F;
    Pack<T, N> s[kPacks<N>];
    Pack<T, N> dy[kPacks<N>];
#pragma unroll
    for (int k = 0; k < kPacks<N>; ++k) {
      const int column = place.column<N>(k);
      if (column < place.width) {
        s[k] = load_pack<N>(operands.sum + start + column);
        dy[k] = load_pack<N>(operands.dy + start + column);
      }
    }
    float total_g = 0.0F;
    float total_gh = 0.0F;
#pragma unroll
    for (int k = 0; k < kPacks<N>; ++k) {
      if (place.column<N>(k) < place.width) {
#pragma unroll
        for (int i = 0; i < N; ++i) {
          const float h = (to_float(s[k].element[i]) - mean) * rstd;
          const float d = to_float(dy[k].element[i]);
          const float g = d * to_float(gamma[k].element[i]);
          total_g += g;
          total_gh += g * h;
          dgamma[k][i] += d * h;
          if constexpr (Centred) dbeta[k][i] += d;
        }
      }
    }
    const float mean_g = Centred ? block_sum(total_g) * per_width : 0.0F;
    const float mean_gh = block_sum(total_gh) * per_width;

#pragma unroll
    for (int k = 0; k < kPacks<N>; ++k) {
      const int column = place.column<N>(k);
      if (column < place.width) {
        Pack<T, N> dx = {};
        if (operands.dsum != nullptr) dx = load_pack<N>(operands.dsum + start + column);
#pragma unroll
        for (int i = 0; i < N; ++i) {
          const float h = (to_float(s[k].element[i]) - mean) * rstd;
          const float g = to_float(dy[k].element[i]) * to_float(gamma[k].element[i]);
          const float ds = rstd * (g - mean_g - h * mean_gh);
          dx.element[i] = from_float<T>(ds + to_float(dx.element[i]));
        }
        store_pack(operands.dx + start + column, dx);
      }
    }
  }

  float* sums = partial.sums + std::int64_t{blockIdx.x} * (Centred ? 2 : 1) * place.width;
#pragma unroll
  for (int k = 0; k < kPacks<N>; ++k) {
    const int column = place.column<N>(k);
    if (column < place.width) {
      store_sums(dgamma[k], sums + column);
      if constexpr (Centred) store_sums(dbeta[k], sums + place.width + column);
    }
  }
}

}  // namespace

extern "C" {

__global__ __launch_bounds__(kMaxThreads) void norm_layernorm_forward_bf16(Shape shape,
                                                                           Forward<Bf16> operands,
                                                                           int rows) {
  forward<true, kPackedElements<Bf16>>(shape, operands, rows);
}
__global__ __launch_bounds__(kMaxThreads) void norm_layernorm_forward_fp32(Shape shape,
                                                                           Forward<float> operands,
                                                                           int rows) {
  forward<true, kPackedElements<float>>(shape, operands, rows);
}
__global__ __launch_bounds__(kMaxThreads) void norm_layernorm_forward_bf16_any(
    Shape shape, Forward<Bf16> operands, int rows) {
  forward<true, 1>(shape, operands, rows);
}
__global__ __launch_bounds__(kMaxThreads) void norm_layernorm_forward_fp32_any(
    Shape shape, Forward<float> operands, int rows) {
  forward<true, 1>(shape, operands, rows);
}
__global__ __launch_bounds__(kMaxThreads) void norm_rmsnorm_forward_bf16(Shape shape,
                                                                         Forward<Bf16> operands,
                                                                         int rows) {
  forward<false, kPackedElements<Bf16>>(shape, operands, rows);
}
__global__ __launch_bounds__(kMaxThreads) void norm_rmsnorm_forward_fp32(Shape shape,
                                                                         Forward<float> operands,
                                                                         int rows) {
  forward<false, kPackedElements<float>>(shape, operands, rows);
}
__global__ __launch_bounds__(kMaxThreads) void norm_rmsnorm_forward_bf16_any(Shape shape,
                                                                             Forward<Bf16> operands,
                                                                             int rows) {
  forward<false, 1>(shape, operands, rows);
}
__global__ __launch_bounds__(kMaxThreads) void norm_rmsnorm_forward_fp32_any(
    Shape shape, Forward<float> operands, int rows) {
  forward<false, 1>(shape, operands, rows);
}
__global__ __launch_bounds__(kMaxThreads) void norm_layernorm_backward_bf16(Shape shape,
                                                                            Backward<Bf16> operands,
                                                                            int rows,
                                                                            Partial partial) {
  backward<true, kPackedElements<Bf16>>(shape, operands, rows, partial);
}
__global__ __launch_bounds__(kMaxThreads) void norm_layernorm_backward_fp32(
    Shape shape, Backward<float> operands, int rows, Partial partial) {
  backward<true, kPackedElements<float>>(shape, operands, rows, partial);
}
__global__ __launch_bounds__(kMaxThreads) void norm_layernorm_backward_bf16_any(
    Shape shape, Backward<Bf16> operands, int rows, Partial partial) {
  backward<true, 1>(shape, operands, rows, partial);
}
__global__ __launch_bounds__(kMaxThreads) void norm_layernorm_backward_fp32_any(
    Shape shape, Backward<float> operands, int rows, Partial partial) {
  backward<true, 1>(shape, operands, rows, partial);
}
__global__ __launch_bounds__(kMaxThreads) void norm_rmsnorm_backward_bf16(Shape shape,
                                                                          Backward<Bf16> operands,
                                                                          int rows,
                                                                          Partial partial) {
  backward<false, kPackedElements<Bf16>>(shape, operands, rows, partial);
}
__global__ __launch_bounds__(kMaxThreads) void norm_rmsnorm_backward_fp32(Shape shape,
                                                                          Backward<float> operands,
                                                                          int rows,
                                                                          Partial partial) {
  backward<false, kPackedElements<float>>(shape, operands, rows, partial);
}
__global__ __launch_bounds__(kMaxThreads) void norm_rmsnorm_backward_bf16_any(
    Shape shape, Backward<Bf16> operands, int rows, Partial partial) {
  backward<false, 1>(shape, operands, rows, partial);
}
__global__ __launch_bounds__(kMaxThreads) void norm_rmsnorm_backward_fp32_any(
    Shape shape, Backward<float> operands, int rows, Partial partial) {
  backward<false, 1>(shape, operands, rows, partial);
}
__global__ void norm_column_sum(std::int64_t rows, std::int64_t width, std::int64_t row_stride,
                                const float* partial, float* out) {
  cuda::column_sum(rows, width, row_stride, partial, out);
}

}  // extern "C"

}  // namespace assay::norm
