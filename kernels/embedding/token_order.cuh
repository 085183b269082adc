#pragma once
/// Ordering of occurrences by token, for the gradient of the token table. What it does and why:
/// embedding_cuda.h.
#include "kernels/cuda/device_code/reduce.cuh"
#include "kernels/cuda/device_code/scan.cuh"
#include "kernels/embedding/embedding_cuda.h"

namespace assay::embedding {

/// Shared memory of one block of embedding_order.
struct OrderScratch {
  int scan[cuda::kWarp];
  int next[kMaxSlots];  ///< of each slot: its occurrences' number, then where the next one goes
  Occurrence chosen[kOrderThreads];  ///< of this group, among the tokens just read
};

/// Which tokens are the block's: those t with t mod 2^bits = group, of which t is the slot(t)-th.
struct Group {
  int group;
  int bits;

  [[nodiscard]] __device__ __forceinline__ int group_of(std::int32_t token) const {
    return token & ((1 << bits) - 1);
  }
  [[nodiscard]] __device__ __forceinline__ bool has(std::int32_t token) const {
    return group_of(token) == group;
  }
  [[nodiscard]] __device__ __forceinline__ int slot(std::int32_t token) const {
    return token >> bits;
  }
};

/// next[s] = the occurrences of slot s's token; returns how many of this thread's tokens are of
/// groups before the block's.
__device__ __forceinline__ int count_tokens(int positions, const Group& group,
                                            const std::int32_t* tokens, int* next) {
  int before = 0;
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < positions; i += kOrderThreads) {
    const std::int32_t token = tokens[i];
    if (group.group_of(token) < group.group) ++before;
    if (group.has(token)) atomicAdd(&next[group.slot(token)], 1);
  }
  return before;
}

/// next[s] from counts to the sums of those before, beginning at `start`.
__device__ __forceinline__ void counts_to_starts(int slots, int start, int* next, int* scan) {
  for (int first = 0; first < slots; first += kOrderThreads) {
    const int s = first + static_cast<int>(threadIdx.x);
    const cuda::Prefix prefix = cuda::block_prefix(s < slots ? next[s] : 0, scan);
    if (s < slots) next[s] = start + prefix.before;
    start += prefix.total;
    __syncthreads();
  }
}

/// One warp sends `count` chosen occurrences, which are in the order of their positions, to the
/// ends of their runs.
__device__ __forceinline__ void append_to_runs(int count, const Group& group,
                                               const Occurrence* chosen, int* next,
                                               Occurrence* ordered) {
  const int lane = static_cast<int>(threadIdx.x) % cuda::kWarp;
  for (int first = 0; first < count; first += cuda::kWarp) {
    const bool has = first + lane < count;
    const Occurrence mine = has ? chosen[first + lane] : Occurrence{-1, 0};
    const unsigned peers = __match_any_sync(cuda::kAllLanes, mine.token);
    const int rank = __popc(peers & ((1U << lane) - 1U));
    if (has) ordered[next[group.slot(mine.token)] + rank] = mine;
    __syncwarp();
    if (has && rank == 0) next[group.slot(mine.token)] += __popc(peers);
    __syncwarp();
  }
}

/// Block g of 2^group_bits orders the occurrences of the tokens of group g.
__device__ __forceinline__ void order(const Shape& shape, int group_bits,
                                      const std::int32_t* tokens, Occurrence* ordered) {
  __shared__ OrderScratch scratch;
  const int thread = static_cast<int>(threadIdx.x);
  const Group group{static_cast<int>(blockIdx.x), group_bits};
  const int positions = static_cast<int>(shape.batch * shape.sequence);
  const int slots = group.slot(static_cast<std::int32_t>(shape.vocabulary - 1)) + 1;
  for (int s = thread; s < slots; s += kOrderThreads) scratch.next[s] = 0;
  __syncthreads();
  const int before = count_tokens(positions, group, tokens, scratch.next);
  const int start = cuda::block_prefix(before, scratch.scan).total;
  __syncthreads();
  counts_to_starts(slots, start, scratch.next, scratch.scan);

  std::int32_t token = thread < positions ? tokens[thread] : 0;
  for (int first = 0; first < positions; first += kOrderThreads) {
    const int position = first + thread;
    // Asked for before it is needed: the barriers below would not let it overlap.
    const int following = position + kOrderThreads;
    const std::int32_t following_token = following < positions ? tokens[following] : 0;
    const bool chosen = position < positions && group.has(token);
    const cuda::Prefix place = cuda::block_prefix(chosen ? 1 : 0, scratch.scan);
    if (chosen) scratch.chosen[place.before] = {token, position};
    __syncthreads();
    if (thread < cuda::kWarp) {
      append_to_runs(place.total, group, scratch.chosen, scratch.next, ordered);
    }
    __syncthreads();
    token = following_token;
  }
}

}  // namespace assay::embedding
