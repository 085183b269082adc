#include "kernels/transformer/cuda_step.h"

#include "base/error.h"
#include "kernels/moe/moe_cuda.h"
#include "kernels/rope/rope.h"
#include "kernels/transformer/step_shapes.h"

namespace assay::transformer {
namespace {

const StepOptions& supported(const StepOptions& options) {
  require_valid(options);
  const std::string where = "CUDA training step of " + options.model.name;
  if (options.precision != Precision::bf16) {
    throw input_error("the precision " + std::string(name(options.precision)) + " is not offered",
                      where, "use bf16");
  }
  if (options.model.experts > 0) moe::require_cuda_limits(moe_shape(options));
  if (options.model.head_size != 64 && options.model.head_size != 128) {
    throw input_error("head size " + std::to_string(options.model.head_size) + " is not offered",
                      where, "head sizes are 64 and 128");
  }
  return options;
}

void copy_to(const cuda::Stream& stream, void* to, const void* from, std::size_t bytes) {
  cuda::copy_to_device(stream, reinterpret_cast<cuda::DevicePointer>(to), from, bytes);
}

void zero(const cuda::Stream& stream, void* to, std::size_t bytes) {
  cuda::fill_bytes(stream, reinterpret_cast<cuda::DevicePointer>(to), 0, bytes);
}

template <class T>
T read(const cuda::Stream& stream, const T* from) {
  T value;
  cuda::copy_to_host(stream, &value, reinterpret_cast<cuda::DevicePointer>(from), sizeof value);
  stream.synchronize();
  return value;
}

}  // namespace

CudaStep::CudaStep(const StepOptions& options, cuda::Stream& stream, const InputKey& key,
                   const cuda::blas::Table& library, const Gang& gang)
    : options_(supported(options)),
      model_(options.model),
      stream_(stream),
      list_(list_parameters(options.model)),
      state_(options, list_),
      tokens_(options.batch * options.sequence),
      gang_(gang),
      law_(stream, make_token_law(key.key, static_cast<std::int32_t>(options.model.vocabulary))),
      library_(cuda::blas::make_context(library)) {
  const int compute_capability = stream.device().facts().compute_capability;
  memory_ = cuda::Memory(stream.device(), cuda_step_bytes(options_, compute_capability));
  Arena arena(reinterpret_cast<void*>(memory_.pointer()));
  state_.lay_out(arena, options_, list_);
  scratch_.lay_out(arena, options_, list_, compute_capability);
  cuda::fill_bytes(stream, memory_.pointer(), 0, memory_.bytes());
  if (gang_.communicator != nullptr) {
    reduction_.emplace(gang_, stream, list_, state_.gradient, scratch_.loss);
  }
  prepare_linears(library_);
  record_graphs();
  initialise(key.key);
}

/// All runs once before it is recorded: kernels are loaded and libraries make their choices then.
/// That step on zeros leaves nothing behind.
void CudaStep::record_graphs() {
  cuda::fill_bytes(stream_, memory_.pointer(), 0, memory_.bytes());
  accumulate(reduction_.has_value());
  update();
  cuda::fill_bytes(stream_, memory_.pointer(), 0, memory_.bytes());
  accumulate_.emplace(stream_, [this] { accumulate(false); });
  if (reduction_) accumulate_last_.emplace(stream_, [this] { accumulate(true); });
  update_.emplace(stream_, [this] { update(); });
}

void CudaStep::prepare_linears(const cuda::blas::Context& library) {
  const LayerBuffers<Bf16>& layer = state_.layers.front();
  const LayerPlaces& at = list_.layers.front();
  const std::int64_t width = model_.width;
  const bool biases = model_.biases;
  const auto prepare = [&](std::optional<CudaLinear>& linear, CudaLinearShape shape,
                           const LinearOperands& scratch) {
    shape.rows = tokens_;
    linear.emplace(stream_, library, shape, scratch_.products, scratch);
  };
  prepare(qkv_, {.in = width, .out = qkv_width(model_), .bias = biases}, qkv_operands(layer, at));
  prepare(projection_, {.in = attention_width(model_), .out = width, .bias = biases},
          projection_operands(layer, at));
  const std::int64_t common = common_width(model_);
  const bool experts = model_.experts > 0;
  if (experts) prepare(router_, {.in = width, .out = model_.experts}, router_operands(layer, at));
  if (common > 0) {
    // The router's input gradient is the first of the two that add up where experts are shared.
    prepare(up_,
            {.in = width,
             .out = up_width(model_, common),
             .bias = at.up_bias != kAbsent,
             .gelu = gelu(),
             .adds_to_input_gradient = experts},
            up_operands(layer, at));
    prepare(down_,
            {.in = common, .out = width, .bias = at.down_bias != kAbsent, .gelu_gradient = gelu()},
            down_operands(layer, at));
  }
  prepare(head_, {.in = width, .out = stored_vocabulary(model_)}, head_operands());
}

void CudaStep::initialise(std::uint64_t key) {
  adamw::Progress progress;
  progress.factors.learning_rate = options_.optimizer.learning_rate;
  copy_to(stream_, scratch_.progress, &progress, sizeof progress);
  const token_chain::Place place{0, first_row()};
  copy_to(stream_, scratch_.place, &place, sizeof place);
  if (scratch_.rope_table != nullptr) {
    const auto table = rope::make_table(options_.sequence, model_.head_size, model_.rotary_theta);
    copy_to(stream_, scratch_.rope_table, table.data(), table.size() * sizeof(float));
  }
  std::vector<random::Draw> draws;
  for (std::size_t i = 0; i < list_.all.size(); ++i) draws.push_back({key, kInitialStream + i});
  copy_to(stream_, scratch_.initial, draws.data(), draws.size() * sizeof(random::Draw));
  for (std::size_t i = 0; i < list_.all.size(); ++i) {
    const Parameter& p = list_.all[i];
    float* const master = state_.master + p.offset;
    Bf16* const rounded = state_.weight + p.offset;
    if (p.deviation > 0.0) {
      // The same draw twice: a rounded weight is the rounded master weight.
      const auto deviation = static_cast<float>(p.deviation);
      random::normal(stream_, scratch_.initial + i, 0.0F, deviation, p.elements(), master);
      random::normal(stream_, scratch_.initial + i, 0.0F, deviation, p.elements(), rounded);
    } else {
      const auto n = static_cast<std::size_t>(p.elements());
      const auto constant = static_cast<float>(p.constant);
      const std::vector<float> values(n, constant);
      const std::vector<Bf16> rounded_values(n, to_bf16(constant));
      copy_to(stream_, master, values.data(), n * sizeof(float));
      copy_to(stream_, rounded, rounded_values.data(), n * sizeof(Bf16));
    }
  }
  stream_.synchronize();
}

void CudaStep::zero_sums() {
  zero(stream_, state_.gradient, static_cast<std::size_t>(list_.total) * sizeof(float));
  zero(stream_, scratch_.loss, sizeof(double));
}

void CudaStep::iterate_by_launches() {
  zero_sums();
  for (std::int64_t micro_batch = 0; micro_batch < options_.accumulation; ++micro_batch) {
    accumulate(reduction_.has_value() && micro_batch + 1 == options_.accumulation);
  }
  update();
}

void CudaStep::iterate() {
  zero_sums();
  for (std::int64_t micro_batch = 0; micro_batch < options_.accumulation; ++micro_batch) {
    const bool is_last = micro_batch + 1 == options_.accumulation;
    (is_last && accumulate_last_ ? accumulate_last_ : accumulate_)->launch(stream_);
  }
  update_->launch(stream_);
}

void CudaStep::accumulate(bool reduces) {
  draw_tokens();
  forward();
  backward(reduces);
}

/// Ranks share the rows of an iteration as one device would have them all.
std::uint64_t CudaStep::first_row() const {
  return static_cast<std::uint64_t>(gang_.rank() * options_.batch * options_.accumulation);
}

void CudaStep::draw_tokens() {
  const std::int64_t length = options_.sequence + 1;
  token_chain::draw(stream_, law_.view(), scratch_.place, options_.batch, length, state_.rows);
  token_chain::advance(stream_, scratch_.place, options_.batch);
  token_chain::split(stream_, options_.batch, length, state_.rows, state_.inputs, state_.targets);
}

void CudaStep::update() {
  token_chain::next_draw(stream_, scratch_.place, first_row());
  adamw::gradient_norm(stream_, list_.total, state_.gradient, options_.clip_norm, scratch_.progress,
                       scratch_.gradient_norm);
  adamw::advance(stream_, options_.optimizer, scratch_.progress);
  const auto update_range = [&](std::int64_t from, std::int64_t to, float decay) {
    adamw::Hyperparameters hyperparameters = options_.optimizer;
    hyperparameters.weight_decay = decay;
    adamw::update<Bf16>(stream_, hyperparameters, scratch_.progress, to - from,
                        {state_.gradient + from, state_.master + from, state_.first_moment + from,
                         state_.second_moment + from, state_.weight + from});
  };
  update_range(0, list_.decaying, options_.optimizer.weight_decay);
  update_range(list_.decaying, list_.total, 0.0F);
}

Observation CudaStep::observation() const {
  return {read(stream_, scratch_.loss), read(stream_, scratch_.progress).gradient_norm};
}

std::vector<std::pair<std::string, std::string>> CudaStep::algorithms() const {
  std::vector<std::pair<std::string, std::string>> all;
  const auto append = [&all](const std::string& name, const std::optional<CudaLinear>& linear) {
    if (!linear) return;
    for (auto& note : linear->notes(name)) all.push_back(std::move(note));
  };
  append("qkv", qkv_);
  append("projection", projection_);
  append("up", up_);
  append("down", down_);
  append("router", router_);
  append("head", head_);
  return all;
}

}  // namespace assay::transformer
