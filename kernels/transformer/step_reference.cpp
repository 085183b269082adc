#include "kernels/transformer/step_reference.h"

#include <algorithm>

#include "kernels/activation/activation.h"
#include "kernels/attention/attention.h"
#include "kernels/bias/bias.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/embedding/embedding.h"
#include "kernels/gemm/gemm.h"
#include "kernels/moe/moe.h"
#include "kernels/norm/norm.h"
#include "kernels/rope/rope.h"

namespace assay::transformer {
namespace {

/// One step in Real: forward() leaves what backward() needs.
template <class Real>
class Definition {
 public:
  using Vector = std::vector<Real>;

  Definition(const StepInputs& inputs, const Vector& parameters, const Store<Real>& store)
      : inputs_(inputs),
        config_(inputs.config),
        list_(list_parameters(inputs.config)),
        parameters_(parameters),
        store_(store),
        tokens_(inputs.batch * inputs.sequence) {
    result_.gradients.assign(static_cast<std::size_t>(list_.total), Real{0});
    for (std::int64_t b = 0; b < inputs.batch; ++b) {
      const std::int32_t* row = inputs.rows + b * (inputs.sequence + 1);
      ids_.insert(ids_.end(), row, row + inputs.sequence);
      targets_.insert(targets_.end(), row + 1, row + inputs.sequence + 1);
    }
  }

  StepResult<Real> run() {
    forward();
    backward();
    return std::move(result_);
  }

 private:
  struct FeedForward {
    Vector up, activated;
  };
  struct Layer {
    Vector sum1, normed1, qkv, attended, sum2, normed2;
    FeedForward dense, shared;
    Vector logits, probability, weight, dispatched, expert_out;
    std::vector<FeedForward> experts;
    moe::Plan plan;
  };

  // --- building blocks -------------------------------------------------------------------------

  [[nodiscard]] const Real* weight(int place, std::int64_t from = 0) const {
    return place == kAbsent ? nullptr : parameters_.data() + list_.at(place).offset + from;
  }
  [[nodiscard]] Real* gradient(int place, std::int64_t from = 0) {
    return place == kAbsent ? nullptr : result_.gradients.data() + list_.at(place).offset + from;
  }
  [[nodiscard]] Vector zeros(std::int64_t rows, std::int64_t columns) const {
    return Vector(static_cast<std::size_t>(rows * columns));
  }
  Vector stored(Vector values) const {
    if (store_) store_(values);
    return values;
  }

  Vector product(const Vector& x, std::int64_t rows, std::int64_t in, std::int64_t out,
                 const Real* w, const Real* bias) const {
    Vector y = zeros(rows, out);
    gemm::product_reference(gemm::forward(rows, in, out, gemm::Element::fp32, false), x.data(), w,
                            bias, y.data());
    return stored(std::move(y));
  }

  /// dW += dYᵀ·X, dbias += Σ dY; returns dX = dY·W.
  Vector product_backward(const Vector& dy, const Vector& x, std::int64_t rows, std::int64_t in,
                          std::int64_t out, const Real* w, Real* dw, Real* dbias) const {
    using gemm::Element;
    if (dbias != nullptr) bias::backward_reference(rows, out, dy.data(), dbias);
    gemm::product_reference<Real>(gemm::weight_gradient(rows, in, out, Element::fp32, true),
                                  dy.data(), x.data(), nullptr, dw);
    Vector dx = zeros(rows, in);
    gemm::product_reference<Real>(gemm::input_gradient(rows, in, out, Element::fp32), dy.data(), w,
                                  nullptr, dx.data());
    return stored(std::move(dx));
  }

  Vector norm(const Vector& sum, int gamma, int beta) const {
    Vector y = zeros(tokens_, config_.width);
    const norm::ReferenceForward<Real> operands{sum.data(),   nullptr, weight(gamma),
                                                weight(beta), nullptr, y.data()};
    const norm::Shape shape{tokens_, config_.width};
    config_.norm == Norm::layernorm ? norm::layernorm_forward_reference(shape, operands)
                                    : norm::rmsnorm_forward_reference(shape, operands);
    return stored(std::move(y));
  }

