#pragma once
/// Transformer families as data: GPT-2-like, Llama-like with grouped key heads, and mixtures of
/// experts, all pre-norm decoders. Definition of the computation:
///
///   x₀ = tokens' rows of `tokens` (+ rows of `positions`)
///   for each layer:  x ← x + projection(attention(rope?(qkv(norm1(x)))))
///                    x ← x + feed_forward(norm2(x))
///   logits = final_norm(x) · headᵀ,   loss = mean cross-entropy of the next token
///
/// feed_forward is down(gelu(up(x))), down(swiglu(up(x))) with `up` holding gate and up
/// projections, or Σ_top-k p_e · expert_e(x) + shared(x), where the shared experts are one
/// feed-forward of shared_experts · expert_feed_forward.
/// Sources: A. Radford et al., "Language Models are Unsupervised Multitask Learners" (2019);
/// H. Touvron et al., arXiv 2302.13971; D. Dai et al., arXiv 2401.06066.
#include <cstdint>
#include <string>

namespace assay::transformer {

enum class Norm { layernorm, rmsnorm };
enum class Activation { gelu, swiglu };
enum class Positions { learned, rotary };

/// Field names are those of the basket files.
struct ModelConfig {
  std::string name;
  std::int64_t layers = 0;
  std::int64_t width = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_size = 0;
  std::int64_t feed_forward = 0;  ///< 0 where all are experts
  std::int64_t sequence = 0;      ///< the longest that positions are learned for
  std::int64_t vocabulary = 0;
  Norm norm = Norm::layernorm;
  Activation activation = Activation::gelu;
  Positions positions = Positions::learned;
  double rotary_theta = 0.0;  ///< 0 where positions are learned
  bool tied_head = false;     ///< the output head is the token embedding
  bool biases = false;        ///< of the products in attention and the dense feed-forward
  std::int64_t experts = 0;   ///< routed experts; 0 = dense
  std::int64_t experts_per_token = 0;
  std::int64_t shared_experts = 0;
  std::int64_t expert_feed_forward = 0;
  /// Standard deviation of the initial matrices and embeddings: GPT-2's.
  double initial_deviation = 0.02;
};

/// GPT-2 small: 12 layers of 768, 12 heads, 1,024 positions, 50,257 tokens.
[[nodiscard]] ModelConfig gpt2_124m();

/// Errors: input_error that names the field.
void require_valid(const ModelConfig& config);

/// Width of a row of query, key and value heads.
[[nodiscard]] std::int64_t qkv_width(const ModelConfig& config);
/// d_attn: heads × head size.
[[nodiscard]] std::int64_t attention_width(const ModelConfig& config);
/// Width of an `up` product for a feed-forward of `width`: twice it with SwiGLU (gate and up).
[[nodiscard]] std::int64_t up_width(const ModelConfig& config, std::int64_t width);

/// Rows of the embedding as stored: the vocabulary padded to a multiple of 64 with rows of zeros
/// that no token reaches and whose gradients are zero. Never counted in FLOPs.
[[nodiscard]] std::int64_t stored_vocabulary(const ModelConfig& config);

/// N_matmul: parameters that multiply a token in a matrix product: the output head once (tied or
/// not) and the router; embeddings, norms and biases not; of the routed experts only those a token
/// visits.
[[nodiscard]] std::uint64_t matmul_parameters(const ModelConfig& config);
/// 6·N_matmul + 6·L·d_attn·T for sequences of T: the model FLOPs that are priced.
[[nodiscard]] std::uint64_t model_flops_per_token(const ModelConfig& config, std::int64_t sequence);
/// 6·N_matmul + 12·L·d_attn·T: PaLM's convention (arXiv 2204.02311, appendix B), never priced.
[[nodiscard]] std::uint64_t palm_flops_per_token(const ModelConfig& config, std::int64_t sequence);

}  // namespace assay::transformer
