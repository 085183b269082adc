#pragma once
/// The shapes that kernels see of a step's micro-batch, the same on every back end.
#include "kernels/attention/operands.h"
#include "kernels/embedding/operands.h"
#include "kernels/moe/operands.h"
#include "kernels/rope/operands.h"
#include "kernels/transformer/step.h"

namespace assay::transformer {

[[nodiscard]] inline attention::Shape attention_shape(const StepOptions& options) {
  const ModelConfig& model = options.model;
  return {options.batch,  options.sequence, model.heads,
          model.kv_heads, model.head_size,  qkv_width(model)};
}

/// Query and key heads are rotated.
[[nodiscard]] inline rope::Shape rope_shape(const StepOptions& options) {
  const ModelConfig& model = options.model;
  return {options.batch, options.sequence, model.heads + model.kv_heads, model.head_size,
          qkv_width(model)};
}

[[nodiscard]] inline embedding::Shape embedding_shape(const StepOptions& options) {
  return {options.batch, options.sequence, options.model.width, options.model.vocabulary};
}

[[nodiscard]] inline moe::Shape moe_shape(const StepOptions& options) {
  const ModelConfig& model = options.model;
  return {options.batch * options.sequence, model.experts, model.experts_per_token, model.width};
}

/// Width of the feed-forward that every token visits: the dense one or the shared experts'.
[[nodiscard]] inline std::int64_t common_width(const ModelConfig& model) {
  return model.experts == 0 ? model.feed_forward : model.shared_experts * model.expert_feed_forward;
}

}  // namespace assay::transformer
