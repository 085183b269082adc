#pragma once
/// The memory of a step: what lasts (parameters, moments), and what one micro-batch's forward pass
/// leaves for its backward pass. T is the storage type, float or Bf16. The addresses are the host's
/// or a device's, as the arena was.
#include <cstdint>
#include <vector>

#include "kernels/moe/moe.h"
#include "kernels/transformer/arena.h"
#include "kernels/transformer/step.h"

namespace assay::transformer {

template <class T>
struct FeedForwardBuffers {
  T* up = nullptr;         ///< (rows, up_width), before the activation
  T* activated = nullptr;  ///< (rows, width)
};

template <class T>
struct NormBuffers {
  T* sum = nullptr;  ///< (tokens, d): the residual stream up to here
  T* y = nullptr;    ///< (tokens, d)
  float* mean = nullptr;
  float* rstd = nullptr;
};

template <class T>
struct ExpertBuffers {
  T* logits = nullptr;  ///< (tokens, experts)
  float* probability = nullptr;
  float* weight = nullptr;  ///< (tokens, k)
  T* dispatched = nullptr;  ///< (tokens·k, d)
  FeedForwardBuffers<T> feed_forward;
  T* out = nullptr;  ///< (tokens·k, d)
  moe::Plan plan;    ///< on a CPU
};

template <class T>
struct LayerBuffers {
  NormBuffers<T> norm1, norm2;
  T* qkv = nullptr;
  T* attended = nullptr;
  float* log_sum = nullptr;
  FeedForwardBuffers<T> dense;  ///< or the shared experts
  ExpertBuffers<T> experts;
};

/// Gradients of activations; used by one layer after the other.
template <class T>
struct GradientBuffers {
  T* stream = nullptr;  ///< (tokens, d): of the residual stream
  T* normed = nullptr;  ///< (tokens, d)
  T* attended = nullptr;
  T* qkv = nullptr;
  FeedForwardBuffers<T> dense;
  FeedForwardBuffers<T> experts;
  T* router = nullptr;      ///< (tokens, experts)
  T* dispatched = nullptr;  ///< (tokens·k, d)
  T* expert_out = nullptr;  ///< (tokens·k, d)
  float* weight = nullptr;  ///< (tokens, k)
};

template <class T>
struct StepState {
  StepState(const StepOptions& options, const ParameterList& list);

  /// Takes all arrays from the arena.
  void lay_out(Arena& arena, const StepOptions& options, const ParameterList& list);

  // Lasting; in storage order.
  float* master = nullptr;
  float* gradient = nullptr;
  float* first_moment = nullptr;
  float* second_moment = nullptr;
  T* weight = nullptr;  ///< rounded master weights; with FP32, the master weights themselves

  // Of one micro-batch.
  std::int32_t* rows = nullptr;     ///< (batch, sequence + 1)
  std::int32_t* inputs = nullptr;   ///< (batch, sequence)
  std::int32_t* targets = nullptr;  ///< (batch, sequence)
  std::vector<LayerBuffers<T>> layers;
  T* branch = nullptr;  ///< (tokens, d): what a branch adds to the residual stream
  NormBuffers<T> final_norm;
  T* logits = nullptr;  ///< (tokens, stored vocabulary), then their gradients
  float* losses = nullptr;
  GradientBuffers<T> d;

 private:
  void lay_out_layer(Arena& arena, const StepOptions& options, LayerBuffers<T>& layer);
  void lay_out_gradients(Arena& arena, const StepOptions& options);
};

/// The bytes that the state's arrays take.
template <class T>
[[nodiscard]] std::size_t laid_out_bytes(StepState<T>& state, const StepOptions& options,
                                         const ParameterList& list) {
  Arena measure;
  state.lay_out(measure, options, list);
  return measure.used();
}

}  // namespace assay::transformer
