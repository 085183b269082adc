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
#include <vector>

#include "kernels/bf16.h"
#include "kernels/workload.h"

namespace assay::attention {

struct Shape {
  std::int64_t batch = 0;       ///< B
  std::int64_t sequence = 0;    ///< T
  std::int64_t heads = 0;       ///< H query heads
  std::int64_t kv_heads = 0;    ///< G key and value heads; G divides H
  std::int64_t head_size = 0;   ///< D
  std::int64_t row_stride = 0;  ///< of q, k, v and their gradients: elements between tokens
};

/// q, k, v point into packed rows (B·T, row_stride): query heads, key heads, value heads, say.
template <class T>
struct Forward {
  const T* q = nullptr;      ///< (B, T, H, D), row_stride between tokens
  const T* k = nullptr;      ///< (B, T, G, D)
  const T* v = nullptr;      ///< (B, T, G, D)
  T* out = nullptr;          ///< (B, T, H, D), contiguous
  float* log_sum = nullptr;  ///< (B, H, T): L
};

/// `out` and `log_sum` are the forward pass's.
template <class T>
struct Backward {
  const T* q = nullptr;
  const T* k = nullptr;
  const T* v = nullptr;
  const T* out = nullptr;
  const float* log_sum = nullptr;
  const T* dout = nullptr;  ///< (B, T, H, D), contiguous
  T* dq = nullptr;          ///< written, not added to; strides as q, k, v
  T* dk = nullptr;
  T* dv = nullptr;
};

/// The CPU kernels of one instruction-set level: kernels_for<CpuKernels<T>>(level).
template <class T>
struct CpuKernels {
  void (*forward)(const Shape&, const Forward<T>&);
  void (*backward)(const Shape&, const Backward<T>&);
};

/// How P and dS enter products: as computed, or rounded to Bf16 first, as every implementation on
/// units that multiply Bf16 must, so a Bf16 control does too. The definition never rounds.
enum class Weights { as_computed, bf16 };

/// The definition: loops that read like the math above, one row of P at a time. Real = double is
/// the definition, Real = float the control from which tolerances are derived (kernels/compare.h).
template <class Real>
void forward_reference(const Shape& shape, const Real* q, const Real* k, const Real* v, Real* out,
                       Real* log_sum = nullptr, Weights weights = Weights::as_computed);
/// `out` and `log_sum` are what the forward pass left, rounded as it was stored: operands of the
/// backward kernel and so, in its tests, of the definition. Without them P and δ are computed from
/// q, k and v; give both or neither.
template <class Real>
void backward_reference(const Shape& shape, const Real* q, const Real* k, const Real* v,
                        const Real* dout, Real* dq, Real* dk, Real* dv, const Real* out = nullptr,
                        const Real* log_sum = nullptr, Weights weights = Weights::as_computed);

/// Model FLOPs: the half of the score matrix that causal attention must compute, counted as
/// T·T/2 per head (2 products forward, 4 more backward; recomputed scores never counted).
[[nodiscard]] std::uint64_t forward_flops(const Shape& shape);
[[nodiscard]] std::uint64_t backward_flops(const Shape& shape);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::attention