  /// Gradient of the residual stream before the norm; `through`: the gradient after it, or null.
  Vector norm_backward(const Vector& dy, const Vector& sum, const Vector* through, int gamma,
                       int beta) {
    Vector dx = zeros(tokens_, config_.width);
    const norm::ReferenceBackward<Real> operands{
        dy.data(), sum.data(),      weight(gamma), through != nullptr ? through->data() : nullptr,
        dx.data(), gradient(gamma), gradient(beta)};
    const norm::Shape shape{tokens_, config_.width};
    config_.norm == Norm::layernorm ? norm::layernorm_backward_reference(shape, operands)
                                    : norm::rmsnorm_backward_reference(shape, operands);
    return stored(std::move(dx));
  }

  Vector add(const Vector& a, const Vector& b) const {
    Vector sum(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) sum[i] = a[i] + b[i];
    return stored(std::move(sum));
  }

  // --- attention -------------------------------------------------------------------------------

  [[nodiscard]] attention::Shape attention_shape() const {
    return {inputs_.batch,    inputs_.sequence,  config_.heads,
            config_.kv_heads, config_.head_size, qkv_width(config_)};
  }
  [[nodiscard]] rope::Shape rope_shape() const {
    return {inputs_.batch, inputs_.sequence, config_.heads + config_.kv_heads, config_.head_size,
            qkv_width(config_)};
  }
  [[nodiscard]] std::int64_t key_offset() const { return attention_width(config_); }
  [[nodiscard]] std::int64_t value_offset() const {
    return key_offset() + config_.kv_heads * config_.head_size;
  }

  Vector attention_branch(Layer& state, const LayerPlaces& at) const {
    const std::int64_t d = config_.width;
    state.qkv =
        product(state.normed1, tokens_, d, qkv_width(config_), weight(at.qkv), weight(at.qkv_bias));
    if (config_.positions == Positions::rotary) {
      rope::forward_reference(rope_shape(), config_.rotary_theta, state.qkv.data());
      state.qkv = stored(std::move(state.qkv));
    }
    state.attended = zeros(tokens_, attention_width(config_));
    const Real* q = state.qkv.data();
    attention::forward_reference(attention_shape(), q, q + key_offset(), q + value_offset(),
                                 state.attended.data());
    state.attended = stored(std::move(state.attended));
    return product(state.attended, tokens_, attention_width(config_), d, weight(at.projection),
                   weight(at.projection_bias));
  }

  Vector attention_branch_backward(const Vector& dy, const Layer& state, const LayerPlaces& at) {
    const std::int64_t d = config_.width;
    const Vector dattended = product_backward(dy, state.attended, tokens_, attention_width(config_),
                                              d, weight(at.projection), gradient(at.projection),
                                              gradient(at.projection_bias));
    Vector dqkv = zeros(tokens_, qkv_width(config_));
    const Real* q = state.qkv.data();
    attention::backward_reference(attention_shape(), q, q + key_offset(), q + value_offset(),
                                  dattended.data(), dqkv.data(), dqkv.data() + key_offset(),
                                  dqkv.data() + value_offset());
    dqkv = stored(std::move(dqkv));
    if (config_.positions == Positions::rotary) {
      rope::backward_reference(rope_shape(), config_.rotary_theta, dqkv.data());
      dqkv = stored(std::move(dqkv));
    }
    return product_backward(dqkv, state.normed1, tokens_, d, qkv_width(config_), weight(at.qkv),
                            gradient(at.qkv), gradient(at.qkv_bias));
  }

  // --- feed-forward ----------------------------------------------------------------------------

  /// Weights of one feed-forward of `width`, or their gradients.
  template <class Pointer>
  struct FeedForwardWeights {
    Pointer up, up_bias, down, down_bias;
  };

