#pragma once
/// The training step on a CPU for one storage type. step.h has the interface for users; this is
/// what stands behind it.
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/token_law.h"
#include "kernels/transformer/cpu_kernels.h"
#include "kernels/transformer/linear.h"
#include "kernels/transformer/step_state.h"

namespace assay::transformer {

/// The products of one feed-forward, for all layers.
template <class T>
struct FeedForwardLinears {
  std::int64_t width = 0;
  Linear<T> up;
  Linear<T> down;
};

/// Weights of one feed-forward, or (as float) their gradients; biases may be null.
template <class Pointer>
struct FeedForwardParameters {
  Pointer up, up_bias, down, down_bias;
};

template <class T>
class CpuStep {
 public:
  CpuStep(const StepOptions& options, const CpuDevice& device, const InputKey& key);

  void iterate();

  [[nodiscard]] Observation observation() const { return observation_; }
  [[nodiscard]] const StepState<T>& state() const { return state_; }
  [[nodiscard]] std::size_t memory_bytes() const { return memory_.bytes(); }
  [[nodiscard]] const ParameterList& parameters() const { return list_; }
  [[nodiscard]] const StepOptions& options() const { return options_; }

 private:
  // cpu_step.cpp
  void initialise(std::uint64_t key);
  void draw_tokens(std::int64_t micro_batch);
  void zero_added_gradients();
  void update();
  [[nodiscard]] double summed_loss() const;

  // cpu_passes.h. `first`: gradients are written instead of added to.
  void forward();
  void backward(bool first);
  void norm_forward(const T* branch, const T* stream, const NormBuffers<T>& buffers, int gamma,
                    int beta);
  void norm_backward(const T* dy, const T* through, const NormBuffers<T>& buffers, int gamma,
                     int beta);
  void attention_forward(const LayerBuffers<T>& layer, const LayerPlaces& at);
  void attention_backward(const LayerBuffers<T>& layer, const LayerPlaces& at, bool first);

  // cpu_feed_forward.h
  void feed_forward(const FeedForwardLinears<T>& linears, const T* x,
                    const FeedForwardParameters<const T*>& w, const FeedForwardBuffers<T>& buffers,
                    T* y, std::int64_t rows);
  /// Leaves the gradient of `up` in d.up.
  void feed_forward_backward(const FeedForwardLinears<T>& linears, const T* dy, const T* x,
                             const FeedForwardParameters<const T*>& w,
                             const FeedForwardParameters<float*>& dw,
                             const FeedForwardBuffers<T>& buffers, const FeedForwardBuffers<T>& d,
                             T* dx, bool first, std::int64_t rows);
  void dense_forward(LayerBuffers<T>& layer, const LayerPlaces& at);
  void dense_backward(LayerBuffers<T>& layer, const LayerPlaces& at, bool first);
  void experts_forward(LayerBuffers<T>& layer, const LayerPlaces& at);
  void experts_backward(LayerBuffers<T>& layer, const LayerPlaces& at, bool first);

  [[nodiscard]] const T* weight(int place) const {
    return place == kAbsent ? nullptr : state_.weight + list_.at(place).offset;
  }
  [[nodiscard]] float* gradient(int place) const {
    return place == kAbsent ? nullptr : state_.gradient + list_.at(place).offset;
  }
  [[nodiscard]] Linear<T> linear(std::int64_t rows, std::int64_t in, std::int64_t out, bool bias,
                                 bool adds_to_input_gradient = false) const;
  [[nodiscard]] FeedForwardLinears<T> feed_forward_linears(std::int64_t rows, std::int64_t width,
                                                           bool bias,
                                                           bool adds_to_input_gradient) const;

  StepOptions options_;
  ModelConfig model_;
  CpuLevel level_;
  ParameterList list_;
  StepKernels<T> kernels_;
  StepState<T> state_;
  HostMemory memory_;
  TokenLaw law_;
  std::vector<float> rope_table_;
  std::int64_t tokens_;  ///< of a micro-batch
  std::shared_ptr<gemm::Workspace> workspace_ = std::make_shared<gemm::Workspace>();
  Linear<T> qkv_, projection_, head_;
  std::optional<Linear<T>> router_;
  std::optional<FeedForwardLinears<T>> dense_;    ///< or the shared experts
  std::optional<FeedForwardLinears<T>> experts_;  ///< one expert, of any number of rows
  std::int64_t iteration_ = 0;
  Observation observation_;
};

}  // namespace assay::transformer
