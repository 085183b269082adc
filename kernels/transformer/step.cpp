#include "kernels/transformer/step.h"

#include <string>
#include <type_traits>
#include <variant>

#include "base/error.h"
#include "kernels/transformer/cpu_step.h"
#include "kernels/transformer/weight_hash.h"

namespace assay::transformer {
namespace {

using AnyStep = std::variant<std::unique_ptr<CpuStep<float>>, std::unique_ptr<CpuStep<Bf16>>>;

AnyStep make_step(const StepOptions& options, const CpuDevice& device, const InputKey& key) {
  require_valid(options);
  if (options.recompute) {
    throw input_error("a CPU's step keeps its activations",
                      "training step of " + options.model.name);
  }
  if (options.precision == Precision::fp32) {
    return std::make_unique<CpuStep<float>>(options, device, key);
  }
  if (!has_bf16(device.level)) {
    throw input_error(
        "the CPU level " + std::string(name(device.level)) + " has no BF16 arithmetic",
        "training step of " + options.model.name, "run it in FP32");
  }
  return std::make_unique<CpuStep<Bf16>>(options, device, key);
}

std::vector<float> copied(const float* values, std::int64_t n) {
  return {values, values + n};
}

}  // namespace

std::int64_t tokens_per_step(const StepOptions& options) {
  return options.batch * options.sequence * options.accumulation;
}

void require_valid(const StepOptions& options) {
  require_valid(options.model);
  const std::string where = "training step of " + options.model.name;
  if (options.batch < 1 || options.accumulation < 1) {
    throw input_error("batch and accumulation must be positive", where);
  }
  if (options.sequence < 1 || options.sequence > options.model.sequence) {
    throw input_error("sequence " + std::to_string(options.sequence) + " is not in 1 to " +
                          std::to_string(options.model.sequence),
                      where);
  }
  if (options.precision != Precision::fp32 && options.precision != Precision::bf16) {
    throw input_error("precision " + std::string(name(options.precision)) + " is not offered",
                      where, "use fp32 or bf16");
  }
  if (!(options.clip_norm > 0.0)) throw input_error("clip_norm must be positive", where);
}

struct CpuTrainingStep::Typed {
  AnyStep step;

  /// visit(step): for either storage type.
  template <class Visitor>
  auto with(const Visitor& visitor) const {
    return std::visit([&](const auto& pointer) { return visitor(*pointer); }, step);
  }
};

CpuTrainingStep::CpuTrainingStep(const StepOptions& options, const CpuDevice& device,
                                 const InputKey& key)
    : typed_(std::make_unique<Typed>(Typed{make_step(options, device, key)})) {}
CpuTrainingStep::~CpuTrainingStep() = default;
CpuTrainingStep::CpuTrainingStep(CpuTrainingStep&&) noexcept = default;
CpuTrainingStep& CpuTrainingStep::operator=(CpuTrainingStep&&) noexcept = default;

void CpuTrainingStep::iterate() {
  std::visit([](const auto& step) { step->iterate(); }, typed_->step);
}

Observation CpuTrainingStep::observe() const {
  return typed_->with([](const auto& step) { return step.observation(); });
}

std::uint64_t CpuTrainingStep::weight_hash() const {
  return typed_->with(
      [](const auto& step) { return hash_of(step.state().master, step.parameters().total); });
}

std::vector<double> CpuTrainingStep::weights() const {
  return typed_->with([](const auto& step) {
    std::vector<double> values(static_cast<std::size_t>(step.parameters().total));
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<double>(to_float(step.state().weight[i]));
    }
    return values;
  });
}

std::vector<float> CpuTrainingStep::master() const {
  return typed_->with(
      [](const auto& step) { return copied(step.state().master, step.parameters().total); });
}

std::vector<float> CpuTrainingStep::gradients() const {
  return typed_->with(
      [](const auto& step) { return copied(step.state().gradient, step.parameters().total); });
}

std::vector<float> CpuTrainingStep::losses() const {
  return typed_->with([](const auto& step) {
    return copied(step.state().losses, step.options().batch * step.options().sequence);
  });
}

std::vector<std::int32_t> CpuTrainingStep::rows() const {
  return typed_->with([](const auto& step) {
    const StepOptions& options = step.options();
    const std::int32_t* rows = step.state().rows;
    return std::vector<std::int32_t>(rows, rows + options.batch * (options.sequence + 1));
  });
}

Routing CpuTrainingStep::routing() const {
  return typed_->with([](const auto& step) {
    Routing routing;
    for (const auto& layer : step.state().layers) routing.push_back(layer.experts.plan.expert);
    return routing;
  });
}

std::vector<std::pair<std::string, std::string>> CpuTrainingStep::notes() const {
  return typed_->with([](const auto& step) {
    return std::vector<std::pair<std::string, std::string>>{
        {"library", gemm::library_text()},
        {"parameters", std::to_string(step.parameters().parameters)},
        {"micro_batch_rows", std::to_string(step.options().batch)},
        {"accumulation", std::to_string(step.options().accumulation)},
        {"memory_mib", std::to_string(step.memory_bytes() >> 20)}};
  });
}

}  // namespace assay::transformer
