/// CudaStep: the forward and backward passes, and attention.
#include "kernels/attention/attention_cuda.h"
#include "kernels/bias/bias_cuda.h"
#include "kernels/cross_entropy/cross_entropy_cuda.h"
#include "kernels/norm/norm_cuda.h"
#include "kernels/rope/rope_cuda.h"
#include "kernels/transformer/cuda_step.h"
#include "kernels/transformer/step_shapes.h"

namespace assay::transformer {

LinearOperands CudaStep::qkv_operands(const LayerBuffers<Bf16>& layer,
                                      const LayerPlaces& at) const {
  return {.x = layer.norm1.y,
          .w = weight(at.qkv),
          .bias = weight(at.qkv_bias),
          .y = layer.qkv,
          .dy = state_.d.qkv,
          .dx = state_.d.normed,
          .dw = gradient(at.qkv)};
}

LinearOperands CudaStep::projection_operands(const LayerBuffers<Bf16>& layer,
                                             const LayerPlaces& at) const {
  return {.x = layer.attended,
          .w = weight(at.projection),
          .bias = weight(at.projection_bias),
          .y = state_.branch,
          .dy = state_.d.stream,
          .dx = state_.d.attended,
          .dw = gradient(at.projection)};
}

LinearOperands CudaStep::head_operands() const {
  return {.x = state_.final_norm.y,
          .w = weight(list_.head),
          .y = state_.logits,
          .dy = state_.logits,
          .dx = state_.d.normed,
          .dw = gradient(list_.head)};
}

/// y = norm(branch + stream), with the sum left in buffers.sum; without a branch the stream is
/// already there.
void CudaStep::norm_forward(const Bf16* branch, const Bf16* stream,
                            const NormBuffers<Bf16>& buffers, int gamma, int beta) {
  const bool adds = branch != nullptr;
  const norm::Forward<Bf16> operands{adds ? branch : buffers.sum,
                                     adds ? stream : nullptr,
                                     weight(gamma),
                                     weight(beta),
                                     adds ? buffers.sum : nullptr,
                                     buffers.y,
                                     buffers.mean,
                                     buffers.rstd};
  const norm::Shape shape{tokens_, model_.width};
  model_.norm == Norm::layernorm ? norm::layernorm_forward(stream_, shape, operands)
                                 : norm::rmsnorm_forward(stream_, shape, operands);
}

/// The stream's gradient before the norm, in place; `through`: the one after it, or null.
void CudaStep::norm_backward(const Bf16* dy, const Bf16* through, const NormBuffers<Bf16>& buffers,
                             int gamma, int beta) {
  const norm::Backward<Bf16> operands{
      dy,      buffers.sum,     weight(gamma),   buffers.mean,  buffers.rstd,
      through, state_.d.stream, gradient(gamma), gradient(beta)};
  const norm::Shape shape{tokens_, model_.width};
  model_.norm == Norm::layernorm ? norm::layernorm_backward(stream_, shape, operands, scratch_.norm)
                                 : norm::rmsnorm_backward(stream_, shape, operands, scratch_.norm);
}

void CudaStep::bias_backward(const Bf16* dy, std::int64_t width, int place) {
  if (place == kAbsent) return;
  bias::backward(stream_, tokens_, width, dy, gradient(place), scratch_.bias);
}

void CudaStep::attention_forward(const LayerBuffers<Bf16>& layer, const LayerPlaces& at) {
  qkv_->forward(stream_, qkv_operands(layer, at));
  if (model_.positions == Positions::rotary) {
    rope::forward(stream_, rope_shape(options_), scratch_.rope_table, layer.qkv);
  }
  const Bf16* keys = layer.qkv + attention_width(model_);
  const Bf16* values = keys + model_.kv_heads * model_.head_size;
  attention::forward<Bf16>(stream_, attention_shape(options_),
                           {layer.qkv, keys, values, layer.attended, layer.log_sum});
  projection_->forward(stream_, projection_operands(layer, at));
}

void CudaStep::attention_backward(const LayerBuffers<Bf16>& layer, const LayerPlaces& at) {
  const GradientBuffers<Bf16>& d = state_.d;
  const LinearOperands projection = projection_operands(layer, at);
  bias_backward(d.stream, model_.width, at.projection_bias);
  projection_->weight_gradient(stream_, projection);
  projection_->input_gradient(stream_, projection);

  const std::int64_t key_offset = attention_width(model_);
  const std::int64_t value_offset = key_offset + model_.kv_heads * model_.head_size;
  attention::backward<Bf16>(
      stream_, attention_shape(options_),
      {layer.qkv, layer.qkv + key_offset, layer.qkv + value_offset, layer.attended, layer.log_sum,
       d.attended, d.qkv, d.qkv + key_offset, d.qkv + value_offset},
      scratch_.attention);
  if (model_.positions == Positions::rotary) {
    rope::backward(stream_, rope_shape(options_), scratch_.rope_table, d.qkv);
  }

  const LinearOperands qkv = qkv_operands(layer, at);
  bias_backward(d.qkv, qkv_width(model_), at.qkv_bias);
  qkv_->weight_gradient(stream_, qkv);
  qkv_->input_gradient(stream_, qkv);
}

void CudaStep::forward() {
  embedding::forward<Bf16>(stream_, embedding_shape(options_), state_.inputs, weight(list_.tokens),
                           weight(list_.positions), state_.layers.front().norm1.sum);
  const Bf16* branch = nullptr;
  const Bf16* stream = nullptr;
  for (std::size_t l = 0; l < state_.layers.size(); ++l) {
    const LayerBuffers<Bf16>& layer = state_.layers[l];
    const LayerPlaces& at = list_.layers[l];
    norm_forward(branch, stream, layer.norm1, at.norm1_gamma, at.norm1_beta);
    attention_forward(layer, at);
    norm_forward(state_.branch, layer.norm1.sum, layer.norm2, at.norm2_gamma, at.norm2_beta);
    model_.experts > 0 ? experts_forward(l) : common_forward(layer, at);
    branch = state_.branch;
    stream = layer.norm2.sum;
  }
  norm_forward(branch, stream, state_.final_norm, list_.final_gamma, list_.final_beta);
  head_->forward(stream_, head_operands());
}

void CudaStep::recompute(std::size_t l) {
  const LayerBuffers<Bf16>& layer = state_.layers[l];
  const LayerPlaces& at = list_.layers[l];
  norm_forward(nullptr, nullptr, layer.norm1, at.norm1_gamma, at.norm1_beta);
  attention_forward(layer, at);
  norm_forward(state_.branch, layer.norm1.sum, layer.norm2, at.norm2_gamma, at.norm2_beta);
  model_.experts > 0 ? experts_forward(l) : common_inner(layer, at);
}

void CudaStep::backward(bool reduces) {
  const GradientBuffers<Bf16>& d = state_.d;
  const double per_token = 1.0 / static_cast<double>(tokens_per_step(options_) * gang_.ranks());
  cross_entropy::forward_backward(stream_, {tokens_, model_.vocabulary, stored_vocabulary(model_)},
                                  state_.targets, static_cast<float>(per_token), state_.logits,
                                  state_.losses);
  cross_entropy::add_losses(stream_, tokens_, state_.losses, per_token, scratch_.loss);
  head_->weight_gradient(stream_, head_operands());
  head_->input_gradient(stream_, head_operands());
  norm_backward(d.normed, nullptr, state_.final_norm, list_.final_gamma, list_.final_beta);
  for (std::size_t l = state_.layers.size(); l-- > 0;) {
    const LayerBuffers<Bf16>& layer = state_.layers[l];
    const LayerPlaces& at = list_.layers[l];
    // The last layer's activations are still there.
    if (options_.recompute && l + 1 < state_.layers.size()) recompute(l);
    model_.experts > 0 ? experts_backward(l) : common_backward(layer, at);
    norm_backward(d.normed, d.stream, layer.norm2, at.norm2_gamma, at.norm2_beta);
    attention_backward(layer, at);
    if (reduces) reduction_->layer_is_complete(l);
    norm_backward(d.normed, d.stream, layer.norm1, at.norm1_gamma, at.norm1_beta);
  }
  embedding::backward<Bf16>(stream_, embedding_shape(options_), state_.inputs, d.stream,
                            gradient(list_.tokens), gradient(list_.positions), scratch_.embedding);
  if (reduces) reduction_->finish();
}

}  // namespace assay::transformer
