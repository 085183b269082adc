#pragma once
/// The gradient's norm, clipping and AdamW on CUDA. The math is in adamw.h; this is how it is laid
/// out on a GPU.
///
/// Memory-bound: 30 bytes and about 40 instructions a parameter with BF16 weights. As a ladder:
///   1. Scaling, moments, step and the weight's copy as kernels of their own pass over the
///      parameters four times. Here one thread does all of it for four neighbouring parameters at a
///      time: four loads and three stores of 16 bytes and one store of 8, each coalesced, each
///      array once. 64 bytes in flight from each of 1,536 threads are five times what covers an
///      H100's latency.
///   2. The bias corrections need powers of β in double, which every thread would compute alike. A
///      kernel of one thread leaves two factors in device memory; a thread reads them once for 16
///      parameters.
///   3. Step count, learning rate and clip factor live in device memory (Progress) and are advanced
///      there, so a captured graph replays them rightly, and the host never waits for the norm.
/// The norm: blocks sum the squares of fixed chunks in float (64 to a thread) and over threads in
/// double; one block adds the chunks' sums in order, takes the root and the clip factor. No
/// atomics: the same bits in every run.
///
/// Stochastic rounding has a workload of its own; the training step, which keeps FP32 masters,
/// rounds to nearest. It has no CPU twin: the definition is rounded_stochastically() of operands.h.
/// One Philox block of ten
/// rounds serves four parameters; 20 instructions more a parameter still hide behind its bytes.
///
/// Addresses that are no multiple of a pack are served by single elements, which no workload uses.
///
/// bytes_issued: each array once, the factors (16 bytes) once for 16 parameters.
#include <cstdint>

#include "kernels/adamw/operands.h"
#include "kernels/cuda/entry.h"

namespace assay::adamw {

inline constexpr int kThreads = 256;
/// Packs of four floats that a thread takes: of the update, and of the norm's chunk.
inline constexpr int kUpdatePacks = 4;
inline constexpr int kNormPacks = 16;
inline constexpr int kFinishThreads = 1024;

/// What an update needs beside the hyperparameters, read by every thread in one access.
struct alignas(16) Factors {
  float gradient_scale = 1.0F;  ///< the clip factor
  float learning_rate = 0.0F;
  float step_rate = 0.0F;    ///< learning_rate / (1 - β1^t)
  float root_factor = 0.0F;  ///< 1 / sqrt(1 - β2^t)
};

/// What changes from step to step; in device memory. Begins as
/// {.factors = {.learning_rate = rate}}. The rate of Hyperparameters is not looked at, so that a
/// schedule may write another one between steps.
struct Progress {
  Factors factors;
  std::int64_t step = 0;       ///< updates begun
  double gradient_norm = 0.0;  ///< before clipping
};

/// Operands of an update of n parameters.
template <class T>
struct Parameters {
  const float* gradient = nullptr;
  float* master = nullptr;
  float* first_moment = nullptr;
  float* second_moment = nullptr;
  T* weight = nullptr;  ///< the rounded copy that the model computes with
};

/// Entries, named adamw_<what>_<type>; "_any" serves any alignment.
extern "C" {
/// partial[chunk] = Σ g² over a block's chunk.
ASSAY_KERNEL adamw_sum_of_squares(std::int64_t n, const float* gradient, double* partial);
ASSAY_KERNEL adamw_sum_of_squares_any(std::int64_t n, const float* gradient, double* partial);
/// One block: the norm and the clip factor into *progress.
ASSAY_KERNEL adamw_finish_norm(std::int64_t chunks, const double* partial, double max_norm,
                               Progress* progress);
/// One thread: the next step's count and factors.
ASSAY_KERNEL adamw_advance(Hyperparameters, Progress* progress);
ASSAY_KERNEL adamw_update_bf16(Hyperparameters, const Progress*, std::int64_t n, Parameters<Bf16>);
ASSAY_KERNEL adamw_update_fp32(Hyperparameters, const Progress*, std::int64_t n, Parameters<float>);
ASSAY_KERNEL adamw_update_bf16_any(Hyperparameters, const Progress*, std::int64_t n,
                                   Parameters<Bf16>);
ASSAY_KERNEL adamw_update_fp32_any(Hyperparameters, const Progress*, std::int64_t n,
                                   Parameters<float>);
ASSAY_KERNEL adamw_update_stochastic_bf16(Hyperparameters, const Progress*, std::int64_t n,
                                          Parameters<Bf16>, RoundingDraw);
ASSAY_KERNEL adamw_update_stochastic_bf16_any(Hyperparameters, const Progress*, std::int64_t n,
                                              Parameters<Bf16>, RoundingDraw);
}

}  // namespace assay::adamw

#ifndef __CUDACC__
#include "kernels/cuda/device.h"

namespace assay::adamw {

/// Launches on a stream; operands and progress are device addresses. T = Bf16 or float.
///
/// The norm of n gradients and the clip factor min(1, max_norm / norm) (1 where the norm is no
/// number) into *progress. `workspace`: gradient_norm_workspace_doubles(n) doubles.
void gradient_norm(const cuda::Stream& stream, std::int64_t n, const float* gradient,
                   double max_norm, Progress* progress, double* workspace);
[[nodiscard]] std::size_t gradient_norm_workspace_doubles(std::int64_t n);
/// Begins a step: counts it and computes its factors. Before the step's updates.
void advance(const cuda::Stream& stream, const Hyperparameters& hyperparameters,
             Progress* progress);
/// One update of n parameters by progress' factors; weights are rounded to nearest.
template <class T>
void update(const cuda::Stream& stream, const Hyperparameters& hyperparameters,
            const Progress* progress, std::int64_t n, const Parameters<T>& parameters);
/// The same with weights rounded stochastically.
void update_stochastic(const cuda::Stream& stream, const Hyperparameters& hyperparameters,
                       const Progress* progress, std::int64_t n, const Parameters<Bf16>& parameters,
                       const RoundingDraw& draw);

/// What the launches above ask of global memory; an update with its advance.
[[nodiscard]] std::uint64_t gradient_norm_bytes_issued(std::int64_t n);
[[nodiscard]] std::uint64_t update_bytes_issued(std::int64_t n, std::size_t element_bytes);

}  // namespace assay::adamw
#endif
