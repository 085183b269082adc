#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "kernels/compare.h"
#include "kernels/transformer/step.h"

namespace assay::transformer {
namespace {

/// ‖a - b‖, Frobenius.
template <class A, class B>
double distance(std::span<const A> a, std::span<const B> b) {
  double squares = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    squares += difference * difference;
  }
  return std::sqrt(squares);
}

/// compare_with_control with norms in place of largest elements: of a whole step's many arrays the
/// largest element of some would now and then be more than twice the control's by chance alone.
Check compare_norms(std::string name, std::span<const float> output, std::span<const float> control,
                    std::span<const double> exact) {
  double squares = 0.0;
  for (const double value : exact) squares += value * value;
  const double rounding =
      static_cast<double>(std::numeric_limits<float>::epsilon()) * std::sqrt(squares);
  return {std::move(name), distance(output, exact), 2.0 * distance(control, exact) + rounding};
}

void round_to_bf16(std::vector<float>& values) {
  for (float& value : values) value = to_float(to_bf16(value));
}

/// The control's and the definition's gradients for what `step` last computed.
struct Expected {
  StepResult<double> exact;
  StepResult<float> control;
};

Expected expected_of(const StepOptions& options, const StepRecord& record) {
  StepInputs inputs;
  inputs.config = options.model;
  inputs.batch = options.batch;
  inputs.sequence = options.sequence;
  inputs.rows = record.rows.data();
  inputs.tokens_of_step = tokens_per_step(options);
  inputs.routing = options.model.experts > 0 ? &record.routing : nullptr;
  const Store<float> store =
      options.precision == Precision::bf16 ? Store<float>(round_to_bf16) : Store<float>();
  const std::vector<float> single(record.weights.begin(), record.weights.end());
  return {step_reference<double>(inputs, record.weights, {}),
          step_reference<float>(inputs, single, store)};
}

/// An expert may be preferred to a more probable one only by as much as probabilities may be wrong:
/// if each p' is within e of p, then p'_a >= p'_b says that p_b - p_a <= 2e. Here e is what
/// compare_with_control allows.
Check check_routing(const StepResult<double>& exact, const StepResult<float>& control) {
  const std::vector<double> control_probabilities(control.probabilities.begin(),
                                                  control.probabilities.end());
  const double allowed =
      compare_with_control("", exact.probabilities, control_probabilities, exact.probabilities)
          .bound;
  return {"routing", exact.routing_regret, 2.0 * allowed};
}

}  // namespace

StepOptions small_sibling(const StepOptions& options, std::int64_t head_size) {
  StepOptions small = options;
  ModelConfig& model = small.model;
  model.name += " (small sibling)";
  const bool grouped = model.kv_heads < model.heads;
  model.layers = 2;
  model.heads = 4;
  model.kv_heads = grouped ? 2 : 4;
  model.head_size = head_size;
  model.width = 4 * head_size;
  model.vocabulary = 96;
  model.sequence = 16;
  // In so narrow a model GPT-2's 0.02 would leave attention uniform and positions without effect,
  // and a fault in them unseen.
  model.initial_deviation = 0.15;
  if (model.experts > 0) {
    model.experts = 4;
    model.experts_per_token = std::min<std::int64_t>(model.experts_per_token, 2);
    model.shared_experts = std::min<std::int64_t>(model.shared_experts, 2);
    model.expert_feed_forward = 48;
  } else {
    model.feed_forward = 160;
  }
  small.batch = 4;
  small.sequence = 16;
  small.accumulation = 1;
  return small;
}

std::vector<Check> compare_with_definition(const StepOptions& options, const StepRecord& record) {
  const auto [exact, control] = expected_of(options, record);
  std::vector<Check> checks;
  checks.push_back(compare_norms("losses", record.losses, control.losses, exact.losses));
  if (options.model.experts > 0) checks.push_back(check_routing(exact, control));
  for (const Parameter& p : list_parameters(options.model).all) {
    const auto part = [&p](const auto& values) {
      return std::span(values).subspan(static_cast<std::size_t>(p.offset),
                                       static_cast<std::size_t>(p.elements()));
    };
    checks.push_back(compare_norms("gradient of " + p.name, part(record.gradients),
                                   part(control.gradients), part(exact.gradients)));
  }
  return checks;
}

std::vector<Check> check_gradients(const StepOptions& options, const CpuDevice& device,
                                   const InputKey& key) {
  CpuTrainingStep step(options, device, key);
  return compare_with_definition(options, record_iteration(step));
}

}  // namespace assay::transformer
