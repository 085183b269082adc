#pragma once
/// Model FLOPs of a training step, frozen with the unit (docs/figures.md):
///
///   per token: 6·N_matmul + 6·L·d_attn·T
///
/// N_matmul: parameters that multiply a token in a matrix product: the output head included (once,
/// tied or not), the router included; embedding look-ups, norms and biases not; of the routed
/// experts only the top k that a token visits. d_attn = heads × head size. Causal attention counts
/// the half that must be computed. PaLM's convention (arXiv 2204.02311, appendix B: 12·L·d·T) is
/// reported beside, never priced.
#include <cstdint>

#include "results/edition/basket.h"

namespace assay {

[[nodiscard]] std::int64_t matmul_parameters(const BasketModel& model);
[[nodiscard]] std::int64_t model_flops_per_token(const BasketModel& model);
[[nodiscard]] std::int64_t palm_flops_per_token(const BasketModel& model);

}  // namespace assay
