#include "kernels/cuda/device_code/scan.cuh"
#include "kernels/moe/moe_cuda.h"
#include "kernels/moe/moe_plan_cuda.h"

namespace assay::moe {
namespace {

using cuda::kAllLanes;
using cuda::kWarp;

constexpr int kWarps = kPlanThreads / kWarp;
constexpr int kExpertBits = 8;
static_assert(1 << kExpertBits == kMaxExperts && kMaxExperts <= kPlanThreads);

/// The lanes whose expert is this lane's.
__device__ __forceinline__ unsigned lanes_of_same_expert(int expert) {
  unsigned same = kAllLanes;
#pragma unroll
  for (int bit = 0; bit < kExpertBits; ++bit) {
    const bool set = (expert >> bit & 1) != 0;
    const unsigned lanes = __ballot_sync(kAllLanes, set);
    same &= set ? lanes : ~lanes;
  }
  return same;
}

}  // namespace

extern "C" {

__global__ __launch_bounds__(kPlanThreads) void moe_plan_count(std::int64_t choices, int experts,
                                                               const std::int32_t* expert,
                                                               std::int32_t* count) {
  __shared__ std::int32_t counted[kPlanThreads];
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t first = std::int64_t{blockIdx.x} * kPlanChunk;
  counted[thread] = 0;
  __syncthreads();
#pragma unroll
  for (int round = 0; round < kPlanRounds; ++round) {
    const std::int64_t choice = first + round * kPlanThreads + thread;
    if (choice < choices) atomicAdd(&counted[expert[choice]], 1);
  }
  __syncthreads();
  if (thread < experts) count[std::int64_t{blockIdx.x} * experts + thread] = counted[thread];
}

__global__ __launch_bounds__(kPlanThreads) void moe_plan_scan(
    std::int64_t chunks, int experts, const std::int32_t* __restrict__ count,
    std::int32_t* __restrict__ start, std::int64_t* __restrict__ offset) {
  __shared__ int scratch[kWarp];
  const int expert = static_cast<int>(threadIdx.x);
  std::int32_t own = 0;
  if (expert < experts) {
#pragma unroll 8
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk) own += count[chunk * experts + expert];
  }
  const cuda::Prefix choices = cuda::block_prefix(own, scratch);
  if (expert >= experts) return;
  std::int32_t next = choices.before;
  offset[expert] = next;
  if (expert == 0) offset[experts] = choices.total;
#pragma unroll 8
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    start[chunk * experts + expert] = next;
    next += count[chunk * experts + expert];
  }
}

__global__ __launch_bounds__(kPlanThreads) void moe_plan_place(std::int64_t choices, int experts,
                                                               int top_k, const std::int32_t* start,
                                                               PlanArrays plan) {
  __shared__ std::int32_t next[kWarps][kPlanThreads];  // a warp's next slot of each expert
  const int thread = static_cast<int>(threadIdx.x);
  const int warp = thread / kWarp;
  const int lane = thread % kWarp;
  const std::int64_t first =
      std::int64_t{blockIdx.x} * kPlanChunk + warp * (kWarp * kPlanRounds) + lane;

  for (int expert = lane; expert < kPlanThreads; expert += kWarp) next[warp][expert] = 0;
  __syncwarp();
  int expert[kPlanRounds];
#pragma unroll
  for (int round = 0; round < kPlanRounds; ++round) {
    const std::int64_t choice = first + round * kWarp;
    expert[round] = choice < choices ? plan.expert[choice] : 0;
    if (choice < choices) atomicAdd(&next[warp][expert[round]], 1);
  }
  __syncthreads();
  if (thread < experts) {
    std::int32_t slot = start[std::int64_t{blockIdx.x} * experts + thread];
    for (int w = 0; w < kWarps; ++w) {
      const std::int32_t counted = next[w][thread];
      next[w][thread] = slot;
      slot += counted;
    }
  }
  __syncthreads();

#pragma unroll
  for (int round = 0; round < kPlanRounds; ++round) {
    const std::int64_t choice = first + round * kWarp;
    const bool has_choice = choice < choices;
    // Lanes past the end count as expert 0, but come after all that have a choice.
    const unsigned same = lanes_of_same_expert(expert[round]);
    const int earlier = __popc(same & ((1U << lane) - 1U));
    const std::int32_t slot = next[warp][expert[round]] + earlier;
    __syncwarp();
    if (has_choice) {
      if (earlier == 0) next[warp][expert[round]] += __popc(same);
      plan.slot[choice] = slot;
      plan.token_of_slot[slot] = static_cast<std::int32_t>(choice / top_k);
    }
    __syncwarp();
  }
}

}  // extern "C"

}  // namespace assay::moe
