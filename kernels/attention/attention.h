#pragma once
/// Causal attention with grouped query heads, forward and backward, never a T×T matrix in memory.
///
/// For query head h, key head g = h / (H/G), positions t and u <= t, scale = 1/sqrt(D):
///   S_tu = scale · q_t·k_u,   P_tu = exp(S_tu - L_t),   L_t = ln Σ_u exp(S_tu),   o_t = Σ_u P_tu
///   v_u
/// Backward, with δ_t = do_t·o_t:
///   dP_tu = do_t·v_u,  dS_tu = P_tu (dP_tu - δ_t),
///   dq_t = scale Σ_u dS_tu k_u,  dk_u = scale Σ_(h in g),t dS_tu q_t,  dv_u = Σ_(h in g),t P_tu
///   do_t
/// Source: T. Dao, arXiv 2307.08691, algorithms 1 and 2.
///
/// FLOPs: model FLOPs, 2·B·H·T²·D forward (two products of T²/2 scores) and 4·B·H·T²·D backward;
/// scores that the backward pass computes again are not counted. Bytes: q, k, v, out and L once
/// forward; these, dout and the three gradients once backward.
///
/// On CUDA: kernels/attention/attention_cuda.h.
/// Decomposition on a CPU, as a ladder; each step names what it improves on:
///   1. Row by row (the definition here) keeps one row of P, but reads all of K and V for each
///      query: 2 FLOPs a load. Blocks of 64 queries against 64 keys use each load 64 times.
///   2. The row's maximum and sum run along with the blocks of keys (online softmax), so no score
///      outlives its block. Blocks in the future are skipped; on the diagonal each tile of 4 rows
///      stops at the last vector that it may see, so little more than the causal half is computed.
///   3. A product is a register tile, 4 rows by 4 vectors of FP32 sums (4 by 2 with 16 registers),
///      fed by one broadcast and one load at a time. Operands are packed into scratch once per
///      block, zero-padded, in the order in which tiles read them: any D, stride and T is a whole
///      number of tiles.
///   4. With AVX512-BF16 a unit is a pair of neighbours in the summed dimension: VDPBF16PS does
///      twice the work per instruction. P and dS are rounded to Bf16 as operands; statistics and
///      sums stay in FP32. P leaves its registers in the layout in which the next product reads
///      it, so nothing is transposed between products.
///   5. Backward, five products share one visit of a block: blocks of keys outside, queries inside;
///      dk and dv stay in the first two cache levels, dq in FP32 beside the packed queries.
///   6. Tasks are (sequence, query head, piece); a piece takes every n-th block, so pieces cost
///      about the same. The forward pass cuts pieces by the number of threads, since a row's
///      result does not depend on them. The backward pass cuts them by the shape alone and adds dq
///      of pieces, and dk and dv of the query heads of a group, in a fixed order: results do not
///      depend on the number of threads.
///
/// Scratch: O(T·D) per thread, and O(B·H·T·D) backward where heads share keys or are cut in pieces.
#include <cstdint>
#include <type_traits>
#include <vector>

#include "kernels/attention/operands.h"
#include "kernels/workload.h"

namespace assay::attention {

/// The CPU kernels of one instruction-set level: kernels_for<CpuKernels<T>>(level).
template <class T>
struct CpuKernels {
  void (*forward)(const Shape&, const Forward<T>&);
  void (*backward)(const Shape&, const Backward<T>&);
};

/// How P and dS enter products: as computed, or rounded to Bf16 or Fp16 first, as every
/// implementation on units that multiply these must, so a control in them does too. The definition
/// never rounds.
enum class Weights { as_computed, bf16, fp16 };

/// What a control in T does.
template <class T>
[[nodiscard]] constexpr Weights control_weights() {
  if (std::is_same_v<T, Bf16>) return Weights::bf16;
  return std::is_same_v<T, Fp16> ? Weights::fp16 : Weights::as_computed;
}

/// The definition: loops that read like the math above, one row of P at a time. Real = double is
/// the definition, Real = float the control from which tolerances are derived (kernels/compare.h).
/// `positions`, ascending: those of which results are wanted (of dk and dv as keys, else as
/// queries), where all would take too long: O(T·D) each; other positions are left incomplete.
template <class Real>
void forward_reference(const Shape& shape, const Real* q, const Real* k, const Real* v, Real* out,
                       Real* log_sum = nullptr, Weights weights = Weights::as_computed,
                       const std::vector<std::int64_t>& positions = {});
/// `out` and `log_sum` are what the forward pass left, rounded as it was stored: operands of the
/// backward kernel and so, in its tests, of the definition. Without them P and δ are computed from
/// q, k and v; give both or neither, and both with `positions`.
template <class Real>
void backward_reference(const Shape& shape, const Real* q, const Real* k, const Real* v,
                        const Real* dout, Real* dq, Real* dk, Real* dv, const Real* out = nullptr,
                        const Real* log_sum = nullptr, Weights weights = Weights::as_computed,
                        const std::vector<std::int64_t>& positions = {});

/// Model FLOPs: the half of the score matrix that causal attention must compute, counted as
/// T·T/2 per head (2 products forward, 4 more backward; recomputed scores never counted).
[[nodiscard]] std::uint64_t forward_flops(const Shape& shape);
[[nodiscard]] std::uint64_t backward_flops(const Shape& shape);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::attention
