#pragma once
/// A training step of a transformer (model.h): draw fresh tokens, forward, loss, backward,
/// gradient norm and clip, AdamW, with parameters that are kept. One iteration is one AdamW step
/// over `accumulation` micro-batches whose gradients add up in FP32.
///
/// Precision: with BF16, weights and activations are stored in BF16 and multiplied with FP32 sums;
/// master weights, moments and gradients are FP32; losses, norms' statistics and softmax sums are
/// FP32 or wider. With FP32 all is FP32.
///
/// Tokens (base/token_law.h): row r of iteration i is row r of draw i, whatever the micro-batch,
/// so how a step is cut into micro-batches changes no token.
///
/// FLOPs: model_flops_per_token. Bytes: parameters, gradients, moments and weights, each read and
/// written once (activations may stay in cache and are not counted).
///
/// Determinism: equal options, key, CPU level and number of threads give equal bits. Our kernels
/// do not depend on the number of threads either, but oneDNN's products may.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/adamw/adamw.h"
#include "kernels/cuda/blas.h"
#include "kernels/transformer/parameters.h"
#include "kernels/transformer/step_reference.h"
#include "kernels/workload.h"

namespace assay::transformer {

struct StepOptions {
  ModelConfig model;
  std::int64_t batch = 0;         ///< rows of a micro-batch
  std::int64_t sequence = 0;      ///< tokens of a row, at most model.sequence
  std::int64_t accumulation = 1;  ///< micro-batches of an iteration
  Precision precision = Precision::fp32;
  adamw::Hyperparameters optimizer;
  double clip_norm = 1.0;
  /// Of each layer only its input is kept, and the rest computed again on the way back: memory for
  /// time, and no model FLOPs. CUDA alone.
  bool recompute = false;
};

/// Tokens of an iteration.
[[nodiscard]] std::int64_t tokens_per_step(const StepOptions& options);

/// Errors: input_error for options that no step can have.
void require_valid(const StepOptions& options);

/// The step on a CPU. Uses the ambient number of OpenMP threads, which must not change between
/// construction and the last iteration.
///
/// GPT-2 124M on 2 cores of a Zen 5 with AVX512-BF16 (best of several runs; tokens/s, share of the
/// same run's 2048³ product): BF16, 4 x 64 tokens 834 (71 %), 2 x 512 tokens 963 (83 %); FP32, 2 x
/// 512 tokens 485 (80 %). Of the BF16 step with 2 x 512 (4 x 64) tokens, products take 77 % (67 %),
/// AdamW and the gradient norm 6 % (17 %), waiting at barriers 5 % (5 %), attention 5 % (1.5 %),
/// norms 2 %, activations 1.5 %, cross-entropy 1.4 %.
class CpuTrainingStep {
 public:
  /// Errors: input_error for invalid options, BF16 where the level has none, too little memory;
  /// check_error where oneDNN runs at another level.
  CpuTrainingStep(const StepOptions& options, const CpuDevice& device, const InputKey& key);
  ~CpuTrainingStep();
  CpuTrainingStep(CpuTrainingStep&&) noexcept;
  CpuTrainingStep& operator=(CpuTrainingStep&&) noexcept;

  void iterate();
  [[nodiscard]] Observation observe() const;

  /// A hash of all master weights' bits (weight_hash.h).
  [[nodiscard]] std::uint64_t weight_hash() const;

  /// What checks read. Arrays are in storage order of list_parameters(model).
  [[nodiscard]] std::vector<double> weights() const;   ///< as the products use them
  [[nodiscard]] std::vector<float> master() const;     ///< FP32
  [[nodiscard]] std::vector<float> gradients() const;  ///< of the last iteration, not clipped
  /// Of the last micro-batch: each token's loss in nats, the rows of tokens (batch, sequence + 1),
  /// and the experts visited.
  [[nodiscard]] std::vector<float> losses() const;
  [[nodiscard]] std::vector<std::int32_t> rows() const;
  [[nodiscard]] Routing routing() const;

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> notes() const;

 private:
  struct Typed;
  std::unique_ptr<Typed> typed_;
};

/// What one iteration started from and what it found.
struct StepRecord {
  std::vector<double> weights;
  std::vector<std::int32_t> rows;
  Routing routing;
  std::vector<float> losses;
  std::vector<float> gradients;
};
/// Runs one iteration of a CPU's or a CUDA device's step. The step must not accumulate.
template <class Step>
[[nodiscard]] StepRecord record_iteration(Step& step) {
  StepRecord record;
  record.weights = step.weights();
  step.iterate();
  record.rows = step.rows();
  record.routing = step.routing();
  record.losses = step.losses();
  record.gradients = step.gradients();
  return record;
}

/// Holds a record against the definition, within the control: the losses and each parameter's
/// gradient in Frobenius' norm, and whether the experts visited were the most probable.
[[nodiscard]] std::vector<Check> compare_with_definition(const StepOptions& options,
                                                         const StepRecord& record);

/// The two together for a new step. With small_sibling(options) it takes well under a second.
[[nodiscard]] std::vector<Check> check_gradients(const StepOptions& options,
                                                 const CpuDevice& device, const InputKey& key);

/// The options made small enough for check_gradients: the same family in every respect but size.
[[nodiscard]] StepOptions small_sibling(const StepOptions& options, std::int64_t head_size = 16);

/// The step as a workload: transformer/<model>_step/batch.._sequence..[_accumulation..]/precision.
/// Errors: as require_valid.
/// On CUDA its products are those of `library`, and the micro-batch is the largest that the memory
/// holds (cuda_memory.h), whatever `batch` and `accumulation` say beyond the rows of a step.
[[nodiscard]] Workload training_step_workload(
    const StepOptions& options, cuda::blas::LibrarySource library = cuda::blas::machine_library);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::transformer
