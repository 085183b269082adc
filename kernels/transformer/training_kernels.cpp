#include "kernels/transformer/training_kernels.h"

#include <algorithm>
#include <utility>

#include "kernels/activation/activation_workload.h"
#include "kernels/adamw/adamw_workload.h"
#include "kernels/attention/attention_workload.h"
#include "kernels/bias/bias_workload.h"
#include "kernels/cross_entropy/cross_entropy_workload.h"
#include "kernels/embedding/embedding_workload.h"
#include "kernels/gemm/gemm_workload.h"
#include "kernels/moe/moe_workload.h"
#include "kernels/norm/norm_workload.h"
#include "kernels/rope/rope_workload.h"
#include "kernels/token_chain/token_chain_workload.h"
#include "kernels/transformer/step_shapes.h"

namespace assay::transformer {
namespace {

/// An expert's mean share of a micro-batch.
std::int64_t rows_of_expert(const StepOptions& step) {
  const moe::Shape shape = moe_shape(step);
  return std::max<std::int64_t>(1, shape.tokens * shape.top_k / shape.experts);
}

std::int64_t rows_of(const StepOptions& step) {
  return step.batch * step.sequence;
}

/// Every weight that multiplies tokens.
std::vector<gemm::Layer> layers_of(const StepOptions& step) {
  const ModelConfig& model = step.model;
  const std::int64_t rows = rows_of(step);
  const std::string up = model.activation == Activation::swiglu ? "gate_up" : "up";
  std::vector<gemm::Layer> layers;
  const auto add = [&](const std::string& part, std::int64_t tokens, std::int64_t in,
                       std::int64_t out, bool bias) {
    layers.push_back({model.name + "_" + part, tokens, in, out, bias});
  };
  add("qkv", rows, model.width, qkv_width(model), model.biases);
  add("projection", rows, attention_width(model), model.width, model.biases);
  const std::int64_t common = common_width(model);
  if (common > 0) {
    const std::string owner = model.experts == 0 ? "" : "shared_";
    const bool bias = model.experts == 0 && model.biases;
    add(owner + up, rows, model.width, up_width(model, common), bias);
    add(owner + "down", rows, common, model.width, bias);
  }
  if (model.experts > 0) {
    const std::int64_t width = model.expert_feed_forward;
    add("router", rows, model.width, model.experts, false);
    add("expert_" + up, rows_of_expert(step), model.width, up_width(model, width), false);
    add("expert_down", rows_of_expert(step), width, model.width, false);
  }
  add("head", rows, model.width, stored_vocabulary(model), false);
  return layers;
}

/// Workloads, each name once.
class Kernels {
 public:
  /// The precision of what is added from here on, and whether it is the steps' own.
  void use(Precision precision, bool in_step) {
    precision_ = precision;
    in_step_ = in_step;
  }

  void add_products(const StepOptions& step) {
    const gemm::Element element =
        precision_ == Precision::bf16 ? gemm::Element::bf16 : gemm::Element::fp32;
    for (const gemm::Layer& layer : layers_of(step)) {
      for (const gemm::Case& item : gemm::training_cases(layer, element)) add_product(item);
    }
  }

  void add_int8_products(const StepOptions& step) {
    for (const gemm::Layer& layer : layers_of(step)) {
      gemm::Product product =
          gemm::forward(layer.rows, layer.in, layer.out, gemm::Element::int8, false);
      product.output = gemm::Element::int32;
      add_product({layer.name + "_forward", product});
    }
  }

  void add_attention(const StepOptions& step) {
    for (const attention::Pass pass : {attention::Pass::forward, attention::Pass::backward}) {
      add(attention::cpu_workload(pass, attention_shape(step), precision_));
    }
    if (step.model.positions != Positions::rotary) return;
    for (const rope::Pass pass : {rope::Pass::forward, rope::Pass::backward}) {
      add(rope::cpu_workload(pass, rope_shape(step), precision_));
    }
  }

