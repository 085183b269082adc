#include "kernels/moe/moe_plan_cuda.h"

#include "kernels/moe/moe_cuda.h"

namespace assay::moe {
namespace {

std::int64_t chunks_of(const Shape& shape) {
  return cuda::blocks_for(shape.tokens * shape.top_k, kPlanChunk);
}

}  // namespace

void make_plan(const cuda::Stream& stream, const Shape& shape, const PlanArrays& plan,
               std::int32_t* workspace) {
  require_cuda_limits(shape);
  const std::int64_t choices = shape.tokens * shape.top_k;
  const std::int64_t chunks = chunks_of(shape);
  const int experts = static_cast<int>(shape.experts);
  std::int32_t* const count = workspace;
  std::int32_t* const start = workspace + chunks * shape.experts;
  const cuda::Geometry one_block{.grid = {1}, .block = {kPlanThreads}};
  const cuda::Geometry by_chunk{.grid = {static_cast<unsigned>(chunks)}, .block = {kPlanThreads}};
  if (chunks > 0) {
    cuda::launch<moe_plan_count>(stream, by_chunk, choices, experts, plan.expert, count);
  }
  cuda::launch<moe_plan_scan>(stream, one_block, chunks, experts, count, start, plan.offset);
  if (chunks > 0) {
    cuda::launch<moe_plan_place>(stream, by_chunk, choices, experts, static_cast<int>(shape.top_k),
                                 start, plan);
  }
}

std::size_t plan_workspace_integers(const Shape& shape) {
  return static_cast<std::size_t>(2 * chunks_of(shape) * shape.experts);
}

}  // namespace assay::moe
