#pragma once
/// CpuStep: the feed-forward, dense or of experts. Included by cpu_step.cpp only.
#include "kernels/transformer/cpu_step.h"
#include "kernels/transformer/step_shapes.h"

namespace assay::transformer {

template <class T>
void CpuStep<T>::feed_forward(const FeedForwardLinears<T>& linears, const T* x,
                              const FeedForwardParameters<const T*>& w,
                              const FeedForwardBuffers<T>& buffers, T* y, std::int64_t rows) {
  linears.up.forward(x, w.up, w.up_bias, buffers.up, rows);
  // GELU stays outside of the product: oneDNN could fuse it, but would keep only its result, and
  // the backward pass needs its argument.
  model_.activation == Activation::gelu
      ? kernels_.activation.gelu_forward(rows * linears.width, buffers.up, buffers.activated)
      : kernels_.activation.swiglu_forward(rows, linears.width, buffers.up, buffers.activated);
  linears.down.forward(buffers.activated, w.down, w.down_bias, y, rows);
}

template <class T>
void CpuStep<T>::feed_forward_backward(const FeedForwardLinears<T>& linears, const T* dy,
                                       const T* x, const FeedForwardParameters<const T*>& w,
                                       const FeedForwardParameters<float*>& dw,
                                       const FeedForwardBuffers<T>& buffers,
                                       const FeedForwardBuffers<T>& d, T* dx, bool first,
                                       std::int64_t rows) {
  if (dw.down_bias != nullptr) kernels_.bias.backward(rows, model_.width, dy, dw.down_bias);
  linears.down.weight_gradient(dy, buffers.activated, dw.down, !first, rows);
  linears.down.input_gradient(dy, w.down, d.activated, rows);
  model_.activation == Activation::gelu
      ? kernels_.activation.gelu_backward(rows * linears.width, buffers.up, d.activated, d.up)
      : kernels_.activation.swiglu_backward(rows, linears.width, buffers.up, d.activated, d.up);
  if (dw.up_bias != nullptr) {
    kernels_.bias.backward(rows, up_width(model_, linears.width), d.up, dw.up_bias);
  }
  linears.up.weight_gradient(d.up, x, dw.up, !first, rows);
  if (dx != nullptr) linears.up.input_gradient(d.up, w.up, dx, rows);
}

template <class T>
void CpuStep<T>::dense_forward(LayerBuffers<T>& layer, const LayerPlaces& at) {
  feed_forward(*dense_, layer.norm2.y,
               {weight(at.up), weight(at.up_bias), weight(at.down), weight(at.down_bias)},
               layer.dense, state_.branch, tokens_);
}

template <class T>
void CpuStep<T>::dense_backward(LayerBuffers<T>& layer, const LayerPlaces& at, bool first) {
  feed_forward_backward(
      *dense_, state_.d.stream, layer.norm2.y,
      {weight(at.up), weight(at.up_bias), weight(at.down), weight(at.down_bias)},
      {gradient(at.up), gradient(at.up_bias), gradient(at.down), gradient(at.down_bias)},
      layer.dense, state_.d.dense, state_.d.normed, first, tokens_);
}

namespace expert_parts {

/// Buffers from row `from` on.
template <class T>
FeedForwardBuffers<T> from_row(const FeedForwardBuffers<T>& buffers, const ModelConfig& model,
                               std::int64_t width, std::int64_t from) {
  return {buffers.up + from * up_width(model, width), buffers.activated + from * width};
}

/// One expert's part of the two arrays that hold all experts' weights.
template <class Pointer>
FeedForwardParameters<Pointer> of_expert(Pointer up, Pointer down, const ModelConfig& model,
                                         std::int64_t width, std::int64_t expert) {
  return {up + expert * up_width(model, width) * model.width, nullptr,
          down + expert * model.width * width, nullptr};
}

}  // namespace expert_parts

template <class T>
void CpuStep<T>::experts_forward(LayerBuffers<T>& layer, const LayerPlaces& at) {
  using expert_parts::from_row;
  using expert_parts::of_expert;
  const moe::Shape shape = moe_shape(options_);
  ExpertBuffers<T>& experts = layer.experts;
  router_->forward(layer.norm2.y, weight(at.router), nullptr, experts.logits);
  kernels_.moe.route_forward(shape, experts.logits, experts.probability, experts.plan.expert.data(),
                             experts.weight);
  moe::make_plan(shape, experts.plan);
  kernels_.moe.dispatch_forward(shape, experts.plan, layer.norm2.y, experts.dispatched);
  const std::int64_t width = experts_->width;
  for (std::int64_t e = 0; e < model_.experts; ++e) {
    const std::int64_t first = experts.plan.offset[static_cast<std::size_t>(e)];
    const std::int64_t last = experts.plan.offset[static_cast<std::size_t>(e) + 1];
    feed_forward(*experts_, experts.dispatched + first * model_.width,
                 of_expert(weight(at.expert_up), weight(at.expert_down), model_, width, e),
                 from_row(experts.feed_forward, model_, width, first),
                 experts.out + first * model_.width, last - first);
  }
  const T* shared = nullptr;
  if (model_.shared_experts > 0) {
    feed_forward(*dense_, layer.norm2.y,
                 {weight(at.shared_up), nullptr, weight(at.shared_down), nullptr}, layer.dense,
                 state_.branch, tokens_);
    shared = state_.branch;
  }
  // In place where experts are shared: each token's row is read before it is written.
  kernels_.moe.combine_forward(shape, experts.plan, experts.weight, experts.out, shared,
                               state_.branch);
}

template <class T>
void CpuStep<T>::experts_backward(LayerBuffers<T>& layer, const LayerPlaces& at, bool first) {
  using expert_parts::from_row;
  using expert_parts::of_expert;
  const moe::Shape shape = moe_shape(options_);
  const ExpertBuffers<T>& experts = layer.experts;
  const GradientBuffers<T>& d = state_.d;
  kernels_.moe.combine_backward(shape, experts.plan, experts.weight, experts.out, d.stream,
                                d.expert_out, d.weight);
  const std::int64_t width = experts_->width;
  for (std::int64_t e = 0; e < model_.experts; ++e) {
    const std::int64_t from = experts.plan.offset[static_cast<std::size_t>(e)];
    const std::int64_t to = experts.plan.offset[static_cast<std::size_t>(e) + 1];
    feed_forward_backward(
        *experts_, d.expert_out + from * model_.width, experts.dispatched + from * model_.width,
        of_expert(weight(at.expert_up), weight(at.expert_down), model_, width, e),
        of_expert(gradient(at.expert_up), gradient(at.expert_down), model_, width, e),
        from_row(experts.feed_forward, model_, width, from),
        from_row(d.experts, model_, width, from), d.dispatched + from * model_.width, first,
        to - from);
  }
  kernels_.moe.route_backward(shape, experts.probability, experts.plan.expert.data(), d.weight,
                              d.router);
  router_->weight_gradient(d.router, layer.norm2.y, gradient(at.router), !first);
  router_->input_gradient(d.router, weight(at.router), d.normed);
  if (model_.shared_experts > 0) {
    feed_forward_backward(*dense_, d.stream, layer.norm2.y,
                          {weight(at.shared_up), nullptr, weight(at.shared_down), nullptr},
                          {gradient(at.shared_up), nullptr, gradient(at.shared_down), nullptr},
                          layer.dense, d.dense, nullptr, first, tokens_);
    dense_->up.add_input_gradient(d.dense.up, weight(at.shared_up), d.normed);
  }
  kernels_.moe.dispatch_backward(shape, experts.plan, d.dispatched, d.normed, d.normed);
}

}  // namespace assay::transformer
