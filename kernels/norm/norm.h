#pragma once
/// Layer normalisation and RMS normalisation, forward and backward, with an optional fused
/// residual addition.
///
///   s = x + residual                          (s = x without residual)
///   LayerNorm: y = γ · (s - μ) · ρ + β,       μ = mean(s), ρ = 1 / sqrt(mean((s - μ)²) + ε)
///   RMSNorm:   y = γ · s · ρ,                 ρ = 1 / sqrt(mean(s²) + ε)
///
/// Backward, with h = (s - μ)·ρ (RMSNorm: μ = 0) and g = dy · γ:
///   LayerNorm: ds = ρ · (g - mean(g) - h · mean(g · h))
///   RMSNorm:   ds = ρ · (g - h · mean(g · h))
///   dx = dresidual = ds + dsum, where dsum is the gradient that reaches s through the residual
///   stream itself; dγ += Σ_rows dy · h, dβ += Σ_rows dy.
///
/// Sources: J. L. Ba et al., arXiv 1607.06450, eq. 3; B. Zhang and R. Sennrich, arXiv 1910.07467,
/// eq. 4.
///
/// FLOPs, counted per element: LayerNorm forward 8, backward 14; RMSNorm forward 5, backward 10;
/// one more for a fused residual (not model FLOPs: a norm is memory-bound and only its bytes
/// matter). Bytes: each tensor once.
///
/// On CUDA: kernels/norm/norm_cuda.h.
/// Decomposition on a CPU: one row per iteration of a parallel loop; inside a row three vectorised
/// sweeps over data that stay in the first-level cache. dγ and dβ are summed over a fixed number
/// of row chunks, then over the chunks in order, so the result does not depend on the number of
/// threads.
#include <cstdint>
#include <vector>

#include "kernels/norm/operands.h"
#include "kernels/workload.h"

namespace assay::norm {

/// The CPU kernels of one instruction-set level: kernels_for<CpuKernels<T>>(level).
template <class T>
struct CpuKernels {
  void (*layernorm_forward)(const Shape&, const Forward<T>&);
  void (*layernorm_backward)(const Shape&, const Backward<T>&);
  void (*rmsnorm_forward)(const Shape&, const Forward<T>&);
  void (*rmsnorm_backward)(const Shape&, const Backward<T>&);
};

/// The definition: loops that read like the math above. Real = double is the definition, Real =
/// float the control from which tolerances are derived (kernels/compare.h).
template <class Real>
struct ReferenceForward {
  const Real* x = nullptr;
  const Real* residual = nullptr;
  const Real* gamma = nullptr;
  const Real* beta = nullptr;
  Real* sum = nullptr;
  Real* y = nullptr;
};
template <class Real>
struct ReferenceBackward {
  const Real* dy = nullptr;
  const Real* sum = nullptr;
  const Real* gamma = nullptr;
  const Real* dsum = nullptr;
  Real* dx = nullptr;
  Real* dgamma = nullptr;
  Real* dbeta = nullptr;
};
template <class Real>
void layernorm_forward_reference(const Shape& shape, const ReferenceForward<Real>& operands);
template <class Real>
void layernorm_backward_reference(const Shape& shape, const ReferenceBackward<Real>& operands);
template <class Real>
void rmsnorm_forward_reference(const Shape& shape, const ReferenceForward<Real>& operands);
template <class Real>
void rmsnorm_backward_reference(const Shape& shape, const ReferenceBackward<Real>& operands);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::norm
