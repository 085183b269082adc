#include "kernels/transformer/cuda_training_step.h"

#include "kernels/inputs.h"
#include "kernels/transformer/cuda_step.h"
#include "kernels/transformer/weight_hash.h"

namespace assay::transformer {
namespace {

template <class T>
std::vector<T> copied(const cuda::Stream& stream, const T* values, std::int64_t n) {
  std::vector<T> copy(static_cast<std::size_t>(n));
  cuda::copy_to_host(stream, copy.data(), reinterpret_cast<cuda::DevicePointer>(values),
                     copy.size() * sizeof(T));
  stream.synchronize();
  return copy;
}

}  // namespace

CudaTrainingStep::CudaTrainingStep(const StepOptions& options, cuda::Stream& stream,
                                   const InputKey& key, const cuda::blas::Table& library,
                                   const Gang& gang)
    : step_(std::make_unique<CudaStep>(options, stream, key, library, gang)) {}
CudaTrainingStep::~CudaTrainingStep() = default;
CudaTrainingStep::CudaTrainingStep(CudaTrainingStep&&) noexcept = default;
CudaTrainingStep& CudaTrainingStep::operator=(CudaTrainingStep&&) noexcept = default;

void CudaTrainingStep::iterate() {
  step_->iterate();
}

void CudaTrainingStep::iterate_by_launches() {
  step_->iterate_by_launches();
}

Observation CudaTrainingStep::observe() const {
  return step_->observation();
}

std::uint64_t CudaTrainingStep::weight_hash() const {
  const std::vector<float> weights = master();
  return hash_of(weights.data(), static_cast<std::int64_t>(weights.size()));
}

std::vector<double> CudaTrainingStep::weights() const {
  return to_double(copied(step_->stream(), step_->state().weight, step_->parameters().total));
}

std::vector<float> CudaTrainingStep::master() const {
  return copied(step_->stream(), step_->state().master, step_->parameters().total);
}

std::vector<float> CudaTrainingStep::gradients() const {
  return copied(step_->stream(), step_->state().gradient, step_->parameters().total);
}

std::vector<float> CudaTrainingStep::losses() const {
  const StepOptions& options = step_->options();
  return copied(step_->stream(), step_->state().losses, options.batch * options.sequence);
}

std::vector<std::int32_t> CudaTrainingStep::rows() const {
  const StepOptions& options = step_->options();
  return copied(step_->stream(), step_->state().rows, options.batch * (options.sequence + 1));
}

Routing CudaTrainingStep::routing() const {
  const StepOptions& options = step_->options();
  const std::int64_t choices = options.batch * options.sequence * options.model.experts_per_token;
  Routing routing;
  for (const CudaExpertPlan& plan : step_->scratch().plans) {
    routing.push_back(copied(step_->stream(), plan.expert, choices));
  }
  return routing;
}

std::vector<std::pair<std::string, std::string>> CudaTrainingStep::notes() const {
  std::vector<std::pair<std::string, std::string>> all = {
      {"parameters", std::to_string(step_->parameters().parameters)},
      {"micro_batch_rows", std::to_string(step_->options().batch)},
      {"accumulation", std::to_string(step_->options().accumulation)},
      {"activations", step_->options().recompute ? "recomputed" : "kept"},
      {"memory_mib", std::to_string(step_->memory_bytes() >> 20)}};
  for (auto& note : step_->algorithms()) all.push_back(std::move(note));
  return all;
}

}  // namespace assay::transformer
