#pragma once
/// Top-k routing to experts, dispatch and combine, forward and backward.
///
///   p = softmax(logits); the k largest p_e are kept as they are (not renormalised), in falling
///   order, ties to the lower expert. Source: D. Dai et al. (DeepSeekMoE), arXiv 2401.06066, eq. 3
///   to 5. Experts are ranked by their logits, which rank as p does but have not been rounded, so
///   every precision and level chooses the same experts.
///     backward: dlogits_e = p_e (dp_e - Σ_f p_f dp_f), dp_e = dweight of the choice, else 0
///   dispatch: xs[slot_tj] = x_t: rows are copied to slots, grouped by expert, by token inside one
///     backward: dx_t = Σ_j dxs[slot_tj]
///   combine:  y_t = Σ_j weight_tj · ys[slot_tj]
///     backward: dys[slot_tj] = weight_tj · dy_t,  dweight_tj = Σ_i dy_ti · ys[slot_tj]_i
/// No auxiliary loss: the frozen bundle has none.
///   experts' products, w_e the weight (out, in) of the expert that owns the slot:
///     forward          y(slot, out)   = Σ_in x(slot, in) · w_e(out, in)
///     input gradient   dx(slot, in)   = Σ_out dy(slot, out) · w_e(out, in)
///     weight gradient  dw_e(out, in) += Σ_slot of e dy(slot, out) · x(slot, in)
///
/// FLOPs, n tokens, E experts, width C, an exponential counting as one: route forward 5·n·E (a
/// maximum, a difference, an exponential, a sum and a quotient; comparisons for the choice are not
/// counted), backward n·(E + 3k); dispatch 0, backward n·(k - 1)·C; combine n·(2k - 1)·C, backward
/// 3·n·k·C. Bytes: each tensor once.
///
/// On CUDA: moe_route_cuda.h, moe_plan_cuda.h, moe_cuda.h, and for the experts' own products
/// moe_products_cuda.h.
/// Decomposition on a CPU: by token (dispatch: by slot), rows vectorised; sums over the k choices
/// are taken in their order, in float. No two threads write to the same row, so the number of
/// threads changes nothing.
#include <cstdint>
#include <vector>

#include "kernels/moe/operands.h"
#include "kernels/workload.h"

namespace assay::moe {

/// Where each (token, choice) goes; the members are those of PlanView. Converts to a view, which
/// refers to it.
struct Plan {
  std::vector<std::int32_t> expert;
  std::vector<std::int32_t> slot;
  std::vector<std::int32_t> token_of_slot;
  std::vector<std::int64_t> offset;

  operator PlanView() const {
    return {expert.data(), slot.data(), token_of_slot.data(), offset.data()};
  }
};

/// Counts, offsets and slots from the chosen experts; `plan.expert` is input. Errors: an expert
/// outside [0, experts) or the wrong number of them is an input error.
void make_plan(const Shape& shape, Plan& plan);

template <class T>
struct CpuKernels {
  /// logits: (tokens, experts) -> probability (tokens, experts), expert and weight (tokens, k).
  void (*route_forward)(const Shape&, const T* logits, float* probability, std::int32_t* expert,
                        float* weight);
  /// dweight: (tokens, k) -> dlogits: (tokens, experts), written.
  void (*route_backward)(const Shape&, const float* probability, const std::int32_t* expert,
                         const float* dweight, T* dlogits);
  /// x: (tokens, width) -> xs: (tokens·k, width).
  void (*dispatch_forward)(const Shape&, const PlanView&, const T* x, T* xs);
  /// dx: (tokens, width), written: Σ_j dxs[slot_tj] (+ dx_in where not null).
  void (*dispatch_backward)(const Shape&, const PlanView&, const T* dxs, const T* dx_in, T* dx);
  /// y = addend (or 0 where null) + Σ_j weight · ys[slot].
  void (*combine_forward)(const Shape&, const PlanView&, const float* weight, const T* ys,
                          const T* addend, T* y);
  /// dys: (tokens·k, width), dweight: (tokens, k), both written.
  void (*combine_backward)(const Shape&, const PlanView&, const float* weight, const T* ys,
                           const T* dy, T* dys, float* dweight);
};

/// The definition (Real = double) and the control (Real = float).
template <class Real>
void route_forward_reference(const Shape& shape, const Real* logits, Real* probability,
                             std::int32_t* expert, Real* weight);
template <class Real>
void route_backward_reference(const Shape& shape, const Real* probability,
                              const std::int32_t* expert, const Real* dweight, Real* dlogits);
template <class Real>
void dispatch_forward_reference(const Shape& shape, const Plan& plan, const Real* x, Real* xs);
template <class Real>
void dispatch_backward_reference(const Shape& shape, const Plan& plan, const Real* dxs,
                                 const Real* dx_in, Real* dx);
template <class Real>
void combine_forward_reference(const Shape& shape, const Plan& plan, const Real* weight,
                               const Real* ys, const Real* addend, Real* y);
template <class Real>
void combine_backward_reference(const Shape& shape, const Plan& plan, const Real* weight,
                                const Real* ys, const Real* dy, Real* dys, Real* dweight);

/// The experts' products. offset: PlanView's; x and dx (slots, in), y and dy (slots, out), w and dw
/// (experts, out, in). dw is added to.
template <class Real>
void products_forward_reference(const ProductShape& shape, const std::int64_t* offset,
                                const Real* x, const Real* w, Real* y);
template <class Real>
void products_input_gradient_reference(const ProductShape& shape, const std::int64_t* offset,
                                       const Real* dy, const Real* w, Real* dx);
template <class Real>
void products_weight_gradient_reference(const ProductShape& shape, const std::int64_t* offset,
                                        const Real* dy, const Real* x, Real* dw);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::moe
