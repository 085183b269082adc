#include "kernels/transformer/step_state.h"

#include <type_traits>

#include "kernels/transformer/step_shapes.h"

namespace assay::transformer {
namespace {

std::int64_t tokens_of(const StepOptions& options) {
  return options.batch * options.sequence;
}

template <class T>
NormBuffers<T> take_norm(Arena& arena, std::int64_t tokens, std::int64_t width) {
  return {arena.take<T>(tokens * width), arena.take<T>(tokens * width), arena.take<float>(tokens),
          arena.take<float>(tokens)};
}

template <class T>
FeedForwardBuffers<T> take_feed_forward(Arena& arena, const ModelConfig& model, std::int64_t rows,
                                        std::int64_t width) {
  return {arena.take<T>(rows * up_width(model, width)), arena.take<T>(rows * width)};
}

}  // namespace

template <class T>
StepState<T>::StepState(const StepOptions& options, const ParameterList& list) {
  layers.resize(list.layers.size());
  for (LayerBuffers<T>& layer : layers) {
    const auto choices =
        static_cast<std::size_t>(tokens_of(options) * options.model.experts_per_token);
    layer.experts.plan.expert.resize(choices);
  }
}

template <class T>
void StepState<T>::lay_out(Arena& arena, const StepOptions& options, const ParameterList& list) {
  master = arena.take<float>(list.total);
  gradient = arena.take<float>(list.total);
  first_moment = arena.take<float>(list.total);
  second_moment = arena.take<float>(list.total);
  if constexpr (std::is_same_v<T, float>) {
    weight = master;
  } else {
    weight = arena.take<T>(list.total);
  }
  const ModelConfig& model = options.model;
  const std::int64_t tokens = tokens_of(options);
  rows = arena.take<std::int32_t>(tokens + options.batch);
  inputs = arena.take<std::int32_t>(tokens);
  targets = arena.take<std::int32_t>(tokens);
  for (LayerBuffers<T>& layer : layers) {
    if (!options.recompute || &layer == &layers.front()) {
      lay_out_layer(arena, options, layer);
    } else {  // its own input; all else is one layer's at a time
      layer = layers.front();
      layer.norm1.sum = arena.take<T>(tokens * model.width);
    }
  }
  branch = arena.take<T>(tokens * model.width);
  final_norm = take_norm<T>(arena, tokens, model.width);
  logits = arena.take<T>(tokens * stored_vocabulary(model));
  losses = arena.take<float>(tokens);
  lay_out_gradients(arena, options);
}

template <class T>
void StepState<T>::lay_out_layer(Arena& arena, const StepOptions& options, LayerBuffers<T>& layer) {
  const ModelConfig& model = options.model;
  const std::int64_t tokens = tokens_of(options);
  const std::int64_t slots = tokens * model.experts_per_token;
  layer.norm1 = take_norm<T>(arena, tokens, model.width);
  layer.qkv = arena.take<T>(tokens * qkv_width(model));
  layer.attended = arena.take<T>(tokens * attention_width(model));
  layer.log_sum = arena.take<float>(tokens * model.heads);
  layer.norm2 = take_norm<T>(arena, tokens, model.width);
  layer.dense = take_feed_forward<T>(arena, model, tokens, common_width(model));
  ExpertBuffers<T>& experts = layer.experts;
  experts.logits = arena.take<T>(tokens * model.experts);
  experts.probability = arena.take<float>(tokens * model.experts);
  experts.weight = arena.take<float>(slots);
  experts.dispatched = arena.take<T>(slots * model.width);
  experts.feed_forward = take_feed_forward<T>(arena, model, slots, model.expert_feed_forward);
  experts.out = arena.take<T>(slots * model.width);
}

template <class T>
void StepState<T>::lay_out_gradients(Arena& arena, const StepOptions& options) {
  const ModelConfig& model = options.model;
  const std::int64_t tokens = tokens_of(options);
  const std::int64_t slots = tokens * model.experts_per_token;
  d.stream = arena.take<T>(tokens * model.width);
  d.normed = arena.take<T>(tokens * model.width);
  d.attended = arena.take<T>(tokens * attention_width(model));
  d.qkv = arena.take<T>(tokens * qkv_width(model));
  d.dense = take_feed_forward<T>(arena, model, tokens, common_width(model));
  d.experts = take_feed_forward<T>(arena, model, slots, model.expert_feed_forward);
  d.router = arena.take<T>(tokens * model.experts);
  d.dispatched = arena.take<T>(slots * model.width);
  d.expert_out = arena.take<T>(slots * model.width);
  d.weight = arena.take<float>(slots);
}

template struct StepState<float>;
template struct StepState<Bf16>;

}  // namespace assay::transformer
