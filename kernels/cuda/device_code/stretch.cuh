#pragma once
/// One stretch of memory, shared out among blocks without a loop: each thread takes a few packs, a
/// block's width apart, so that neighbours read neighbouring packs and all of a thread's loads can
/// be under way at once.
#include <cstdint>

namespace assay::cuda {

/// The packs of N elements, of a stretch of n, that this thread of a one-dimensional launch takes:
/// `Packs` of them, of which pack k begins at element(k) and is there where has(k). n is a multiple
/// of N.
template <int N, int Packs>
class StretchPacks {
 public:
  __device__ __forceinline__ explicit StretchPacks(std::int64_t n)
      : n_(n), first_((std::int64_t{blockIdx.x} * Packs * blockDim.x + threadIdx.x) * N) {}
  [[nodiscard]] __device__ __forceinline__ std::int64_t element(int k) const {
    return first_ + k * static_cast<int>(blockDim.x) * N;
  }
  [[nodiscard]] __device__ __forceinline__ bool has(int k) const { return element(k) < n_; }

 private:
  std::int64_t n_;
  std::int64_t first_;
};

}  // namespace assay::cuda