  Vector feed_forward(const Vector& x, std::int64_t rows, std::int64_t width,
                      const FeedForwardWeights<const Real*>& w, FeedForward& state) const {
    const std::int64_t up = up_width(config_, width);
    state.up = product(x, rows, config_.width, up, w.up, w.up_bias);
    state.activated = zeros(rows, width);
    config_.activation == Activation::gelu
        ? activation::gelu_forward_reference(rows * width, state.up.data(), state.activated.data())
        : activation::swiglu_forward_reference(rows, width, state.up.data(),
                                               state.activated.data());
    state.activated = stored(std::move(state.activated));
    return product(state.activated, rows, width, config_.width, w.down, w.down_bias);
  }

  Vector feed_forward_backward(const Vector& dy, const Vector& x, std::int64_t rows,
                               std::int64_t width, const FeedForwardWeights<const Real*>& w,
                               const FeedForwardWeights<Real*>& dw, const FeedForward& state) {
    const std::int64_t up = up_width(config_, width);
    const Vector dactivated = product_backward(dy, state.activated, rows, width, config_.width,
                                               w.down, dw.down, dw.down_bias);
    Vector dup = zeros(rows, up);
    config_.activation == Activation::gelu
        ? activation::gelu_backward_reference(rows * width, state.up.data(), dactivated.data(),
                                              dup.data())
        : activation::swiglu_backward_reference(rows, width, state.up.data(), dactivated.data(),
                                                dup.data());
    dup = stored(std::move(dup));
    return product_backward(dup, x, rows, config_.width, up, w.up, dw.up, dw.up_bias);
  }

  FeedForwardWeights<const Real*> dense_weights(const LayerPlaces& at) const {
    return {weight(at.up), weight(at.up_bias), weight(at.down), weight(at.down_bias)};
  }
  FeedForwardWeights<Real*> dense_gradients(const LayerPlaces& at) {
    return {gradient(at.up), gradient(at.up_bias), gradient(at.down), gradient(at.down_bias)};
  }
  FeedForwardWeights<const Real*> expert_weights(const LayerPlaces& at, std::int64_t expert) const {
    const std::int64_t f = config_.expert_feed_forward;
    return {weight(at.expert_up, expert * up_width(config_, f) * config_.width), nullptr,
            weight(at.expert_down, expert * config_.width * f), nullptr};
  }
  FeedForwardWeights<Real*> expert_gradients(const LayerPlaces& at, std::int64_t expert) {
    const std::int64_t f = config_.expert_feed_forward;
    return {gradient(at.expert_up, expert * up_width(config_, f) * config_.width), nullptr,
            gradient(at.expert_down, expert * config_.width * f), nullptr};
  }
  [[nodiscard]] std::int64_t shared_width() const {
    return config_.shared_experts * config_.expert_feed_forward;
  }

  // --- mixture of experts ----------------------------------------------------------------------

  [[nodiscard]] moe::Shape moe_shape() const {
    return {tokens_, config_.experts, config_.experts_per_token, config_.width};
  }

  /// Rows [first, last) of a matrix as wide as the model.
  Vector rows_of(const Vector& matrix, std::int64_t first, std::int64_t last) const {
    return Vector(matrix.begin() + first * config_.width, matrix.begin() + last * config_.width);
  }

  void route(Layer& state, std::size_t index) {
    const moe::Shape shape = moe_shape();
    state.probability = zeros(tokens_, config_.experts);
    state.weight = zeros(tokens_, config_.experts_per_token);
    state.plan.expert.resize(state.weight.size());
    moe::route_forward_reference(shape, state.logits.data(), state.probability.data(),
                                 state.plan.expert.data(), state.weight.data());
    result_.probabilities.insert(result_.probabilities.end(), state.probability.begin(),
                                 state.probability.end());
    if (inputs_.routing != nullptr) take_given_route(state, (*inputs_.routing)[index]);
    moe::make_plan(shape, state.plan);
  }

