#pragma once
/// Baskets: fixed bundles of training work, as data (edition/data/<name>.json, embedded). A CU
/// always carries its basket's name and digest. Shares are shares of model FLOPs and sum to 1.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace assay {

/// A transformer, as data. Field names are those of the basket file.
struct BasketModel {
  std::int64_t layers = 0;
  std::int64_t width = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_size = 0;
  std::int64_t feed_forward = 0;  ///< of the dense part; 0 where all are experts
  std::int64_t sequence = 0;
  std::int64_t vocabulary = 0;
  std::string norm;           ///< "layernorm" or "rmsnorm"
  std::string activation;     ///< "gelu" or "swiglu"
  std::string positions;      ///< "learned" or "rotary"
  double rotary_theta = 0.0;  ///< 0 where positions are learned
  bool tied_head = false;
  bool biases = false;
  std::int64_t experts = 0;  ///< routed experts; 0 = dense
  std::int64_t experts_per_token = 0;
  std::int64_t shared_experts = 0;
  std::int64_t expert_feed_forward = 0;
};

/// The fields that model FLOPs depend on, of a document that its schema allows (a basket's item, an
/// assay.model); the others stay as they are above.
[[nodiscard]] BasketModel model_shape_from(const nlohmann::json& fields);
/// How those fields contradict each other; empty where they do not.
[[nodiscard]] std::string shape_contradiction(const BasketModel& model);

struct BasketItem {
  std::string name;
  double share = 0.0;  ///< of model FLOPs
  std::int64_t tokens_per_step = 0;
  BasketModel model;
  std::string comment;  ///< why this item is as it is
};

/// AdamW and clipping, the same for all items.
struct BasketOptimizer {
  double learning_rate = 0.0;
  double beta1 = 0.0;
  double beta2 = 0.0;
  double epsilon = 0.0;
  double weight_decay = 0.0;
  double clip_norm = 0.0;
};

struct Basket {
  std::string name;
  std::string version;
  std::string precision;  ///< "bf16", or "bf16_or_fp32" where a device without BF16 runs FP32
  BasketOptimizer optimizer;
  std::vector<BasketItem> items;
  std::string digest;  ///< sha256 of its canonical JSON, hex
};

/// The embedded basket of that name. Errors: input_error listing the names there are.
[[nodiscard]] Basket load_basket(std::string_view name);
[[nodiscard]] std::vector<std::string> basket_names();

/// A basket document read strictly. Errors: input_error naming `where` and the field, also where
/// shares do not sum to 1 or the fields of a model contradict each other.
[[nodiscard]] Basket basket_from_json(const nlohmann::json& document, const std::string& where);

}  // namespace assay
