#pragma once
/// Dispatch and combine on CUDA. The math is in moe.h; this is how it is laid out on a GPU.
/// Routing: moe_route_cuda.h; the plan: moe_plan_cuda.h.
///
/// Memory-bound. As a ladder:
///   1. One thread block a slot, as the CPU does: a token's row is read k times.
///   2. One warp a token: its row is read once and written to k slots, or k slots' rows are read
///      and one written. Slots and weights are read by the first k lanes and handed round. All k
///      loads of a column are issued before the first is used: 74 KB are in flight from the 24
///      warps (72 registers) of a multiprocessor at k = 6, four times what covers an H100's
///      latency.
/// No two warps write the same row: no atomics.
///
/// Limits: kMaxExperts experts, kMaxTopK choices; beyond is an input error. Rows that are no
/// multiple of 16 bytes are served by single elements, which no workload uses.
///
/// bytes_issued: the compulsory bytes (moe_workload.h); nothing is asked for twice.
#include <cstdint>

#include "kernels/cuda/entry.h"
#include "kernels/moe/operands.h"

namespace assay::moe {

/// Limits of all CUDA kernels of this folder.
inline constexpr int kMaxExperts = 256;
inline constexpr int kMaxTopK = 8;
inline constexpr int kRowThreads = 256;

/// Entries, named moe_<what>_<type>; "_any" serves any width and alignment.
extern "C" {
/// out[slot_tj] = rows[t].
ASSAY_KERNEL moe_scatter_bf16(Shape, const std::int32_t* slot, const Bf16* rows, Bf16* out);
ASSAY_KERNEL moe_scatter_fp32(Shape, const std::int32_t* slot, const float* rows, float* out);
ASSAY_KERNEL moe_scatter_bf16_any(Shape, const std::int32_t* slot, const Bf16* rows, Bf16* out);
ASSAY_KERNEL moe_scatter_fp32_any(Shape, const std::int32_t* slot, const float* rows, float* out);
/// out[t] = addend[t] (0 where null) + Σ_j factor_tj · rows[slot_tj] (factor 1 where null).
ASSAY_KERNEL moe_gather_bf16(Shape, const std::int32_t* slot, const float* factor, const Bf16* rows,
                             const Bf16* addend, Bf16* out);
ASSAY_KERNEL moe_gather_fp32(Shape, const std::int32_t* slot, const float* factor,
                             const float* rows, const float* addend, float* out);
ASSAY_KERNEL moe_gather_bf16_any(Shape, const std::int32_t* slot, const float* factor,
                                 const Bf16* rows, const Bf16* addend, Bf16* out);
ASSAY_KERNEL moe_gather_fp32_any(Shape, const std::int32_t* slot, const float* factor,
                                 const float* rows, const float* addend, float* out);
ASSAY_KERNEL moe_combine_backward_bf16(Shape, const std::int32_t* slot, const float* weight,
                                       const Bf16* ys, const Bf16* dy, Bf16* dys, float* dweight);
ASSAY_KERNEL moe_combine_backward_fp32(Shape, const std::int32_t* slot, const float* weight,
                                       const float* ys, const float* dy, float* dys,
                                       float* dweight);
ASSAY_KERNEL moe_combine_backward_bf16_any(Shape, const std::int32_t* slot, const float* weight,
                                           const Bf16* ys, const Bf16* dy, Bf16* dys,
                                           float* dweight);
ASSAY_KERNEL moe_combine_backward_fp32_any(Shape, const std::int32_t* slot, const float* weight,
                                           const float* ys, const float* dy, float* dys,
                                           float* dweight);
}

}  // namespace assay::moe

#ifndef __CUDACC__
#include "kernels/cuda/device.h"

namespace assay::moe {

/// Throws an input error where the shape is beyond the limits, or chooses more experts than there
/// are.
void require_cuda_limits(const Shape& shape);

/// Launches on a stream; operands are device addresses, as CpuKernels has them. T = Bf16 or float.
template <class T>
void dispatch_forward(const cuda::Stream& stream, const Shape& shape, const PlanView& plan,
                      const T* x, T* xs);
template <class T>
void dispatch_backward(const cuda::Stream& stream, const Shape& shape, const PlanView& plan,
                       const T* dxs, const T* dx_in, T* dx);
template <class T>
void combine_forward(const cuda::Stream& stream, const Shape& shape, const PlanView& plan,
                     const float* weight, const T* ys, const T* addend, T* y);
template <class T>
void combine_backward(const cuda::Stream& stream, const Shape& shape, const PlanView& plan,
                      const float* weight, const T* ys, const T* dy, T* dys, float* dweight);

}  // namespace assay::moe
#endif
