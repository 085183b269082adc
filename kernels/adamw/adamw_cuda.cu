#include "kernels/adamw/adamw_cuda.h"
#include "kernels/cuda/device_code/double_sum.cuh"
#include "kernels/cuda/device_code/pack.cuh"

namespace assay::adamw {
namespace {

using cuda::load_pack;
using cuda::Pack;
using cuda::store_pack;

constexpr int kPacked = cuda::kPackedElements<float>;

/// How often a thread takes N elements to have taken so many packs.
template <int N, int PacksPerThread>
inline constexpr int kTurnsOf = PacksPerThread* kPacked / N;

/// The first of the N elements that this thread takes in its k-th of `Turns` turns.
template <int N, int Turns>
__device__ __forceinline__ std::int64_t place(int k) {
  return ((std::int64_t{blockIdx.x} * Turns + k) * kThreads + threadIdx.x) * N;
}

template <int N>
__device__ __forceinline__ void sum_of_squares(std::int64_t n, const float* gradient,
                                               double* partial) {
  constexpr int kTurns = kTurnsOf<N, kNormPacks>;
  __shared__ double scratch[cuda::kWarp];
  constexpr std::int64_t kChunk = std::int64_t{kTurns} * kThreads * N;
  float sum = 0.0F;
  if ((std::int64_t{blockIdx.x} + 1) * kChunk <= n) {
    // No condition inside, so that eight loads are issued before the first is used.
#pragma unroll 8
    for (int k = 0; k < kTurns; ++k) {
      const Pack<float, N> g = load_pack<N>(gradient + place<N, kTurns>(k));
#pragma unroll
      for (int i = 0; i < N; ++i) sum += g.element[i] * g.element[i];
    }
  } else {
    for (int k = 0; k < kTurns; ++k) {
      const std::int64_t first = place<N, kTurns>(k);
#pragma unroll 1
      for (std::int64_t i = first; i < first + N && i < n; ++i) sum += gradient[i] * gradient[i];
    }
  }
  const double total = cuda::block_sum_in_double(static_cast<double>(sum), scratch);
  if (threadIdx.x == 0) partial[blockIdx.x] = total;
}

/// base^exponent by squaring; exponent >= 0.
__device__ double power(double base, std::int64_t exponent) {
  double result = 1.0;
  for (; exponent > 0; exponent /= 2) {
    if (exponent % 2 == 1) result *= base;
    base *= base;
  }
  return result;
}

/// The weight nearest to each master.
template <class T>
struct ToNearest {
  template <int N>
  __device__ __forceinline__ void operator()(std::int64_t, const Pack<float, N>& master,
                                             T (&weight)[N]) const {
#pragma unroll
    for (int i = 0; i < N; ++i) weight[i] = from_float<T>(master.element[i]);
  }
};

/// Weights drawn by RoundingDraw. Packs begin at a multiple of four, so they share one draw.
struct Stochastic {
  RoundingDraw draw;
  std::uint64_t step;

  template <int N>
  __device__ __forceinline__ void operator()(std::int64_t first, const Pack<float, N>& master,
                                             Bf16 (&weight)[N]) const {
    const std::uint64_t parameter = draw.first + static_cast<std::uint64_t>(first);
    const Philox4 random = philox(draw.key, parameter / 4, step);
    if constexpr (N == 1) {
      const auto turn = static_cast<int>(parameter % 4);
      // By selection: an index that is not known at compile time would put the words in memory.
      const std::uint32_t low = turn == 0 ? random.word[0] : random.word[1];
      const std::uint32_t high = turn == 2 ? random.word[2] : random.word[3];
      weight[0] = rounded_stochastically(master.element[0], turn < 2 ? low : high);
    } else {
#pragma unroll
      for (int i = 0; i < N; ++i) {
        weight[i] = rounded_stochastically(master.element[i], random.word[i]);
      }
    }
  }
};

/// N weights in one access: of 16 bytes for floats, of 8 for Bf16.
template <class T, int N>
__device__ __forceinline__ void store_weights(T* address, const T (&weight)[N]) {
  if constexpr (N == 1) {
    *address = weight[0];
  } else if constexpr (sizeof(T) == 4) {
    store_pack(address, Pack<T, N>{{weight[0], weight[1], weight[2], weight[3]}});
  } else {
    const auto pair = [&](int i) {
      return std::uint32_t{weight[i].bits} | std::uint32_t{weight[i + 1].bits} << 16;
    };
    *reinterpret_cast<uint2*>(address) = make_uint2(pair(0), pair(2));
  }
}

template <int N, class T, class Round>
__device__ __forceinline__ void update_pack(const Hyperparameters& h, const Factors& factors,
                                            const Parameters<T>& p, std::int64_t first,
                                            const Round& round) {
  const Pack<float, N> gradient = load_pack<N>(p.gradient + first);
  Pack<float, N> master = load_pack<N>(p.master + first);
  Pack<float, N> first_moment = load_pack<N>(p.first_moment + first);
  Pack<float, N> second_moment = load_pack<N>(p.second_moment + first);
  // Fused by hand, so that packs and single elements give the same bits.
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const float g = factors.gradient_scale * gradient.element[i];
    first_moment.element[i] = fmaf(h.beta1, first_moment.element[i], (1.0F - h.beta1) * g);
    second_moment.element[i] = fmaf(h.beta2, second_moment.element[i], (1.0F - h.beta2) * g * g);
  }
  store_pack(p.first_moment + first, first_moment);
  store_pack(p.second_moment + first, second_moment);
  const float decay = factors.learning_rate * h.weight_decay;
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const float w = master.element[i];
    const float size = fmaf(factors.root_factor, sqrtf(second_moment.element[i]), h.epsilon);
    master.element[i] = w - fmaf(decay, w, factors.step_rate * first_moment.element[i] / size);
  }
  store_pack(p.master + first, master);
  T weight[N];
  round(first, master, weight);
  store_weights(p.weight + first, weight);
}