  void add_norm(const StepOptions& step) {
    const norm::Kind kind = step.model.norm == Norm::layernorm ? norm::Kind::layernorm  //
                                                               : norm::Kind::rmsnorm;
    for (const norm::Pass pass : {norm::Pass::forward, norm::Pass::backward}) {
      add(norm::cpu_workload(kind, pass, {rows_of(step), step.model.width}, precision_));
    }
  }

  void add_feed_forward(const StepOptions& step) {
    const ModelConfig& model = step.model;
    if (common_width(model) > 0) add_activation(model, {rows_of(step), common_width(model)});
    if (model.experts > 0) {
      add_activation(model, {rows_of_expert(step), model.expert_feed_forward});
      for (const moe::Operation operation : moe::kOperations) {
        add(moe::cpu_workload(operation, moe_shape(step), precision_));
      }
    }
    for (const gemm::Layer& layer : layers_of(step)) {
      if (layer.bias) add(bias::cpu_workload(layer.rows, layer.out, precision_));
    }
  }

  void add_ends(const StepOptions& step) {
    const ModelConfig& model = step.model;
    const embedding::Positions places = model.positions == Positions::learned
                                            ? embedding::Positions::learned
                                            : embedding::Positions::none;
    for (const embedding::Pass pass : {embedding::Pass::forward, embedding::Pass::backward}) {
      add(embedding::cpu_workload(pass, embedding_shape(step), places, precision_));
    }
    add(cross_entropy::cpu_workload({rows_of(step), model.vocabulary, stored_vocabulary(model)},
                                    precision_));
    const std::int64_t parameters =
        std::min(list_parameters(model).parameters, std::int64_t{1} << 24);
    add(adamw::cpu_update_workload(parameters, precision_));
    add(adamw::cpu_gradient_norm_workload(parameters));
    add(token_chain::cpu_workload(
        {step.batch, step.sequence + 1, static_cast<std::int32_t>(model.vocabulary)}));
  }

  [[nodiscard]] std::vector<TrainingKernel> take() { return std::move(all_); }

 private:
  void add_activation(const ModelConfig& model, const activation::Shape& shape) {
    using activation::Operation;
    const bool gelu = model.activation == Activation::gelu;
    add(activation::cpu_workload(gelu ? Operation::gelu_forward : Operation::swiglu_forward, shape,
                                 precision_));
    add(activation::cpu_workload(gelu ? Operation::gelu_backward : Operation::swiglu_backward,
                                 shape, precision_));
  }

  void add_product(const gemm::Case& item) {
    if (std::find(products_.begin(), products_.end(), item.product) != products_.end()) return;
    products_.push_back(item.product);
    add(gemm::cpu_workload(item));
  }

  void add(Workload workload) {
    const bool known = std::any_of(all_.begin(), all_.end(), [&](const TrainingKernel& other) {
      return other.workload.name == workload.name;
    });
    if (!known) all_.push_back({std::move(workload), in_step_});
  }

  Precision precision_ = Precision::fp32;
  bool in_step_ = false;
  std::vector<gemm::Product> products_;
  std::vector<TrainingKernel> all_;
};

}  // namespace

std::vector<TrainingKernel> training_kernels(const std::vector<StepOptions>& steps) {
  if (steps.empty()) return {};
  const Precision own = steps.front().precision;
  const Precision other = own == Precision::bf16 ? Precision::fp32 : Precision::bf16;
  Kernels kernels;
  for (const Precision precision : {own, other}) {
    kernels.use(precision, precision == own);
    for (const StepOptions& step : steps) {
      kernels.add_products(step);
      kernels.add_attention(step);
      kernels.add_norm(step);
      kernels.add_feed_forward(step);
      kernels.add_ends(step);
    }
  }
  kernels.use(Precision::int8, false);
  for (const StepOptions& step : steps) kernels.add_int8_products(step);
  return kernels.take();
}

std::vector<Workload> gpt2_kernels() {
  StepOptions step;
  step.model = gpt2_124m();
  step.batch = 2;
  step.sequence = 512;
  std::vector<Workload> all;
  for (TrainingKernel& kernel : training_kernels({step})) {
    all.push_back(std::move(kernel.workload));
  }
  return all;
}

}  // namespace assay::transformer
