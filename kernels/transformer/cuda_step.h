#pragma once
/// The training step on CUDA in BF16. step.h has the interface for users; this is what stands
/// behind it, shaped like the CPU's step (cpu_step.h).
///
/// All is on the device, in one allocation. A micro-batch and the update are CUDA graphs, recorded
/// once and replayed with no word from the host in between: what changes from one replay to the
/// next (step count, which tokens are drawn, clip factor, learning rate) lies in device memory.
/// In a gang (cuda_reduction.h) the last micro-batch is a third graph, with the sums over devices.
/// Gradients are zeroed at the beginning of an iteration and added to by each micro-batch, in FP32.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/cuda/graph.h"
#include "kernels/moe/moe_products_cuda.h"
#include "kernels/transformer/cuda_linear.h"
#include "kernels/transformer/cuda_memory.h"
#include "kernels/transformer/cuda_reduction.h"

namespace assay::transformer {

class CudaStep {
 public:
  CudaStep(const StepOptions& options, cuda::Stream& stream, const InputKey& key,
           const cuda::blas::Table& library, const Gang& gang);

  void iterate();
  /// The same kernels, launched one by one in place of the graphs: for a profiler, which then sees
  /// each by its name.
  void iterate_by_launches();

  [[nodiscard]] Observation observation() const;
  [[nodiscard]] const StepState<Bf16>& state() const { return state_; }
  [[nodiscard]] const CudaScratch& scratch() const { return scratch_; }
  [[nodiscard]] const ParameterList& parameters() const { return list_; }
  [[nodiscard]] const StepOptions& options() const { return options_; }
  [[nodiscard]] const cuda::Stream& stream() const { return stream_; }
  [[nodiscard]] std::size_t memory_bytes() const { return memory_.bytes(); }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> algorithms() const;

 private:
  void prepare_linears(const cuda::blas::Context& library);
  void record_graphs();
  void initialise(std::uint64_t key);
  void draw_tokens();
  void zero_sums();
  void accumulate(bool reduces);
  [[nodiscard]] std::uint64_t first_row() const;
  void update();

  // cuda_passes.cpp
  void forward();
  void backward(bool reduces);
  /// What backward() reads of a layer, from the layer's input.
  void recompute(std::size_t layer);
  void norm_forward(const Bf16* branch, const Bf16* stream, const NormBuffers<Bf16>& buffers,
                    int gamma, int beta);
  void norm_backward(const Bf16* dy, const Bf16* through, const NormBuffers<Bf16>& buffers,
                     int gamma, int beta);
  void attention_forward(const LayerBuffers<Bf16>& layer, const LayerPlaces& at);
  void attention_backward(const LayerBuffers<Bf16>& layer, const LayerPlaces& at);
  void bias_backward(const Bf16* dy, std::int64_t width, int place);

  // cuda_feed_forward.cpp. The common one is the dense one or the shared experts'.
  void common_inner(const LayerBuffers<Bf16>& layer, const LayerPlaces& at);
  void common_forward(const LayerBuffers<Bf16>& layer, const LayerPlaces& at);
  void common_backward(const LayerBuffers<Bf16>& layer, const LayerPlaces& at);
  void experts_forward(std::size_t layer);
  void experts_backward(std::size_t layer);
  [[nodiscard]] moe::ProductShape expert_up_shape() const;
  [[nodiscard]] moe::ProductShape expert_down_shape() const;

  [[nodiscard]] LinearOperands qkv_operands(const LayerBuffers<Bf16>& layer,
                                            const LayerPlaces& at) const;
  [[nodiscard]] LinearOperands projection_operands(const LayerBuffers<Bf16>& layer,
                                                   const LayerPlaces& at) const;
  [[nodiscard]] LinearOperands up_operands(const LayerBuffers<Bf16>& layer,
                                           const LayerPlaces& at) const;
  [[nodiscard]] LinearOperands down_operands(const LayerBuffers<Bf16>& layer,
                                             const LayerPlaces& at) const;
  [[nodiscard]] LinearOperands router_operands(const LayerBuffers<Bf16>& layer,
                                               const LayerPlaces& at) const;
  [[nodiscard]] LinearOperands head_operands() const;

  [[nodiscard]] const Bf16* weight(int place) const {
    return place == kAbsent ? nullptr : state_.weight + list_.at(place).offset;
  }
  [[nodiscard]] float* gradient(int place) const {
    return place == kAbsent ? nullptr : state_.gradient + list_.at(place).offset;
  }
  [[nodiscard]] bool gelu() const { return model_.activation == Activation::gelu; }

  StepOptions options_;
  ModelConfig model_;
  cuda::Stream& stream_;
  ParameterList list_;
  StepState<Bf16> state_;
  CudaScratch scratch_;
  std::int64_t tokens_;  ///< of a micro-batch
  Gang gang_;
  cuda::Memory memory_;
  token_chain::DeviceLaw law_;
  cuda::blas::Context library_;
  std::optional<CudaLinear> qkv_, projection_, up_, down_, router_, head_;
  std::optional<CudaReduction> reduction_;  ///< in a gang
  std::optional<cuda::Graph> accumulate_, accumulate_last_, update_;
};

}  // namespace assay::transformer