  void take_given_route(Layer& state, const std::vector<std::int32_t>& given) {
    const auto k = static_cast<std::size_t>(config_.experts_per_token);
    for (std::size_t i = 0; i < given.size(); ++i) {
      const Real* p = state.probability.data() + static_cast<std::int64_t>(i / k) * config_.experts;
      // The definition's weights are those of its own choices, most probable first.
      const Real worst_of_best = state.weight[i / k * k + k - 1];
      result_.routing_regret = std::max(result_.routing_regret, worst_of_best - p[given[i]]);
    }
    state.plan.expert = given;
    for (std::size_t i = 0; i < given.size(); ++i) {
      state.weight[i] = state.probability[i / k * static_cast<std::size_t>(config_.experts) +
                                          static_cast<std::size_t>(given[i])];
    }
  }

  Vector moe_branch(Layer& state, const LayerPlaces& at, std::size_t index) {
    const std::int64_t d = config_.width;
    state.logits = product(state.normed2, tokens_, d, config_.experts, weight(at.router), nullptr);
    route(state, index);
    const std::int64_t slots = tokens_ * config_.experts_per_token;
    state.dispatched = zeros(slots, d);
    moe::dispatch_forward_reference(moe_shape(), state.plan, state.normed2.data(),
                                    state.dispatched.data());
    state.experts.resize(static_cast<std::size_t>(config_.experts));
    for (std::size_t e = 0; e < state.experts.size(); ++e) {
      const std::int64_t first = state.plan.offset[e];
      const std::int64_t last = state.plan.offset[e + 1];
      const Vector out = feed_forward(
          rows_of(state.dispatched, first, last), last - first, config_.expert_feed_forward,
          expert_weights(at, static_cast<std::int64_t>(e)), state.experts[e]);
      state.expert_out.insert(state.expert_out.end(), out.begin(), out.end());
    }
    Vector shared;
    if (config_.shared_experts > 0) {
      shared = feed_forward(state.normed2, tokens_, shared_width(),
                            {weight(at.shared_up), nullptr, weight(at.shared_down), nullptr},
                            state.shared);
    }
    Vector y = zeros(tokens_, d);
    moe::combine_forward_reference<Real>(moe_shape(), state.plan, state.weight.data(),
                                         state.expert_out.data(),
                                         shared.empty() ? nullptr : shared.data(), y.data());
    return stored(std::move(y));
  }

  Vector moe_branch_backward(const Vector& dy, const Layer& state, const LayerPlaces& at) {
    const std::int64_t d = config_.width;
    const moe::Shape shape = moe_shape();
    Vector dexpert_out = zeros(tokens_ * config_.experts_per_token, d);
    Vector dweight = zeros(tokens_, config_.experts_per_token);
    moe::combine_backward_reference(shape, state.plan, state.weight.data(), state.expert_out.data(),
                                    dy.data(), dexpert_out.data(), dweight.data());
    dexpert_out = stored(std::move(dexpert_out));
    Vector ddispatched;
    for (std::size_t e = 0; e < state.experts.size(); ++e) {
      const std::int64_t first = state.plan.offset[e];
      const std::int64_t last = state.plan.offset[e + 1];
      const auto expert = static_cast<std::int64_t>(e);
      const Vector dx = feed_forward_backward(
          rows_of(dexpert_out, first, last), rows_of(state.dispatched, first, last), last - first,
          config_.expert_feed_forward, expert_weights(at, expert), expert_gradients(at, expert),
          state.experts[e]);
      ddispatched.insert(ddispatched.end(), dx.begin(), dx.end());
    }
    Vector dlogits = zeros(tokens_, config_.experts);
    moe::route_backward_reference(shape, state.probability.data(), state.plan.expert.data(),
                                  dweight.data(), dlogits.data());
    dlogits = stored(std::move(dlogits));
    Vector dx = product_backward(dlogits, state.normed2, tokens_, d, config_.experts,
                                 weight(at.router), gradient(at.router), nullptr);
    if (config_.shared_experts > 0) {
      dx = add(dx, feed_forward_backward(
                       dy, state.normed2, tokens_, shared_width(),
                       {weight(at.shared_up), nullptr, weight(at.shared_down), nullptr},
                       {gradient(at.shared_up), nullptr, gradient(at.shared_down), nullptr},
                       state.shared));
    }
    Vector dnormed = zeros(tokens_, d);
    moe::dispatch_backward_reference(shape, state.plan, ddispatched.data(), dx.data(),
                                     dnormed.data());
    return stored(std::move(dnormed));
  }

