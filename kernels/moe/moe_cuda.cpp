#include "kernels/moe/moe_cuda.h"

#include <string>
#include <type_traits>

#include "base/error.h"
#include "kernels/cuda/alignment.h"

namespace assay::moe {
namespace {

using cuda::launch;

/// One warp a token; the packed entry where rows are whole packs, else the one for any width.
template <auto* Packed, auto* Any, class... Operands>
void launch_rows(const cuda::Stream& stream, const Shape& shape, bool packed,
                 const Operands&... operands) {
  require_cuda_limits(shape);
  if (shape.tokens == 0) return;
  const cuda::Geometry where{.grid = {cuda::blocks_for(shape.tokens * 32, kRowThreads)},
                             .block = {kRowThreads}};
  packed ? launch<Packed>(stream, where, shape, operands...)
         : launch<Any>(stream, where, shape, operands...);
}

template <class T>
void gather(const cuda::Stream& stream, const Shape& shape, const std::int32_t* slot,
            const float* factor, const T* rows, const T* addend, T* out) {
  const bool packed = cuda::rows_are_packed<T>(shape.width, {rows, addend, out});
  if constexpr (std::is_same_v<T, Bf16>) {
    launch_rows<moe_gather_bf16, moe_gather_bf16_any>(stream, shape, packed, slot, factor, rows,
                                                      addend, out);
  } else {
    launch_rows<moe_gather_fp32, moe_gather_fp32_any>(stream, shape, packed, slot, factor, rows,
                                                      addend, out);
  }
}

}  // namespace

void require_cuda_limits(const Shape& shape) {
  if (shape.experts > kMaxExperts || shape.top_k > kMaxTopK || shape.top_k > shape.experts) {
    throw input_error(
        "the routing is beyond its CUDA kernels",
        std::to_string(shape.top_k) + " of " + std::to_string(shape.experts) + " experts",
        "at most " + std::to_string(kMaxTopK) + " of " + std::to_string(kMaxExperts));
  }
}

template <class T>
void dispatch_forward(const cuda::Stream& stream, const Shape& shape, const PlanView& plan,
                      const T* x, T* xs) {
  const bool packed = cuda::rows_are_packed<T>(shape.width, {x, xs});
  if constexpr (std::is_same_v<T, Bf16>) {
    launch_rows<moe_scatter_bf16, moe_scatter_bf16_any>(stream, shape, packed, plan.slot, x, xs);
  } else {
    launch_rows<moe_scatter_fp32, moe_scatter_fp32_any>(stream, shape, packed, plan.slot, x, xs);
  }
}

template <class T>
void dispatch_backward(const cuda::Stream& stream, const Shape& shape, const PlanView& plan,
                       const T* dxs, const T* dx_in, T* dx) {
  gather(stream, shape, plan.slot, nullptr, dxs, dx_in, dx);
}

template <class T>
void combine_forward(const cuda::Stream& stream, const Shape& shape, const PlanView& plan,
                     const float* weight, const T* ys, const T* addend, T* y) {
  gather(stream, shape, plan.slot, weight, ys, addend, y);
}

template <class T>
void combine_backward(const cuda::Stream& stream, const Shape& shape, const PlanView& plan,
                      const float* weight, const T* ys, const T* dy, T* dys, float* dweight) {
  const bool packed = cuda::rows_are_packed<T>(shape.width, {ys, dy, dys});
  if constexpr (std::is_same_v<T, Bf16>) {
    launch_rows<moe_combine_backward_bf16, moe_combine_backward_bf16_any>(
        stream, shape, packed, plan.slot, weight, ys, dy, dys, dweight);
  } else {
    launch_rows<moe_combine_backward_fp32, moe_combine_backward_fp32_any>(
        stream, shape, packed, plan.slot, weight, ys, dy, dys, dweight);
  }
}

template void dispatch_forward(const cuda::Stream&, const Shape&, const PlanView&, const Bf16*,
                               Bf16*);
template void dispatch_forward(const cuda::Stream&, const Shape&, const PlanView&, const float*,
                               float*);
template void dispatch_backward(const cuda::Stream&, const Shape&, const PlanView&, const Bf16*,
                                const Bf16*, Bf16*);
template void dispatch_backward(const cuda::Stream&, const Shape&, const PlanView&, const float*,
                                const float*, float*);
template void combine_forward(const cuda::Stream&, const Shape&, const PlanView&, const float*,
                              const Bf16*, const Bf16*, Bf16*);
template void combine_forward(const cuda::Stream&, const Shape&, const PlanView&, const float*,
                              const float*, const float*, float*);
template void combine_backward(const cuda::Stream&, const Shape&, const PlanView&, const float*,
                               const Bf16*, const Bf16*, Bf16*, float*);
template void combine_backward(const cuda::Stream&, const Shape&, const PlanView&, const float*,
                               const float*, const float*, float*, float*);

}  // namespace assay::moe
