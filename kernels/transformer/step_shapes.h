#pragma once
/// The shapes that kernels see of a step's micro-batch, the same on every back end.
#include "kernels/attention/operands.h"
#include "kernels/embedding/operands.h"
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

}  // namespace assay::transformer
