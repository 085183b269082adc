#include "kernels/transformer/model.h"

#include "base/error.h"

namespace assay::transformer {
namespace {

void require(bool holds, const ModelConfig& config, const std::string& field,
             const std::string& what) {
  if (!holds) throw input_error(what, "model " + config.name + ", " + field);
}

/// Weights of one feed-forward of `width`.
std::int64_t feed_forward_weights(const ModelConfig& config, std::int64_t width) {
  return config.width * (up_width(config, width) + width);
}

}  // namespace

ModelConfig gpt2_124m() {
  ModelConfig config;
  config.name = "gpt2-124m";
  config.layers = 12;
  config.width = 768;
  config.heads = 12;
  config.kv_heads = 12;
  config.head_size = 64;
  config.feed_forward = 3072;
  config.sequence = 1024;
  config.vocabulary = 50257;
  config.tied_head = true;
  config.biases = true;
  return config;
}

void require_valid(const ModelConfig& config) {
  const auto positive = [&](std::int64_t value, const std::string& field) {
    require(value > 0, config, field, "must be positive");
  };
  positive(config.layers, "layers");
  positive(config.width, "width");
  positive(config.heads, "heads");
  positive(config.kv_heads, "kv_heads");
  positive(config.head_size, "head_size");
  positive(config.sequence, "sequence");
  require(config.vocabulary >= 2, config, "vocabulary", "must be at least 2");
  require(config.heads % config.kv_heads == 0, config, "kv_heads", "must divide heads");
  require(config.initial_deviation > 0.0, config, "initial_deviation", "must be positive");
  if (config.positions == Positions::rotary) {
    require(config.head_size % 2 == 0, config, "head_size", "must be even for rotary positions");
    require(config.rotary_theta > 0.0, config, "rotary_theta", "must be positive");
  }
  if (config.experts == 0) {
    positive(config.feed_forward, "feed_forward");
    return;
  }
  require(config.experts > 0, config, "experts", "must not be negative");
  require(config.feed_forward == 0, config, "feed_forward", "must be 0 where there are experts");
  positive(config.expert_feed_forward, "expert_feed_forward");
  require(config.experts_per_token >= 1 && config.experts_per_token <= config.experts, config,
          "experts_per_token", "must be between 1 and experts");
  require(config.shared_experts >= 0, config, "shared_experts", "must not be negative");
}

std::int64_t qkv_width(const ModelConfig& config) {
  return (config.heads + 2 * config.kv_heads) * config.head_size;
}

std::int64_t attention_width(const ModelConfig& config) {
  return config.heads * config.head_size;
}

std::int64_t up_width(const ModelConfig& config, std::int64_t width) {
  return config.activation == Activation::swiglu ? 2 * width : width;
}

std::int64_t stored_vocabulary(const ModelConfig& config) {
  return (config.vocabulary + 63) / 64 * 64;
}

std::uint64_t matmul_parameters(const ModelConfig& config) {
  std::int64_t layer = config.width * (qkv_width(config) + attention_width(config));
  if (config.experts == 0) {
    layer += feed_forward_weights(config, config.feed_forward);
  } else {
    layer += config.experts * config.width;  // the router
    layer += (config.experts_per_token + config.shared_experts) *
             feed_forward_weights(config, config.expert_feed_forward);
  }
  return static_cast<std::uint64_t>(config.layers * layer + config.vocabulary * config.width);
}

std::uint64_t model_flops_per_token(const ModelConfig& config, std::int64_t sequence) {
  return 6 * matmul_parameters(config) +
         static_cast<std::uint64_t>(6 * config.layers * attention_width(config) * sequence);
}

std::uint64_t palm_flops_per_token(const ModelConfig& config, std::int64_t sequence) {
  return 6 * matmul_parameters(config) +
         static_cast<std::uint64_t>(12 * config.layers * attention_width(config) * sequence);
}

}  // namespace assay::transformer
