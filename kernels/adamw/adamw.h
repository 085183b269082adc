#pragma once
/// Gradient norm, clipping and AdamW with FP32 master weights.
///
///   norm = sqrt(Σ g²), clip = min(1, max_norm / norm), g ← clip · g
///   m ← β1·m + (1-β1)·g,   v ← β2·v + (1-β2)·g²
///   w ← w - lr · ( m/(1-β1^t) / (sqrt(v/(1-β2^t)) + ε) + λ·w )
/// Sources: I. Loshchilov and F. Hutter, arXiv 1711.05101, algorithm 2 (with a constant schedule);
/// R. Pascanu et al., arXiv 1211.5063, algorithm 1 (clipping by the norm).
///
/// FLOPs per parameter: update 18 (clip 1, moments 8, step 9; a division or root counts as one),
/// gradient norm 2 (not model FLOPs).
/// Bytes per parameter: update 28 (gradient, master and two moments read, the last three written)
/// and the size of T; gradient norm 4.
///
/// On CUDA: kernels/adamw/adamw_cuda.h.
/// Decomposition on a CPU: memory-bound, so one pass in which each thread walks over one contiguous
/// stretch of all arrays; the bias corrections are two factors computed once in double, which
/// leaves one root and one division a parameter. The norm is summed over chunks of a fixed size, in
/// 32 lanes of float, the lanes and chunks in double and in order: the same bits for any number of
/// threads.
#include <cstdint>
#include <vector>

#include "kernels/adamw/operands.h"
#include "kernels/workload.h"

namespace assay::adamw {

template <class T>
struct CpuKernels {
  /// One update of n parameters. step counts from 1; gradient_scale is the clip factor (times the
  /// accumulation's 1/n). weight: (n), the rounded copy that the model computes with.
  void (*update)(const Hyperparameters&, std::int64_t step, float gradient_scale, std::int64_t n,
                 const float* gradient, float* master, float* first_moment, float* second_moment,
                 T* weight);
  /// Σ g² over n, in double, summed over fixed chunks in order.
  double (*sum_of_squares)(std::int64_t n, const float* gradient);
};

/// min(1, max_norm / norm); 1 where the norm is 0 or not a number (the update then passes a NaN on,
/// so that it is seen).
[[nodiscard]] float clip_factor(double norm, double max_norm);

/// The definition (Real = double) and the control (Real = float); step counts from 1.
template <class Real>
void update_reference(const Hyperparameters& hyperparameters, std::int64_t step,
                      Real gradient_scale, std::int64_t n, const Real* gradient, Real* master,
                      Real* first_moment, Real* second_moment);
/// Σ g², in the order of memory.
template <class Real>
[[nodiscard]] Real sum_of_squares_reference(std::int64_t n, const Real* gradient);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::adamw
