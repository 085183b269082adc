#pragma once
/// The memory of a CUDA step: what its kernels need beside the state (step_state.h), how much all
/// of it takes, and which micro-batch a device has room for.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/adamw/adamw_cuda.h"
#include "kernels/embedding/embedding_cuda.h"
#include "kernels/gemm/gemm_cuda.h"
#include "kernels/moe/moe_plan_cuda.h"
#include "kernels/random/random_cuda.h"
#include "kernels/token_chain/token_chain_cuda.h"
#include "kernels/transformer/step_state.h"

namespace assay::transformer {

/// Which experts a layer's tokens visit, and where: written by the router, in device memory.
struct CudaExpertPlan {
  std::int32_t* expert = nullptr;
  std::int32_t* slot = nullptr;
  std::int32_t* token_of_slot = nullptr;
  std::int64_t* offset = nullptr;
  [[nodiscard]] moe::PlanView view() const { return {expert, slot, token_of_slot, offset}; }
  [[nodiscard]] moe::PlanArrays arrays() const { return {expert, slot, token_of_slot, offset}; }
};

/// What the CUDA kernels need beside the state: scalars that change, tables, workspaces.
struct CudaScratch {
  adamw::Progress* progress = nullptr;
  double* loss = nullptr;  ///< mean of the iteration so far
  token_chain::Place* place = nullptr;
  random::Draw* initial = nullptr;  ///< a draw for each parameter's initial values
  float* rope_table = nullptr;
  float* norm = nullptr;
  float* bias = nullptr;
  float* attention = nullptr;
  double* gradient_norm = nullptr;
  embedding::Workspace embedding;
  std::vector<CudaExpertPlan> plans;  ///< of each layer
  std::int32_t* plan = nullptr;
  gemm::DeviceWorkspace products;

  void lay_out(Arena& arena, const StepOptions& options, const ParameterList& list,
               int compute_capability);
};

/// The bytes that a CUDA step of those options allocates on a device of that compute capability (90
/// for 9.0). Nothing is allocated to know them.
[[nodiscard]] std::size_t cuda_step_bytes(const StepOptions& options, int compute_capability);

/// What is left to the driver, the kernels' code and the library, of that much free memory.
[[nodiscard]] std::size_t memory_margin_bytes(std::size_t free_bytes);

/// The same step in micro-batches as large as `free_bytes` less the margin hold: the largest
/// divisor of its rows. Where not even one row fits, activations are recomputed. Errors:
/// input_error that names the model where that doesn't fit either.
[[nodiscard]] StepOptions fitted_to_memory(const StepOptions& options, std::size_t free_bytes,
                                           int compute_capability);

}  // namespace assay::transformer
