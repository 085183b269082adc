#pragma once
/// CpuStep: the forward and backward passes, and attention. Included by cpu_step.cpp only.
#include "kernels/transformer/cpu_step.h"
#include "kernels/transformer/step_shapes.h"

namespace assay::transformer {

/// y = norm(branch + stream), with the sum left in buffers.sum; without a branch the stream is
/// already there.
template <class T>
void CpuStep<T>::norm_forward(const T* branch, const T* stream, const NormBuffers<T>& buffers,
                              int gamma, int beta) {
  const bool adds = branch != nullptr;
  const norm::Forward<T> operands{adds ? branch : buffers.sum,
                                  adds ? stream : nullptr,
                                  weight(gamma),
                                  weight(beta),
                                  adds ? buffers.sum : nullptr,
                                  buffers.y,
                                  buffers.mean,
                                  buffers.rstd};
  const norm::Shape shape{tokens_, model_.width};
  model_.norm == Norm::layernorm ? kernels_.norm.layernorm_forward(shape, operands)
                                 : kernels_.norm.rmsnorm_forward(shape, operands);
}

/// The stream's gradient before the norm, in place; `through`: the one after it, or null.
template <class T>
void CpuStep<T>::norm_backward(const T* dy, const T* through, const NormBuffers<T>& buffers,
                               int gamma, int beta) {
  const norm::Backward<T> operands{
      dy,      buffers.sum,     weight(gamma),   buffers.mean,  buffers.rstd,
      through, state_.d.stream, gradient(gamma), gradient(beta)};
  const norm::Shape shape{tokens_, model_.width};
  model_.norm == Norm::layernorm ? kernels_.norm.layernorm_backward(shape, operands)
                                 : kernels_.norm.rmsnorm_backward(shape, operands);
}

template <class T>
void CpuStep<T>::attention_forward(const LayerBuffers<T>& layer, const LayerPlaces& at) {
  qkv_.forward(layer.norm1.y, weight(at.qkv), weight(at.qkv_bias), layer.qkv);
  if (model_.positions == Positions::rotary) {
    kernels_.rope.forward(rope_shape(options_), rope_table_.data(), layer.qkv);
  }
  const T* keys = layer.qkv + attention_width(model_);
  const T* values = keys + model_.kv_heads * model_.head_size;
  kernels_.attention.forward(attention_shape(options_),
                             {layer.qkv, keys, values, layer.attended, layer.log_sum});
  projection_.forward(layer.attended, weight(at.projection), weight(at.projection_bias),
                      state_.branch);
}

template <class T>
void CpuStep<T>::attention_backward(const LayerBuffers<T>& layer, const LayerPlaces& at,
                                    bool first) {
  const GradientBuffers<T>& d = state_.d;
  if (model_.biases) {
    kernels_.bias.backward(tokens_, model_.width, d.stream, gradient(at.projection_bias));
  }
  projection_.weight_gradient(d.stream, layer.attended, gradient(at.projection), !first);
  projection_.input_gradient(d.stream, weight(at.projection), d.attended);

  const std::int64_t key_offset = attention_width(model_);
  const std::int64_t value_offset = key_offset + model_.kv_heads * model_.head_size;
  kernels_.attention.backward(
      attention_shape(options_),
      {layer.qkv, layer.qkv + key_offset, layer.qkv + value_offset, layer.attended, layer.log_sum,
       d.attended, d.qkv, d.qkv + key_offset, d.qkv + value_offset});
  if (model_.positions == Positions::rotary) {
    kernels_.rope.backward(rope_shape(options_), rope_table_.data(), d.qkv);
  }

  if (model_.biases) {
    kernels_.bias.backward(tokens_, qkv_width(model_), d.qkv, gradient(at.qkv_bias));
  }
  qkv_.weight_gradient(d.qkv, layer.norm1.y, gradient(at.qkv), !first);
  qkv_.input_gradient(d.qkv, weight(at.qkv), d.normed);
}

template <class T>
void CpuStep<T>::forward() {
  kernels_.embedding.forward(embedding_shape(options_), state_.inputs, weight(list_.tokens),
                             weight(list_.positions), state_.layers.front().norm1.sum);
  const T* branch = nullptr;
  const T* stream = nullptr;
  for (std::size_t l = 0; l < state_.layers.size(); ++l) {
    LayerBuffers<T>& layer = state_.layers[l];
    const LayerPlaces& at = list_.layers[l];
    norm_forward(branch, stream, layer.norm1, at.norm1_gamma, at.norm1_beta);
    attention_forward(layer, at);
    norm_forward(state_.branch, layer.norm1.sum, layer.norm2, at.norm2_gamma, at.norm2_beta);
    model_.experts > 0 ? experts_forward(layer, at) : dense_forward(layer, at);
    branch = state_.branch;
    stream = layer.norm2.sum;
  }
  norm_forward(branch, stream, state_.final_norm, list_.final_gamma, list_.final_beta);
  head_.forward(state_.final_norm.y, weight(list_.head), nullptr, state_.logits);
}

template <class T>
void CpuStep<T>::backward(bool first) {
  const GradientBuffers<T>& d = state_.d;
  const auto scale = static_cast<float>(1.0 / static_cast<double>(tokens_per_step(options_)));
  kernels_.cross_entropy.forward_backward({tokens_, model_.vocabulary, stored_vocabulary(model_)},
                                          state_.targets, scale, state_.logits, state_.losses);
  // Logits are kept whole. In chunks of rows they would stay in cache, but cross-entropy is 1.5 %
  // of a step, and each chunk would add to the head's whole FP32 weight gradient (154 MB for
  // GPT-2).
  head_.weight_gradient(state_.logits, state_.final_norm.y, gradient(list_.head), !first);
  head_.input_gradient(state_.logits, weight(list_.head), d.normed);
  norm_backward(d.normed, nullptr, state_.final_norm, list_.final_gamma, list_.final_beta);
  for (std::size_t l = state_.layers.size(); l-- > 0;) {
    LayerBuffers<T>& layer = state_.layers[l];
    const LayerPlaces& at = list_.layers[l];
    model_.experts > 0 ? experts_backward(layer, at, first) : dense_backward(layer, at, first);
    norm_backward(d.normed, d.stream, layer.norm2, at.norm2_gamma, at.norm2_beta);
    attention_backward(layer, at, first);
    norm_backward(d.normed, d.stream, layer.norm1, at.norm1_gamma, at.norm1_beta);
  }
  kernels_.embedding.backward(embedding_shape(options_), state_.inputs, d.stream,
                              gradient(list_.tokens), gradient(list_.positions));
}

}  // namespace assay::transformer
