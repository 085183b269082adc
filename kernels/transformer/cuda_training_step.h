#pragma once
/// The training step on a CUDA device, for users: the interface of CpuTrainingStep (step.h).
/// BF16, head sizes 64 and 128, experts within the limits of kernels/moe/moe_cuda.h.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/cuda/blas.h"
#include "kernels/cuda/device.h"
#include "kernels/transformer/cuda_reduction.h"
#include "kernels/transformer/step.h"

namespace assay::transformer {

class CudaStep;

class CudaTrainingStep {
 public:
  /// `stream` outlives the step. In a gang the communicator does too, all ranks have the same
  /// options and key, an iteration's tokens are tokens_per_step of each rank, and loss and
  /// gradients are the whole gang's. Errors: input_error for invalid options and those not offered;
  /// check_error naming a call of the driver or of cuBLASLt that failed.
  CudaTrainingStep(const StepOptions& options, cuda::Stream& stream, const InputKey& key,
                   const cuda::blas::Table& library = cuda::blas::system_library(),
                   const Gang& gang = {});
  ~CudaTrainingStep();
  CudaTrainingStep(CudaTrainingStep&&) noexcept;
  CudaTrainingStep& operator=(CudaTrainingStep&&) noexcept;

  /// Enqueues one iteration and doesn't wait for it.
  void iterate();
  /// The same iteration, its kernels launched one by one: for a profiler.
  void iterate_by_launches();
  /// Waits for the last iteration, as all below do.
  [[nodiscard]] Observation observe() const;
  [[nodiscard]] std::uint64_t weight_hash() const;

  [[nodiscard]] std::vector<double> weights() const;
  [[nodiscard]] std::vector<float> master() const;
  [[nodiscard]] std::vector<float> gradients() const;
  [[nodiscard]] std::vector<float> losses() const;
  [[nodiscard]] std::vector<std::int32_t> rows() const;
  [[nodiscard]] Routing routing() const;

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> notes() const;

 private:
  std::unique_ptr<CudaStep> step_;
};

}  // namespace assay::transformer
