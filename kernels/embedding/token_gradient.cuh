#pragma once
/// Sums over the ordered occurrences of each token. What it does and why: embedding_cuda.h.
#include "kernels/cuda/device_code/pack.cuh"
#include "kernels/cuda/device_code/reduce.cuh"
#include "kernels/embedding/embedding_cuda.h"

namespace assay::embedding {

__device__ __forceinline__ float* head_of(float* parts, std::int64_t tile, std::int64_t width) {
  return parts + tile * 2 * width;
}
__device__ __forceinline__ float* tail_of(float* parts, std::int64_t tile, std::int64_t width) {
  return head_of(parts, tile, width) + width;
}

/// to[i] += sums[i].
template <int N>
__device__ __forceinline__ void add_floats(float* to, const float (&sums)[N]) {
  float value[N];
  cuda::load_floats(to, value);
#pragma unroll
  for (int i = 0; i < N; ++i) value[i] += sums[i];
  cuda::store_floats(to, value);
}

/// A tile's occurrences with a neighbour on each side; token -1 where there is none.
class Tile {
 public:
  __device__ __forceinline__ Tile(const Shape& shape, const Occurrence* ordered,
                                  Occurrence (&shared)[kTile + 2])
      : shared_(shared) {
    const int positions = static_cast<int>(shape.batch * shape.sequence);
    const int first = static_cast<int>(blockIdx.x) * kTile;
    count_ = positions - first < kTile ? positions - first : kTile;
    for (int i = static_cast<int>(threadIdx.x); i < count_ + 2; i += static_cast<int>(blockDim.x)) {
      const int at = first + i - 1;
      shared[i] = at >= 0 && at < positions ? ordered[at] : Occurrence{-1, 0};
    }
    __syncthreads();
  }
  [[nodiscard]] __device__ __forceinline__ int count() const { return count_; }
  [[nodiscard]] __device__ __forceinline__ int token(int i) const { return shared_[i + 1].token; }
  [[nodiscard]] __device__ __forceinline__ int position(int i) const {
    return shared_[i + 1].position;
  }
  /// Whether occurrence i's run began in an earlier tile.
  [[nodiscard]] __device__ __forceinline__ bool began_before(int i) const {
    return token(i) == token(-1);
  }

 private:
  const Occurrence* shared_;
  int count_;
};

template <int N, class T>
__device__ __forceinline__ void token_backward(const Shape& shape, const Occurrence* ordered,
                                               const T* dx, float* dwte, float* parts) {
  __shared__ Occurrence shared[kTile + 2];
  const Tile tile(shape, ordered, shared);
  const std::int64_t width = shape.width;
  const std::int64_t column = (std::int64_t{blockIdx.y} * blockDim.x + threadIdx.x) * N;
  if (column >= width) return;
  float sums[N] = {};
  for (int first = 0; first < tile.count(); first += kRowsInFlight) {
    cuda::Pack<T, N> rows[kRowsInFlight];
#pragma unroll
    for (int k = 0; k < kRowsInFlight; ++k) {
      if (first + k < tile.count()) {
        rows[k] = cuda::load_pack<N>(dx + tile.position(first + k) * width + column);
      }
    }
#pragma unroll
    for (int k = 0; k < kRowsInFlight; ++k) {
      const int i = first + k;
      if (i >= tile.count()) break;
#pragma unroll
      for (int j = 0; j < N; ++j) sums[j] += to_float(rows[k].element[j]);
      const bool ends = tile.token(i + 1) != tile.token(i);
      if (ends && !tile.began_before(i)) {
        add_floats(dwte + tile.token(i) * width + column, sums);
      } else if (ends || i + 1 == tile.count()) {
        float* const part = tile.began_before(i) ? head_of(parts, blockIdx.x, width)
                                                 : tail_of(parts, blockIdx.x, width);
        cuda::store_floats(part + column, sums);
      }
      if (ends) {
#pragma unroll
        for (int j = 0; j < N; ++j) sums[j] = 0.0F;
      }
    }
  }
}

/// sums[i] += the parts at `from`, `stride` floats apart, asked for together and added in order.
template <int Count, int N>
__device__ __forceinline__ void add_parts(const float* from, std::int64_t stride,
                                          float (&sums)[N]) {
  float parts[Count][N];
#pragma unroll
  for (int k = 0; k < Count; ++k) cuda::load_floats(from + k * stride, parts[k]);
#pragma unroll
  for (int k = 0; k < Count; ++k) {
#pragma unroll
    for (int i = 0; i < N; ++i) sums[i] += parts[k][i];
  }
}

/// Adds the run that begins in this block's tile and goes on behind it to dwte: its tail here, then
/// the heads of the tiles it reaches.
template <int N>
__device__ __forceinline__ void join(const Shape& shape, const Occurrence* ordered,
                                     const float* parts, float* dwte) {
  constexpr int kHeadsInFlight = 8;
  const std::int64_t width = shape.width;
  const int positions = static_cast<int>(shape.batch * shape.sequence);
  const int tile = static_cast<int>(blockIdx.x);
  const int begin = tile * kTile;
  const int end = begin + kTile;
  if (end >= positions) return;
  const std::int32_t token = ordered[end - 1].token;
  if (ordered[end].token != token) return;
  if (begin > 0 && ordered[begin - 1].token == token) return;  // an earlier tile's

  const std::int64_t column = (std::int64_t{blockIdx.y} * blockDim.x + threadIdx.x) * N;
  const bool has = column < width;
  const auto part = [&](int of_tile, int which) {
    return parts + (std::int64_t{of_tile} * 2 + which) * width + column;
  };
  float sums[N] = {};
  if (has) cuda::load_floats(part(tile, 1), sums);
  // Lane l looks whether tile next + l begins with the token: 32 tiles for the time of one.
  const int lane = static_cast<int>(threadIdx.x) % cuda::kWarp;
  int count = cuda::kWarp;
  for (int next = tile + 1; count == cuda::kWarp; next += cuda::kWarp) {
    const int at = (next + lane) * kTile;
    const bool goes_on = at < positions && ordered[at].token == token;
    const unsigned others = __ballot_sync(cuda::kAllLanes, !goes_on);
    count = others == 0U ? cuda::kWarp : __ffs(static_cast<int>(others)) - 1;
    if (!has) continue;
    int head = 0;
    for (; head + kHeadsInFlight <= count; head += kHeadsInFlight) {
      add_parts<kHeadsInFlight>(part(next + head, 0), 2 * width, sums);
    }
    for (; head < count; ++head) add_parts<1>(part(next + head, 0), 2 * width, sums);
  }
  if (has) add_floats(dwte + token * width + column, sums);
}

}  // namespace assay::embedding
