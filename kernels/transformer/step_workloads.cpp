#include <cmath>
#include <functional>
#include <memory>
#include <utility>

#include "base/token_law.h"
#include "kernels/moe/moe_cuda.h"
#include "kernels/transformer/cuda_memory.h"
#include "kernels/transformer/cuda_training_step.h"
#include "kernels/transformer/step.h"

namespace assay::transformer {
namespace {

/// An instance of a step on any device; `sibling`: the checks of a small one.
template <class Step>
Instance make_instance(const StepOptions& options, const InputKey& key,
                       const std::shared_ptr<Step>& step,
                       const std::function<std::vector<Check>()>& sibling) {
  Instance instance;
  instance.observe = [=] { return step->observe(); };
  instance.weight_hash = [=] { return step->weight_hash(); };
  instance.verify = [=] {
    const bool finite = std::isfinite(step->observe().loss);
    std::vector<Check> checks{{"loss is finite", finite ? 0.0 : 1.0, 0.0}};
    for (Check& check : sibling()) {
      check.name = "small sibling, " + check.name;
      checks.push_back(std::move(check));
    }
    return checks;
  };
  const auto vocabulary = static_cast<std::int32_t>(options.model.vocabulary);
  instance.loss_law =
      LossLaw{std::log(static_cast<double>(vocabulary)),
              entropy_rate_nats(make_token_law(key.key, vocabulary)), key.key, vocabulary};
  instance.notes = step->notes();
  return instance;
}

Instance on_cpu(const StepOptions& options, const CpuDevice& device, const InputKey& key) {
  const auto step = std::make_shared<CpuTrainingStep>(options, device, key);
  Instance instance = make_instance(
      options, key, step, [=] { return check_gradients(small_sibling(options), device, key); });
  instance.iterate = [=] { step->iterate(); };
  return instance;
}

Instance on_cuda(const StepOptions& options, cuda::Stream& stream, const InputKey& key,
                 cuda::blas::LibrarySource library) {
  const cuda::Device& device = stream.device();
  const auto step = std::make_shared<CudaTrainingStep>(
      fitted_to_memory(options, cuda::free_memory_bytes(device), device.facts().compute_capability),
      stream, key, library());
  Instance instance = make_instance(options, key, step, [=, &stream] {
    const StepOptions small = small_sibling(options, 64);
    CudaTrainingStep sibling(small, stream, key, library());
    return compare_with_definition(small, record_iteration(sibling));
  });
  instance.iterate = [=, &stream] {
    step->iterate();
    stream.synchronize();
  };
  instance.enqueue_launches = [=] { step->iterate_by_launches(); };
  return instance;
}

/// The models that CudaTrainingStep offers.
bool offered_on_cuda(const StepOptions& options) {
  const ModelConfig& model = options.model;
  return options.precision == Precision::bf16 && model.experts <= moe::kMaxExperts &&
         model.experts_per_token <= moe::kMaxTopK &&
         (model.head_size == 64 || model.head_size == 128);
}

/// Each read and written once: master weights, two moments, gradients and, where they are stored
/// apart, BF16 weights.
std::uint64_t state_bytes(const StepOptions& options) {
  const std::int64_t copies = 4 * 4 + (options.precision == Precision::bf16 ? 2 : 0);
  return static_cast<std::uint64_t>(2 * copies * list_parameters(options.model).parameters);
}

}  // namespace

Workload training_step_workload(const StepOptions& options, cuda::blas::LibrarySource library) {
  require_valid(options);
  Workload w;
  w.family = "transformer";
  w.operation = options.model.name + "_step";
  w.kind = WorkloadKind::training_step;
  w.problem = {{"batch", options.batch}, {"sequence", options.sequence}};
  if (options.accumulation > 1) w.problem.push_back({"accumulation", options.accumulation});
  w.precision = options.precision;
  w.tokens = static_cast<std::uint64_t>(tokens_per_step(options));
  w.flops = w.tokens * model_flops_per_token(options.model, options.sequence);
  w.bytes = state_bytes(options);
  w.inputs = "tokens of the keyed chain, fresh each iteration; initial weights of GPT-2 by Philox";
  w.on_cpu = [options](const CpuDevice& device, const InputKey& key) {
    return on_cpu(options, device, key);
  };
  if (offered_on_cuda(options)) {
    w.on_cuda = [options, library](cuda::Stream& stream, const InputKey& key) {
      return on_cuda(options, stream, key, library);
    };
  }
  return named(std::move(w));
}

std::vector<Workload> workloads() {
  std::vector<Workload> all;
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    for (const auto& [batch, sequence] : {std::pair{4, 64}, std::pair{2, 512}}) {
      StepOptions options;
      options.model = gpt2_124m();
      options.batch = batch;
      options.sequence = sequence;
      options.precision = precision;
      all.push_back(training_step_workload(options));
    }
  }
  return all;
}

}  // namespace assay::transformer