template <int N, class T, class Round>
__device__ __forceinline__ void update(const Hyperparameters& h, const Progress* progress,
                                       std::int64_t n, const Parameters<T>& p, const Round& round) {
  constexpr int kTurns = kTurnsOf<N, kUpdatePacks>;
  const Factors factors = progress->factors;
#pragma unroll 1
  for (int k = 0; k < kTurns; ++k) {
    const std::int64_t first = place<N, kTurns>(k);
    if (first + N <= n) {
      update_pack<N>(h, factors, p, first, round);
    } else {
      for (std::int64_t i = first; i < n; ++i) update_pack<1>(h, factors, p, i, round);
    }
  }
}

__device__ __forceinline__ Stochastic stochastic(const RoundingDraw& draw,
                                                 const Progress* progress) {
  return {draw, static_cast<std::uint64_t>(progress->step)};
}

}  // namespace

extern "C" {

__global__ __launch_bounds__(kThreads) void adamw_sum_of_squares(std::int64_t n,
                                                                 const float* gradient,
                                                                 double* partial) {
  sum_of_squares<kPacked>(n, gradient, partial);
}
__global__ __launch_bounds__(kThreads) void adamw_sum_of_squares_any(std::int64_t n,
                                                                     const float* gradient,
                                                                     double* partial) {
  sum_of_squares<1>(n, gradient, partial);
}
__global__ __launch_bounds__(kFinishThreads) void adamw_finish_norm(std::int64_t chunks,
                                                                    const double* partial,
                                                                    double max_norm,
                                                                    Progress* progress) {
  __shared__ double scratch[cuda::kWarp];
  const double norm = sqrt(cuda::sum_in_double(chunks, partial, scratch));
  if (threadIdx.x == 0) {
    progress->gradient_norm = norm;
    progress->factors.gradient_scale = norm > max_norm ? static_cast<float>(max_norm / norm) : 1.0F;
  }
}
__global__ void adamw_advance(Hyperparameters h, Progress* progress) {
  const std::int64_t step = ++progress->step;
  const auto rate = static_cast<double>(progress->factors.learning_rate);
  // In double, because 1 - β^t cancels.
  progress->factors.step_rate =
      static_cast<float>(rate / (1.0 - power(static_cast<double>(h.beta1), step)));
  progress->factors.root_factor =
      static_cast<float>(1.0 / sqrt(1.0 - power(static_cast<double>(h.beta2), step)));
}
__global__ __launch_bounds__(kThreads) void adamw_update_bf16(Hyperparameters h,
                                                              const Progress* progress,
                                                              std::int64_t n,
                                                              Parameters<Bf16> parameters) {
  update<kPacked>(h, progress, n, parameters, ToNearest<Bf16>());
}
__global__ __launch_bounds__(kThreads) void adamw_update_fp32(Hyperparameters h,
                                                              const Progress* progress,
                                                              std::int64_t n,
                                                              Parameters<float> parameters) {
  update<kPacked>(h, progress, n, parameters, ToNearest<float>());
}
__global__ __launch_bounds__(kThreads) void adamw_update_bf16_any(Hyperparameters h,
                                                                  const Progress* progress,
                                                                  std::int64_t n,
                                                                  Parameters<Bf16> parameters) {
  update<1>(h, progress, n, parameters, ToNearest<Bf16>());
}
__global__ __launch_bounds__(kThreads) void adamw_update_fp32_any(Hyperparameters h,
                                                                  const Progress* progress,
                                                                  std::int64_t n,
                                                                  Parameters<float> parameters) {
  update<1>(h, progress, n, parameters, ToNearest<float>());
}
__global__ __launch_bounds__(kThreads) void adamw_update_stochastic_bf16(
    Hyperparameters h, const Progress* progress, std::int64_t n, Parameters<Bf16> parameters,
    RoundingDraw draw) {
  update<kPacked>(h, progress, n, parameters, stochastic(draw, progress));
}
__global__ __launch_bounds__(kThreads) void adamw_update_stochastic_bf16_any(
    Hyperparameters h, const Progress* progress, std::int64_t n, Parameters<Bf16> parameters,
    RoundingDraw draw) {
  update<1>(h, progress, n, parameters, stochastic(draw, progress));
}

}  // extern "C"

}  // namespace assay::adamw
