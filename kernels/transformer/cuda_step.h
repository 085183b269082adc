#pragma once
/// The training step on CUDA, dense models in BF16. step.h has the interface for users; this is
/// what stands behind it, shaped like the CPU's step (cpu_step.h).
///
/// All is on the device, in one allocation: an iteration is a sequence of launches with no host
/// synchronisation, and what changes from one to the next (step count, draw counter, clip factor)
/// lies in device memory. Gradients are zeroed at the beginning of an iteration and added to by
/// each micro-batch, in FP32.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/adamw/adamw_cuda.h"
#include "kernels/embedding/embedding_cuda.h"
#include "kernels/random/random_cuda.h"
#include "kernels/token_chain/token_chain_cuda.h"
#include "kernels/transformer/cuda_linear.h"
#include "kernels/transformer/step.h"
#include "kernels/transformer/step_state.h"

namespace assay::transformer {

/// What the CUDA kernels need beside the state: scalars that change, tables, workspaces.
struct CudaScratch {
  adamw::Progress* progress = nullptr;
  double* loss = nullptr;           ///< mean of the iteration so far
  std::uint64_t* draw = nullptr;    ///< the iteration's number
  random::Draw* initial = nullptr;  ///< a draw for each parameter's initial values
  float* rope_table = nullptr;
  float* norm = nullptr;
  float* bias = nullptr;
  float* attention = nullptr;
  double* gradient_norm = nullptr;
  embedding::Workspace embedding;
  gemm::DeviceWorkspace products;

  void lay_out(Arena& arena, const StepOptions& options, const ParameterList& list,
               int compute_capability);
};

class CudaStep {
 public:
  CudaStep(const StepOptions& options, cuda::Stream& stream, const InputKey& key,
           const cuda::blas::Table& library);

  void iterate();

  [[nodiscard]] Observation observation() const;
  [[nodiscard]] const StepState<Bf16>& state() const { return state_; }
  [[nodiscard]] const ParameterList& parameters() const { return list_; }
  [[nodiscard]] const StepOptions& options() const { return options_; }
  [[nodiscard]] const cuda::Stream& stream() const { return stream_; }
  [[nodiscard]] std::size_t memory_bytes() const { return memory_.bytes(); }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> algorithms() const;

 private:
  void lay_out(Arena& arena);
  void prepare_linears(const cuda::blas::Context& library);
  void initialise(std::uint64_t key);
  void draw_tokens(std::int64_t micro_batch);
  void update();

  void forward();
  void backward();
  void norm_forward(const Bf16* branch, const Bf16* stream, const NormBuffers<Bf16>& buffers,
                    int gamma, int beta);
  void norm_backward(const Bf16* dy, const Bf16* through, const NormBuffers<Bf16>& buffers,
                     int gamma, int beta);
  void attention_forward(const LayerBuffers<Bf16>& layer, const LayerPlaces& at);
  void attention_backward(const LayerBuffers<Bf16>& layer, const LayerPlaces& at);
  void feed_forward(const LayerBuffers<Bf16>& layer, const LayerPlaces& at);
  void feed_forward_backward(const LayerBuffers<Bf16>& layer, const LayerPlaces& at);
  void bias_backward(const Bf16* dy, std::int64_t width, int place);

  [[nodiscard]] LinearOperands qkv_operands(const LayerBuffers<Bf16>& layer,
                                            const LayerPlaces& at) const;
  [[nodiscard]] LinearOperands projection_operands(const LayerBuffers<Bf16>& layer,
                                                   const LayerPlaces& at) const;
  [[nodiscard]] LinearOperands up_operands(const LayerBuffers<Bf16>& layer,
                                           const LayerPlaces& at) const;
  [[nodiscard]] LinearOperands down_operands(const LayerBuffers<Bf16>& layer,
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
  cuda::Memory memory_;
  token_chain::DeviceLaw law_;
  cuda::blas::Context library_;
  std::optional<CudaLinear> qkv_, projection_, up_, down_, head_;
};

}  // namespace assay::transformer
