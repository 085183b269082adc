#include "kernels/transformer/parameters.h"

#include <cmath>
#include <utility>

namespace assay::transformer {
namespace {

/// Collects parameters in the order they are added.
class Collector {
 public:
  Collector(const ModelConfig& config, ParameterList& list) : config_(config), list_(list) {}

  int matrix(const std::string& name, std::int64_t rows, std::int64_t columns, bool ends_branch) {
    Parameter p{.name = name, .rows = rows, .columns = columns, .stored_rows = rows};
    p.deviation = config_.initial_deviation;
    if (ends_branch) p.deviation /= std::sqrt(2.0 * static_cast<double>(config_.layers));
    p.decays = true;
    p.from_product = true;
    return add(std::move(p));
  }

  int vector(const std::string& name, std::int64_t columns, double constant) {
    return add(
        {.name = name, .rows = 1, .columns = columns, .stored_rows = 1, .constant = constant});
  }

  int bias(const std::string& name, std::int64_t columns) {
    return config_.biases ? vector(name, columns, 0.0) : kAbsent;
  }

  int beta(const std::string& name) {
    return config_.norm == Norm::layernorm ? vector(name, config_.width, 0.0) : kAbsent;
  }

  Parameter& at(int place) { return list_.all[static_cast<std::size_t>(place)]; }

 private:
  int add(Parameter p) {
    list_.all.push_back(std::move(p));
    return static_cast<int>(list_.all.size()) - 1;
  }

  const ModelConfig& config_;
  ParameterList& list_;
};

void add_feed_forward(const ModelConfig& config, const std::string& prefix, Collector& collect,
                      LayerPlaces& layer) {
  const std::int64_t d = config.width;
  if (config.experts == 0) {
    layer.up = collect.matrix(prefix + "up", up_width(config, config.feed_forward), d, false);
    layer.up_bias = collect.bias(prefix + "up_bias", up_width(config, config.feed_forward));
    layer.down = collect.matrix(prefix + "down", d, config.feed_forward, true);
    layer.down_bias = collect.bias(prefix + "down_bias", d);
    return;
  }
  const std::int64_t f = config.expert_feed_forward;
  layer.router = collect.matrix(prefix + "router", config.experts, d, false);
  layer.expert_up =
      collect.matrix(prefix + "expert_up", config.experts * up_width(config, f), d, false);
  layer.expert_down = collect.matrix(prefix + "expert_down", config.experts * d, f, true);
  if (config.shared_experts == 0) return;
  const std::int64_t shared = config.shared_experts * f;
  layer.shared_up = collect.matrix(prefix + "shared_up", up_width(config, shared), d, false);
  layer.shared_down = collect.matrix(prefix + "shared_down", d, shared, true);
}

LayerPlaces add_layer(const ModelConfig& config, const std::string& prefix, Collector& collect) {
  const std::int64_t d = config.width;
  LayerPlaces layer;
  layer.norm1_gamma = collect.vector(prefix + "norm1_gamma", d, 1.0);
  layer.norm1_beta = collect.beta(prefix + "norm1_beta");
  layer.qkv = collect.matrix(prefix + "qkv", qkv_width(config), d, false);
  layer.qkv_bias = collect.bias(prefix + "qkv_bias", qkv_width(config));
  layer.projection = collect.matrix(prefix + "projection", d, attention_width(config), true);
  layer.projection_bias = collect.bias(prefix + "projection_bias", d);
  layer.norm2_gamma = collect.vector(prefix + "norm2_gamma", d, 1.0);
  layer.norm2_beta = collect.beta(prefix + "norm2_beta");
  add_feed_forward(config, prefix, collect, layer);
  return layer;
}

void place(ParameterList& list) {
  constexpr std::int64_t kAlignment = 32;
  for (const bool decays : {true, false}) {
    for (Parameter& p : list.all) {
      if (p.decays != decays) continue;
      p.offset = list.total;
      list.total += (p.stored_rows * p.columns + kAlignment - 1) / kAlignment * kAlignment;
      list.parameters += p.elements();
    }
    if (decays) list.decaying = list.total;
  }
}

}  // namespace

ParameterList list_parameters(const ModelConfig& config) {
  require_valid(config);
  ParameterList list;
  Collector collect(config, list);
  const std::int64_t d = config.width;
  list.tokens = collect.matrix("tokens", config.vocabulary, d, false);
  collect.at(list.tokens).stored_rows = stored_vocabulary(config);
  // Tied, the head's product writes the gradient first; else rows are added to zeros.
  collect.at(list.tokens).from_product = config.tied_head;
  if (config.positions == Positions::learned) {
    list.positions = collect.matrix("positions", config.sequence, d, false);
    collect.at(list.positions).from_product = false;
  }
  for (std::int64_t l = 0; l < config.layers; ++l) {
    list.layers.push_back(add_layer(config, "layer" + std::to_string(l) + '.', collect));
  }
  list.final_gamma = collect.vector("final_gamma", d, 1.0);
  list.final_beta = collect.beta("final_beta");
  list.head = list.tokens;
  if (!config.tied_head) {
    list.head = collect.matrix("head", config.vocabulary, d, false);
    collect.at(list.head).stored_rows = stored_vocabulary(config);
  }
  place(list);
  return list;
}

}  // namespace assay::transformer
