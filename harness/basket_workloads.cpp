#include "harness/basket_workloads.h"

#include <fmt/format.h>

#include "base/error.h"
#include "results/edition/model_flops.h"

namespace assay::harness {
namespace {

using transformer::ModelConfig;
using transformer::StepOptions;

template <class Choice>
Choice chosen(const std::string& word, const char* field, const std::string& first_word,
              Choice first, const std::string& second_word, Choice second) {
  if (word == first_word) return first;
  if (word == second_word) return second;
  throw input_error(
      fmt::format("{} is '{}', known are '{}' and '{}'", field, word, first_word, second_word),
      "basket");
}

ModelConfig model_config(const BasketItem& item) {
  const BasketModel& from = item.model;
  ModelConfig model;
  model.name = item.name;
  model.layers = from.layers;
  model.width = from.width;
  model.heads = from.heads;
  model.kv_heads = from.kv_heads;
  model.head_size = from.head_size;
  model.feed_forward = from.feed_forward;
  model.sequence = from.sequence;
  model.vocabulary = from.vocabulary;
  model.norm = chosen(from.norm, "norm", "layernorm", transformer::Norm::layernorm, "rmsnorm",
                      transformer::Norm::rmsnorm);
  model.activation = chosen(from.activation, "activation", "gelu", transformer::Activation::gelu,
                            "swiglu", transformer::Activation::swiglu);
  model.positions = chosen(from.positions, "positions", "learned", transformer::Positions::learned,
                           "rotary", transformer::Positions::rotary);
  model.rotary_theta = from.rotary_theta;
  model.tied_head = from.tied_head;
  model.biases = from.biases;
  model.experts = from.experts;
  model.experts_per_token = from.experts_per_token;
  model.shared_experts = from.shared_experts;
  model.expert_feed_forward = from.expert_feed_forward;
  return model;
}

Precision step_precision(const Basket& basket, const Device& device) {
  if (basket.precision == "bf16") return Precision::bf16;
  if (basket.precision == "bf16_or_fp32") {
    return device.cuda || has_bf16(device.cpu.level) ? Precision::bf16 : Precision::fp32;
  }
  throw input_error("precision '" + basket.precision + "' is unknown", "basket " + basket.name);
}

}  // namespace

Basket basket_for(const std::optional<std::string>& name, const Device& device) {
  return load_basket(name.value_or(device.cuda ? "tb1" : "tb1-lite"));
}

std::int64_t step_memory_bytes(const StepOptions& options) {
  const ModelConfig& model = options.model;
  const std::int64_t element = options.precision == Precision::bf16 ? 2 : 4;
  const std::int64_t parameters = transformer::list_parameters(model).total;
  const std::int64_t state = parameters * (4 * 4 + element);
  // Kept for the backward pass, a token and layer: two norms' inputs and outputs, query, key,
  // value and attention's output, and of each feed-forward visited its input, gate, up and
  // product; the same again for their gradients on the way back.
  const std::int64_t visited =
      model.feed_forward +
      model.expert_feed_forward * (model.experts_per_token + model.shared_experts);
  const std::int64_t layer =
      2 * (6 * model.width + 2 * transformer::qkv_width(model) + 4 * visited);
  const std::int64_t logits = 2 * transformer::stored_vocabulary(model);
  const std::int64_t tokens = options.batch * options.sequence;
  return state + tokens * element * (layer * model.layers + logits);
}

StepOptions step_options(const Basket& basket, const BasketItem& item, const Device& device) {
  StepOptions options;
  options.model = model_config(item);
  options.sequence = item.model.sequence;
  options.precision = step_precision(basket, device);
  options.optimizer.learning_rate = static_cast<float>(basket.optimizer.learning_rate);
  options.optimizer.beta1 = static_cast<float>(basket.optimizer.beta1);
  options.optimizer.beta2 = static_cast<float>(basket.optimizer.beta2);
  options.optimizer.epsilon = static_cast<float>(basket.optimizer.epsilon);
  options.optimizer.weight_decay = static_cast<float>(basket.optimizer.weight_decay);
  options.clip_norm = basket.optimizer.clip_norm;
  const std::int64_t rows = item.tokens_per_step / item.model.sequence;
  if (rows < 1 || rows * item.model.sequence != item.tokens_per_step) {
    throw input_error("tokens_per_step is no multiple of the sequence", "basket item " + item.name);
  }
  options.batch = rows;
  if (device.cuda) return options;
  for (; options.batch > 1; --options.batch) {
    if (rows % options.batch == 0 && step_memory_bytes(options) <= device.record.memory_bytes / 2) {
      break;
    }
  }
  options.accumulation = rows / options.batch;
  return options;
}

Workload basket_workload(const Basket& basket, const BasketItem& item, const Device& device) {
  Workload workload = transformer::training_step_workload(step_options(basket, item, device));
  const auto frozen =
      static_cast<std::uint64_t>(model_flops_per_token(item.model) * item.tokens_per_step);
  if (workload.flops != frozen) {
    throw check_error(
        fmt::format("the step counts {} model FLOPs, the edition {}", workload.flops, frozen),
        "basket item " + item.name);
  }
  return workload;
}

}  // namespace assay::harness
