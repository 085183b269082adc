#pragma once
/// Routing on CUDA. The math is in moe.h; this is how it is laid out on a GPU.
///
/// Memory-bound. As a ladder:
///   1. One thread a token walks over its experts k times, at a stride of a row.
///   2. One block a token: of 64 experts, most lanes have nothing to do.
///   3. A lane holds eight neighbouring experts (one load of 16 bytes in BF16) and a group of 1, 2,
///      4 … 32 lanes a token: 64 experts are 8 lanes, and a warp routes four tokens. The best of a
///      group is the maximum of 64-bit keys, the logit's rank above the complement of its expert,
///      so ties go to the lower expert and the order of exchanges does not matter.
///   4. Backward, a warp reads the choices of its tokens once, side by side, into shared memory,
///      instead of every lane of a group its token's.
///
/// Limits: those of moe_cuda.h. Rows that are no multiple of 16 bytes are read and written by
/// single elements.
///
/// bytes_issued: the compulsory bytes (moe_workload.h); nothing is asked for twice.
#include <cstdint>

#include "kernels/cuda/entry.h"
#include "kernels/moe/operands.h"

namespace assay::moe {

inline constexpr int kExpertsPerLane = 8;
inline constexpr int kRouteThreads = 128;

/// How a kernel of the routes lays a token's experts over lanes.
struct Lanes {
  int per_token = 0;    ///< a power of two, kExpertsPerLane · per_token >= experts
  bool packed = false;  ///< rows are whole packs
};

/// Entries, named moe_route_<pass>_<type>.
extern "C" {
ASSAY_KERNEL moe_route_forward_bf16(Shape, Lanes, const Bf16* logits, float* probability,
                                    std::int32_t* expert, float* weight);
ASSAY_KERNEL moe_route_forward_fp32(Shape, Lanes, const float* logits, float* probability,
                                    std::int32_t* expert, float* weight);
ASSAY_KERNEL moe_route_backward_bf16(Shape, Lanes, const float* probability,
                                     const std::int32_t* expert, const float* dweight,
                                     Bf16* dlogits);
ASSAY_KERNEL moe_route_backward_fp32(Shape, Lanes, const float* probability,
                                     const std::int32_t* expert, const float* dweight,
                                     float* dlogits);
}

}  // namespace assay::moe

#ifndef __CUDACC__
#include "kernels/cuda/device.h"

namespace assay::moe {

/// Launches on a stream; operands are device addresses, as CpuKernels has them. T = Bf16 or float.
template <class T>
void route_forward(const cuda::Stream& stream, const Shape& shape, const T* logits,
                   float* probability, std::int32_t* expert, float* weight);
template <class T>
void route_backward(const cuda::Stream& stream, const Shape& shape, const float* probability,
                    const std::int32_t* expert, const float* dweight, T* dlogits);

}  // namespace assay::moe
#endif
