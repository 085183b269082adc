/// CudaStep: the feed-forward, dense or of experts.
#include "kernels/activation/activation_cuda.h"
#include "kernels/moe/moe_cuda.h"
#include "kernels/moe/moe_route_cuda.h"
#include "kernels/transformer/cuda_step.h"
#include "kernels/transformer/step_shapes.h"

namespace assay::transformer {

/// With GELU the product leaves the activation and saves its argument; with SwiGLU it leaves gate
/// and up.
LinearOperands CudaStep::up_operands(const LayerBuffers<Bf16>& layer, const LayerPlaces& at) const {
  const int place = at.up != kAbsent ? at.up : at.shared_up;
  return {.x = layer.norm2.y,
          .w = weight(place),
          .bias = weight(at.up_bias),
          .y = gelu() ? layer.dense.activated : layer.dense.up,
          .saved = layer.dense.up,
          .dy = state_.d.dense.up,
          .dx = state_.d.normed,
          .dw = gradient(place)};
}

LinearOperands CudaStep::down_operands(const LayerBuffers<Bf16>& layer,
                                       const LayerPlaces& at) const {
  const int place = at.down != kAbsent ? at.down : at.shared_down;
  return {.x = layer.dense.activated,
          .w = weight(place),
          .bias = weight(at.down_bias),
          .y = state_.branch,
          .saved = layer.dense.up,
          .dy = state_.d.stream,
          .dx = gelu() ? state_.d.dense.up : state_.d.dense.activated,
          .dw = gradient(place)};
}

LinearOperands CudaStep::router_operands(const LayerBuffers<Bf16>& layer,
                                         const LayerPlaces& at) const {
  return {.x = layer.norm2.y,
          .w = weight(at.router),
          .y = layer.experts.logits,
          .dy = state_.d.router,
          .dx = state_.d.normed,
          .dw = gradient(at.router)};
}

moe::ProductShape CudaStep::expert_up_shape() const {
  return {tokens_ * model_.experts_per_token, model_.experts, model_.width,
          up_width(model_, model_.expert_feed_forward)};
}

moe::ProductShape CudaStep::expert_down_shape() const {
  return {tokens_ * model_.experts_per_token, model_.experts, model_.expert_feed_forward,
          model_.width};
}

void CudaStep::common_inner(const LayerBuffers<Bf16>& layer, const LayerPlaces& at) {
  up_->forward(stream_, up_operands(layer, at));
  if (!gelu()) {
    activation::swiglu_forward<Bf16>(stream_, tokens_, common_width(model_), layer.dense.up,
                                     layer.dense.activated);
  }
}

void CudaStep::common_forward(const LayerBuffers<Bf16>& layer, const LayerPlaces& at) {
  common_inner(layer, at);
  down_->forward(stream_, down_operands(layer, at));
}

/// Leaves the input's gradient in d.normed; of shared experts it is added to what is there.
void CudaStep::common_backward(const LayerBuffers<Bf16>& layer, const LayerPlaces& at) {
  const GradientBuffers<Bf16>& d = state_.d;
  const LinearOperands down = down_operands(layer, at);
  bias_backward(d.stream, model_.width, at.down_bias);
  down_->weight_gradient(stream_, down);
  down_->input_gradient(stream_, down);
  if (!gelu()) {
    activation::swiglu_backward<Bf16>(stream_, tokens_, common_width(model_), layer.dense.up,
                                      d.dense.activated, d.dense.up);
  }
  const LinearOperands up = up_operands(layer, at);
  bias_backward(d.dense.up, up_width(model_, common_width(model_)), at.up_bias);
  up_->weight_gradient(stream_, up);
  up_->input_gradient(stream_, up);
}

void CudaStep::experts_forward(std::size_t layer_index) {
  const LayerBuffers<Bf16>& layer = state_.layers[layer_index];
  const LayerPlaces& at = list_.layers[layer_index];
  const CudaExpertPlan& plan = scratch_.plans[layer_index];
  const ExpertBuffers<Bf16>& experts = layer.experts;
  const FeedForwardBuffers<Bf16>& inner = experts.feed_forward;
  const moe::Shape shape = moe_shape(options_);
  const moe::ProductShape up = expert_up_shape();
  const std::int64_t width = model_.expert_feed_forward;
  router_->forward(stream_, router_operands(layer, at));
  moe::route_forward<Bf16>(stream_, shape, experts.logits, experts.probability, plan.expert,
                           experts.weight);
  moe::make_plan(stream_, shape, plan.arrays(), scratch_.plan);
  moe::dispatch_forward<Bf16>(stream_, shape, plan.view(), layer.norm2.y, experts.dispatched);
  moe::products_forward(stream_, up, plan.offset, experts.dispatched, weight(at.expert_up),
                        inner.up);
  gelu() ? activation::gelu_forward<Bf16>(stream_, up.slots * width, inner.up, inner.activated)
         : activation::swiglu_forward<Bf16>(stream_, up.slots, width, inner.up, inner.activated);
  moe::products_forward(stream_, expert_down_shape(), plan.offset, inner.activated,
                        weight(at.expert_down), experts.out);
  const bool shared = model_.shared_experts > 0;
  if (shared) common_forward(layer, at);
  // In place where experts are shared: each token's row is read before it is written.
  moe::combine_forward<Bf16>(stream_, shape, plan.view(), experts.weight, experts.out,
                             shared ? state_.branch : nullptr, state_.branch);
}

void CudaStep::experts_backward(std::size_t layer_index) {
  const LayerBuffers<Bf16>& layer = state_.layers[layer_index];
  const LayerPlaces& at = list_.layers[layer_index];
  const CudaExpertPlan& plan = scratch_.plans[layer_index];
  const ExpertBuffers<Bf16>& experts = layer.experts;
  const FeedForwardBuffers<Bf16>& inner = experts.feed_forward;
  const GradientBuffers<Bf16>& d = state_.d;
  const moe::Shape shape = moe_shape(options_);
  const moe::ProductShape up = expert_up_shape();
  const moe::ProductShape down = expert_down_shape();
  const std::int64_t width = model_.expert_feed_forward;
  moe::combine_backward<Bf16>(stream_, shape, plan.view(), experts.weight, experts.out, d.stream,
                              d.expert_out, d.weight);
  moe::products_weight_gradient(stream_, down, plan.offset, d.expert_out, inner.activated,
                                gradient(at.expert_down));
  moe::products_input_gradient(stream_, down, plan.offset, d.expert_out, weight(at.expert_down),
                               d.experts.activated);
  gelu() ? activation::gelu_backward<Bf16>(stream_, up.slots * width, inner.up, d.experts.activated,
                                           d.experts.up)
         : activation::swiglu_backward<Bf16>(stream_, up.slots, width, inner.up,
                                             d.experts.activated, d.experts.up);
  moe::products_weight_gradient(stream_, up, plan.offset, d.experts.up, experts.dispatched,
                                gradient(at.expert_up));
  moe::products_input_gradient(stream_, up, plan.offset, d.experts.up, weight(at.expert_up),
                               d.dispatched);
  moe::route_backward<Bf16>(stream_, shape, experts.probability, plan.expert, d.weight, d.router);
  const LinearOperands router = router_operands(layer, at);
  router_->weight_gradient(stream_, router);
  router_->input_gradient(stream_, router);
  if (model_.shared_experts > 0) common_backward(layer, at);
  moe::dispatch_backward<Bf16>(stream_, shape, plan.view(), d.dispatched, d.normed, d.normed);
}

}  // namespace assay::transformer
