#include "results/edition/model_flops.h"

namespace assay {
namespace {

/// Parameters of one layer that multiply a token.
std::int64_t layer_matmul_parameters(const BasketModel& model) {
  const std::int64_t attention_width = model.heads * model.head_size;
  const std::int64_t queries_keys_values =
      model.width * (model.heads + 2 * model.kv_heads) * model.head_size;
  const std::int64_t output = attention_width * model.width;
  // SwiGLU has a gate beside its up projection: three matrices where GELU has two.
  const std::int64_t matrices = model.activation == "swiglu" ? 3 : 2;
  std::int64_t feed_forward = matrices * model.width * model.feed_forward;
  if (model.experts > 0) {
    const std::int64_t router = model.width * model.experts;
    const std::int64_t visited = model.experts_per_token + model.shared_experts;
    feed_forward += router + visited * matrices * model.width * model.expert_feed_forward;
  }
  return queries_keys_values + output + feed_forward;
}

std::int64_t attention_flops_per_token(const BasketModel& model, std::int64_t factor) {
  return factor * model.layers * model.heads * model.head_size * model.sequence;
}

}  // namespace

std::int64_t matmul_parameters(const BasketModel& model) {
  return model.layers * layer_matmul_parameters(model) + model.vocabulary * model.width;
}

std::int64_t model_flops_per_token(const BasketModel& model) {
  return 6 * matmul_parameters(model) + attention_flops_per_token(model, 6);
}

std::int64_t palm_flops_per_token(const BasketModel& model) {
  return 6 * matmul_parameters(model) + attention_flops_per_token(model, 12);
}

}  // namespace assay
