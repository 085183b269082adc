#include "kernels/moe/moe_route_cuda.h"

#include <bit>
#include <type_traits>

#include "kernels/cuda/alignment.h"
#include "kernels/moe/moe_cuda.h"

namespace assay::moe {
namespace {

using cuda::Geometry;
using cuda::launch;

Lanes lanes_of(const Shape& shape, bool aligned) {
  const auto experts = static_cast<unsigned>(shape.experts);
  const unsigned lanes = (experts + kExpertsPerLane - 1) / kExpertsPerLane;
  return {static_cast<int>(std::bit_ceil(lanes)), aligned && experts % kExpertsPerLane == 0};
}

Geometry route_geometry(const Shape& shape, const Lanes& lanes) {
  return {.grid = {cuda::blocks_for(shape.tokens * lanes.per_token, kRouteThreads)},
          .block = {kRouteThreads}};
}

}  // namespace

template <class T>
void route_forward(const cuda::Stream& stream, const Shape& shape, const T* logits,
                   float* probability, std::int32_t* expert, float* weight) {
  require_cuda_limits(shape);
  if (shape.tokens == 0) return;
  const Lanes lanes = lanes_of(shape, cuda::rows_are_packed<T>(0, {logits, probability}));
  const Geometry where = route_geometry(shape, lanes);
  if constexpr (std::is_same_v<T, Bf16>) {
    launch<moe_route_forward_bf16>(stream, where, shape, lanes, logits, probability, expert,
                                   weight);
  } else {
    launch<moe_route_forward_fp32>(stream, where, shape, lanes, logits, probability, expert,
                                   weight);
  }
}

template <class T>
void route_backward(const cuda::Stream& stream, const Shape& shape, const float* probability,
                    const std::int32_t* expert, const float* dweight, T* dlogits) {
  require_cuda_limits(shape);
  if (shape.tokens == 0) return;
  const Lanes lanes = lanes_of(shape, cuda::rows_are_packed<T>(0, {probability, dlogits}));
  const Geometry where = route_geometry(shape, lanes);
  if constexpr (std::is_same_v<T, Bf16>) {
    launch<moe_route_backward_bf16>(stream, where, shape, lanes, probability, expert, dweight,
                                    dlogits);
  } else {
    launch<moe_route_backward_fp32>(stream, where, shape, lanes, probability, expert, dweight,
                                    dlogits);
  }
}

template void route_forward(const cuda::Stream&, const Shape&, const Bf16*, float*, std::int32_t*,
                            float*);
template void route_forward(const cuda::Stream&, const Shape&, const float*, float*, std::int32_t*,
                            float*);
template void route_backward(const cuda::Stream&, const Shape&, const float*, const std::int32_t*,
                             const float*, Bf16*);
template void route_backward(const cuda::Stream&, const Shape&, const float*, const std::int32_t*,
                             const float*, float*);

}  // namespace assay::moe
