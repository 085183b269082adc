#include "kernels/transformer/cpu_step.h"

#include <algorithm>
#include <cmath>

#include "kernels/transformer/cpu_feed_forward.h"
#include "kernels/transformer/cpu_passes.h"

namespace assay::transformer {

template <class T>
CpuStep<T>::CpuStep(const StepOptions& options, const CpuDevice& device, const InputKey& key)
    : options_(options),
      model_(options.model),
      level_(device.level),
      list_(list_parameters(options.model)),
      kernels_(device.level),
      state_(options, list_),
      memory_(laid_out_bytes(state_, options, list_)),
      law_(make_token_law(key.key, static_cast<std::int32_t>(options.model.vocabulary))),
      tokens_(options.batch * options.sequence),
      qkv_(linear(tokens_, model_.width, qkv_width(model_), model_.biases)),
      projection_(linear(tokens_, attention_width(model_), model_.width, model_.biases)),
      head_(linear(tokens_, model_.width, stored_vocabulary(model_), false)) {
  if (model_.positions == Positions::rotary) {
    rope_table_ = rope::make_table(options.sequence, model_.head_size, model_.rotary_theta);
  }
  if (model_.experts == 0) {
    dense_ = feed_forward_linears(tokens_, model_.feed_forward, model_.biases, false);
  } else {
    // The router's input gradient is the first of the two that add up where experts are shared.
    router_ = linear(tokens_, model_.width, model_.experts, false);
    experts_ = feed_forward_linears(gemm::kVariable, model_.expert_feed_forward, false, false);
    if (model_.shared_experts > 0) {
      dense_ = feed_forward_linears(tokens_, model_.shared_experts * model_.expert_feed_forward,
                                    false, true);
    }
  }
  Arena arena(memory_.data());
  state_.lay_out(arena, options_, list_);
  initialise(key.key);
}

template <class T>
Linear<T> CpuStep<T>::linear(std::int64_t rows, std::int64_t in, std::int64_t out, bool bias,
                             bool adds_to_input_gradient) const {
  return Linear<T>(level_,
                   {.rows = rows,
                    .in = in,
                    .out = out,
                    .bias = bias,
                    .accumulates = options_.accumulation > 1,
                    .adds_to_input_gradient = adds_to_input_gradient},
                   workspace_);
}

template <class T>
FeedForwardLinears<T> CpuStep<T>::feed_forward_linears(std::int64_t rows, std::int64_t width,
                                                       bool bias,
                                                       bool adds_to_input_gradient) const {
  return {width, linear(rows, model_.width, up_width(model_, width), bias, adds_to_input_gradient),
          linear(rows, width, model_.width, bias)};
}

template <class T>
void CpuStep<T>::initialise(std::uint64_t key) {
  for (std::size_t i = 0; i < list_.all.size(); ++i) {
    const Parameter& p = list_.all[i];
    float* values = state_.master + p.offset;
    if (p.deviation > 0.0) {
      kernels_.random.normal({key, kInitialStream + i}, 0.0F, static_cast<float>(p.deviation),
                             p.elements(), values);
    } else {
      std::fill_n(values, p.elements(), static_cast<float>(p.constant));
    }
  }
  if constexpr (!std::is_same_v<T, float>) {
#pragma omp parallel for schedule(static)
    for (std::int64_t i = 0; i < list_.total; ++i) {
      state_.weight[i] = from_float<T>(state_.master[i]);
    }
  }
}

template <class T>
void CpuStep<T>::iterate() {
  double loss = 0.0;
  for (std::int64_t micro_batch = 0; micro_batch < options_.accumulation; ++micro_batch) {
    const bool first = micro_batch == 0;
    draw_tokens(micro_batch);
    if (first) zero_added_gradients();
    forward();
    backward(first);
    loss += summed_loss();
  }
  observation_.loss = loss / static_cast<double>(tokens_per_step(options_));
  update();
}

template <class T>
void CpuStep<T>::draw_tokens(std::int64_t micro_batch) {
  const std::int64_t length = options_.sequence + 1;
  kernels_.token_chain.draw(law_, static_cast<std::uint64_t>(iteration_),
                            static_cast<std::uint64_t>(micro_batch * options_.batch),
                            options_.batch, length, state_.rows);
  for (std::int64_t b = 0; b < options_.batch; ++b) {
    const std::int32_t* row = state_.rows + b * length;
    std::copy_n(row, options_.sequence, state_.inputs + b * options_.sequence);
    std::copy_n(row + 1, options_.sequence, state_.targets + b * options_.sequence);
  }
}

template <class T>
void CpuStep<T>::zero_added_gradients() {
  for (const Parameter& p : list_.all) {
    if (!p.from_product) std::fill_n(state_.gradient + p.offset, p.stored_rows * p.columns, 0.0F);
  }
}

template <class T>
double CpuStep<T>::summed_loss() const {
  double sum = 0.0;
  for (std::int64_t i = 0; i < tokens_; ++i) sum += static_cast<double>(state_.losses[i]);
  return sum;
}

template <class T>
void CpuStep<T>::update() {
  ++iteration_;
  const double norm = std::sqrt(kernels_.adamw.sum_of_squares(list_.total, state_.gradient));
  observation_.gradient_norm = norm;
  const float scale = adamw::clip_factor(norm, options_.clip_norm);
  const auto update_range = [&](std::int64_t from, std::int64_t to, float decay) {
    adamw::Hyperparameters hyperparameters = options_.optimizer;
    hyperparameters.weight_decay = decay;
    kernels_.adamw.update(hyperparameters, iteration_, scale, to - from, state_.gradient + from,
                          state_.master + from, state_.first_moment + from,
                          state_.second_moment + from, state_.weight + from);
  };
  update_range(0, list_.decaying, options_.optimizer.weight_decay);
  update_range(list_.decaying, list_.total, 0.0F);
}

template class CpuStep<float>;
template class CpuStep<Bf16>;

}  // namespace assay::transformer
