#pragma once
/// The expert plan on CUDA: what make_plan (moe.h) gives, without a word from the host.
///
/// A counting sort of the choices by expert, stable in their order. As a ladder:
///   1. One thread walks over the choices, as the host does: 100,000 dependent steps.
///   2. One atomic counter an expert: fast, but which choice gets which slot depends on timing, and
///      sums over slots then change their bits from run to run.
///   3. Three kernels. Blocks count the experts of their chunk (integer atomics in shared memory:
///      sums do not depend on order). One block, a thread an expert, adds the counts up over chunks
///      and experts: where each chunk's share of each expert begins. Blocks place their choices:
///      each warp counts its own run, learns where its shares begin, and places 32 choices at a
///      time; a choice's rank among the equal ones before it is read off eight ballots, one for
///      each bit of an expert.
/// Tens of kilobytes in all: bound by latency, some microseconds a launch.
#include <cstdint>

#include "kernels/cuda/entry.h"
#include "kernels/moe/operands.h"

namespace assay::moe {

inline constexpr int kPlanThreads = 256;
/// Choices that a lane places, 32 lanes side by side.
inline constexpr int kPlanRounds = 8;
inline constexpr int kPlanChunk = kPlanThreads * kPlanRounds;

/// A plan's arrays, of the sizes that PlanView says.
struct PlanArrays {
  const std::int32_t* expert = nullptr;
  std::int32_t* slot = nullptr;
  std::int32_t* token_of_slot = nullptr;
  std::int64_t* offset = nullptr;
};

/// Entries; choices = tokens · top_k, experts <= kMaxExperts (moe_cuda.h).
extern "C" {
/// count[chunk, e]: the choices of e in a block's chunk.
ASSAY_KERNEL moe_plan_count(std::int64_t choices, int experts, const std::int32_t* expert,
                            std::int32_t* count);
/// One block: offset, and start[chunk, e]: the first slot of the chunk's choices of e.
ASSAY_KERNEL moe_plan_scan(std::int64_t chunks, int experts, const std::int32_t* count,
                           std::int32_t* start, std::int64_t* offset);
ASSAY_KERNEL moe_plan_place(std::int64_t choices, int experts, int top_k, const std::int32_t* start,
                            PlanArrays plan);
}

}  // namespace assay::moe

#ifndef __CUDACC__
#include "kernels/cuda/device.h"

namespace assay::moe {

/// Launches on a stream; addresses are the device's. plan.expert is input, each in [0, experts).
/// `workspace`: plan_workspace_integers(shape) integers. Errors: those of
/// require_cuda_limits.
void make_plan(const cuda::Stream& stream, const Shape& shape, const PlanArrays& plan,
               std::int32_t* workspace);
[[nodiscard]] std::size_t plan_workspace_integers(const Shape& shape);

}  // namespace assay::moe
#endif
