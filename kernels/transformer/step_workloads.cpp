#include <cmath>
#include <memory>
#include <utility>

#include "base/token_law.h"
#include "kernels/transformer/step.h"

namespace assay::transformer {
namespace {

Instance make_instance(const StepOptions& options, const CpuDevice& device, const InputKey& key) {
  const auto step = std::make_shared<CpuTrainingStep>(options, device, key);
  Instance instance;
  instance.iterate = [=] { step->iterate(); };
  instance.observe = [=] { return step->observe(); };
  instance.verify = [=] {
    const bool finite = std::isfinite(step->observe().loss);
    std::vector<Check> checks{{"loss is finite", finite ? 0.0 : 1.0, 0.0}};
    for (Check& check : check_gradients(small_sibling(options), device, key)) {
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

/// Each read and written once: master weights, two moments, gradients and, where they are stored
/// apart, BF16 weights.
std::uint64_t state_bytes(const StepOptions& options) {
  const std::int64_t copies = 4 * 4 + (options.precision == Precision::bf16 ? 2 : 0);
  return static_cast<std::uint64_t>(2 * copies * list_parameters(options.model).parameters);
}

}  // namespace

Workload training_step_workload(const StepOptions& options) {
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
    return make_instance(options, device, key);
  };
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
