#include "kernels/transformer/cuda_memory.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "kernels/attention/attention_cuda.h"
#include "kernels/bias/bias_cuda.h"
#include "kernels/norm/norm_cuda.h"
#include "kernels/transformer/step_shapes.h"

namespace assay::transformer {
namespace {

std::size_t bias_workspace_floats(const StepOptions& options) {
  const ModelConfig& model = options.model;
  const std::int64_t tokens = options.batch * options.sequence;
  std::size_t most = 0;
  for (const std::int64_t width :
       {model.width, qkv_width(model), up_width(model, common_width(model))}) {
    most = std::max(most, bias::backward_workspace_floats(tokens, width));
  }
  return most;
}

}  // namespace

void CudaScratch::lay_out(Arena& arena, const StepOptions& options, const ParameterList& list,
                          int compute_capability) {
  const auto floats = [&](std::size_t n) {
    return arena.take<float>(static_cast<std::int64_t>(n));
  };
  const ModelConfig& model = options.model;
  const std::int64_t tokens = options.batch * options.sequence;
  progress = arena.take<adamw::Progress>(1);
  loss = arena.take<double>(1);
  place = arena.take<token_chain::Place>(1);
  initial = arena.take<random::Draw>(static_cast<std::int64_t>(list.all.size()));
  if (model.positions == Positions::rotary) {
    rope_table = arena.take<float>(options.sequence * model.head_size);
  }
  norm = floats(norm::backward_workspace_floats({tokens, model.width}));
  if (model.biases) bias = floats(bias_workspace_floats(options));
  attention = floats(attention::backward_workspace_floats(attention_shape(options)));
  gradient_norm = arena.take<double>(
      static_cast<std::int64_t>(adamw::gradient_norm_workspace_doubles(list.total)));
  const embedding::Shape looked_up = embedding_shape(options);
  embedding.ordered = arena.take<embedding::Occurrence>(
      static_cast<std::int64_t>(embedding::ordered_size(looked_up)));
  embedding.parts = floats(embedding::parts_size(looked_up));
  if (model.experts > 0) {
    const std::int64_t slots = tokens * model.experts_per_token;
    plans.resize(list.layers.size());
    for (CudaExpertPlan& of_layer : plans) {
      of_layer = {arena.take<std::int32_t>(slots), arena.take<std::int32_t>(slots),
                  arena.take<std::int32_t>(slots), arena.take<std::int64_t>(model.experts + 1)};
    }
    plan = arena.take<std::int32_t>(
        static_cast<std::int64_t>(moe::plan_workspace_integers(moe_shape(options))));
  }
  products.bytes = gemm::recommended_workspace_bytes(compute_capability);
  // The library wants it aligned to 256 bytes, arrays to 128.
  auto* const at = arena.take<std::byte>(static_cast<std::int64_t>(products.bytes) + 128);
  const auto beyond = reinterpret_cast<std::uintptr_t>(at) % 256;
  products.data = at == nullptr ? nullptr : at + (256 - beyond) % 256;
}

std::size_t cuda_step_bytes(const StepOptions& options, int compute_capability) {
  const ParameterList list = list_parameters(options.model);
  StepState<Bf16> state(options, list);
  CudaScratch scratch;
  Arena measure;
  state.lay_out(measure, options, list);
  scratch.lay_out(measure, options, list, compute_capability);
  return measure.used();
}

std::size_t memory_margin_bytes(std::size_t free_bytes) {
  return (std::size_t{256} << 20U) + free_bytes / 64;
}

StepOptions fitted_to_memory(const StepOptions& options, std::size_t free_bytes,
                             int compute_capability) {
  const std::size_t margin = memory_margin_bytes(free_bytes);
  const std::size_t budget = free_bytes > margin ? free_bytes - margin : 0;
  const std::int64_t rows = options.batch * options.accumulation;
  StepOptions fitted = options;
  for (const bool recompute : {false, true}) {
    fitted.recompute = recompute;
    for (fitted.batch = rows; fitted.batch > 0; --fitted.batch) {
      if (rows % fitted.batch != 0) continue;
      fitted.accumulation = rows / fitted.batch;
      if (cuda_step_bytes(fitted, compute_capability) <= budget) return fitted;
    }
  }
  fitted.batch = 1;
  throw input_error(
      fmt::format(
          "the step needs {} MiB even with one row at a time and activations recomputed; {} "
          "MiB are free",
          (cuda_step_bytes(fitted, compute_capability) + margin) >> 20U, free_bytes >> 20U),
      options.model.name, "take a device with more memory, or stop what else uses it");
}

}  // namespace assay::transformer