  // --- the step --------------------------------------------------------------------------------

  [[nodiscard]] embedding::Shape embedding_shape() const {
    return {inputs_.batch, inputs_.sequence, config_.width, config_.vocabulary};
  }

  void forward() {
    Vector stream = zeros(tokens_, config_.width);
    embedding::forward_reference(embedding_shape(), ids_.data(), weight(list_.tokens),
                                 weight(list_.positions), stream.data());
    stream = stored(std::move(stream));
    layers_.resize(list_.layers.size());
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      Layer& state = layers_[l];
      const LayerPlaces& at = list_.layers[l];
      state.sum1 = stream;
      state.normed1 = norm(state.sum1, at.norm1_gamma, at.norm1_beta);
      state.sum2 = add(state.sum1, attention_branch(state, at));
      state.normed2 = norm(state.sum2, at.norm2_gamma, at.norm2_beta);
      const Vector branch = config_.experts > 0
                                ? moe_branch(state, at, l)
                                : feed_forward(state.normed2, tokens_, config_.feed_forward,
                                               dense_weights(at), state.dense);
      stream = add(state.sum2, branch);
    }
    final_sum_ = stream;
    final_normed_ = norm(final_sum_, list_.final_gamma, list_.final_beta);
  }

  void backward() {
    const std::int64_t d = config_.width;
    const std::int64_t v = config_.vocabulary;
    Vector logits = product(final_normed_, tokens_, d, v, weight(list_.head), nullptr);
    Vector& losses = result_.losses;
    losses.resize(static_cast<std::size_t>(tokens_));
    const Real scale = Real{1} / static_cast<Real>(inputs_.tokens_of_step);
    cross_entropy::forward_backward_reference({tokens_, v, v}, targets_.data(), scale,
                                              logits.data(), losses.data());
    for (const Real loss : losses) result_.loss += loss * scale;
    logits = stored(std::move(logits));
    const Vector dfinal = product_backward(logits, final_normed_, tokens_, d, v, weight(list_.head),
                                           gradient(list_.head), nullptr);
    Vector dstream =
        norm_backward(dfinal, final_sum_, nullptr, list_.final_gamma, list_.final_beta);
    for (std::size_t l = layers_.size(); l-- > 0;) {
      const Layer& state = layers_[l];
      const LayerPlaces& at = list_.layers[l];
      const Vector dnormed2 =
          config_.experts > 0
              ? moe_branch_backward(dstream, state, at)
              : feed_forward_backward(dstream, state.normed2, tokens_, config_.feed_forward,
                                      dense_weights(at), dense_gradients(at), state.dense);
      dstream = norm_backward(dnormed2, state.sum2, &dstream, at.norm2_gamma, at.norm2_beta);
      const Vector dnormed1 = attention_branch_backward(dstream, state, at);
      dstream = norm_backward(dnormed1, state.sum1, &dstream, at.norm1_gamma, at.norm1_beta);
    }
    embedding::backward_reference(embedding_shape(), ids_.data(), dstream.data(),
                                  gradient(list_.tokens), gradient(list_.positions));
  }

  const StepInputs& inputs_;
  const ModelConfig& config_;
  ParameterList list_;
  const Vector& parameters_;
  const Store<Real>& store_;
  std::int64_t tokens_;
  std::vector<std::int32_t> ids_, targets_;
  std::vector<Layer> layers_;
  Vector final_sum_, final_normed_;
  StepResult<Real> result_;
};

}  // namespace

template <class Real>
StepResult<Real> step_reference(const StepInputs& inputs, const std::vector<Real>& parameters,
                                const Store<Real>& store) {
  return Definition<Real>(inputs, parameters, store).run();
}
template StepResult<double> step_reference(const StepInputs&, const std::vector<double>&,
                                           const Store<double>&);
template StepResult<float> step_reference(const StepInputs&, const std::vector<float>&,
                                          const Store<float>&);

}  // namespace assay::transformer
