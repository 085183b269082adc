#include "results/edition/basket.h"

#include <fmt/format.h>

#include <array>
#include <set>
#include <span>

#include "base/error.h"
#include "results/document.h"
#include "results/edition/edition_data.h"

namespace assay {
namespace {

constexpr std::array<std::string_view, 2> kNames = {"tb1", "tb1-lite"};

/// "0.25" as 25: shares are added as integers, so that their sum is exact.
int hundredths(const std::string& share) {
  return 100 * (share.at(0) - '0') + 10 * (share.at(2) - '0') + (share.at(3) - '0');
}

BasketModel model_from(const nlohmann::json& fields) {
  BasketModel model = model_shape_from(fields);
  fields.at("norm").get_to(model.norm);
  fields.at("positions").get_to(model.positions);
  fields.at("rotary_theta").get_to(model.rotary_theta);
  fields.at("tied_head").get_to(model.tied_head);
  fields.at("biases").get_to(model.biases);
  return model;
}

/// What a schema cannot say: how the fields of one item hang together.
void require_consistent(const BasketItem& item, const std::string& where) {
  const BasketModel& model = item.model;
  const auto require = [&](bool holds, std::string_view what) {
    if (!holds) throw input_error(fmt::format("item {}: {}", item.name, what), where);
  };
  const std::string contradiction = shape_contradiction(model);
  require(contradiction.empty(), contradiction);
  require(item.tokens_per_step % model.sequence == 0,
          "tokens_per_step must be a multiple of the sequence");
  require((model.positions == "rotary") == (model.rotary_theta > 0.0),
          "rotary_theta is positive exactly where positions are rotary");
  require(model.positions != "rotary" || model.head_size % 2 == 0,
          "rotary positions need an even head size");
}

}  // namespace

BasketModel model_shape_from(const nlohmann::json& fields) {
  BasketModel model;
  fields.at("layers").get_to(model.layers);
  fields.at("width").get_to(model.width);
  fields.at("heads").get_to(model.heads);
  fields.at("kv_heads").get_to(model.kv_heads);
  fields.at("head_size").get_to(model.head_size);
  fields.at("feed_forward").get_to(model.feed_forward);
  fields.at("sequence").get_to(model.sequence);
  fields.at("vocabulary").get_to(model.vocabulary);
  fields.at("activation").get_to(model.activation);
  fields.at("experts").get_to(model.experts);
  fields.at("experts_per_token").get_to(model.experts_per_token);
  fields.at("shared_experts").get_to(model.shared_experts);
  fields.at("expert_feed_forward").get_to(model.expert_feed_forward);
  return model;
}

std::string shape_contradiction(const BasketModel& model) {
  const bool sparse = model.experts > 0;
  if (model.heads % model.kv_heads != 0) return "heads must be a multiple of kv_heads";
  if (sparse != (model.experts_per_token > 0) || sparse != (model.expert_feed_forward > 0)) {
    return "experts, experts_per_token and expert_feed_forward are positive together or zero";
  }
  if (!sparse && model.shared_experts > 0) return "shared experts need routed ones";
  if (model.experts_per_token > model.experts) return "experts_per_token exceeds experts";
  if (!sparse && model.feed_forward == 0) return "a dense model needs a feed_forward above 0";
  return {};
}

std::vector<std::string> basket_names() {
  return {kNames.begin(), kNames.end()};
}

Basket basket_from_json(const nlohmann::json& document, const std::string& where) {
  validate(document, "basket", where);
  Basket basket;
  document.at("name").get_to(basket.name);
  document.at("version").get_to(basket.version);
  document.at("precision").get_to(basket.precision);
  basket.digest = digest(document);
  const nlohmann::json& optimizer = document.at("optimizer");
  optimizer.at("learning_rate").get_to(basket.optimizer.learning_rate);
  optimizer.at("beta1").get_to(basket.optimizer.beta1);
  optimizer.at("beta2").get_to(basket.optimizer.beta2);
  optimizer.at("epsilon").get_to(basket.optimizer.epsilon);
  optimizer.at("weight_decay").get_to(basket.optimizer.weight_decay);
  optimizer.at("clip_norm").get_to(basket.optimizer.clip_norm);
  int total = 0;
  std::set<std::string> names;
  for (const nlohmann::json& json : document.at("items")) {
    BasketItem item;
    json.at("name").get_to(item.name);
    const int share = hundredths(json.at("share").get<std::string>());
    total += share;
    item.share = share / 100.0;
    json.at("tokens_per_step").get_to(item.tokens_per_step);
    json.at("comment").get_to(item.comment);
    item.model = model_from(json.at("model"));
    require_consistent(item, where);
    if (share == 0) throw input_error(fmt::format("item {}: its share is 0", item.name), where);
    if (!names.insert(item.name).second) {
      throw input_error(fmt::format("item {} stands twice", item.name), where);
    }
    basket.items.push_back(std::move(item));
  }
  if (total != 100) {
    throw input_error(fmt::format("the shares sum to {:.2f}, not to 1", total / 100.0), where);
  }
  return basket;
}

Basket load_basket(std::string_view name) {
  for (const std::string_view known : kNames) {
    if (known != name) continue;
    const std::string file = fmt::format("{}.json", name);
    return basket_from_json(parse_json(embedded_edition_data(file), file), file);
  }
  throw input_error(fmt::format("no basket \"{}\"", name), "basket",
                    fmt::format("there are: {}", fmt::join(kNames, ", ")));
}

}  // namespace assay
