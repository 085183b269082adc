#pragma once
/// The parameters of a transformer and where each lies in one array: derived from the
/// configuration, shared by the definition and all back ends. Gradients, moments and weights use
/// the same offsets.
///
/// Order: first all that decay (matrices and embeddings), then all that do not (biases, norms), so
/// that AdamW is two calls. Offsets are multiples of 32 elements; the gaps hold zeros for ever.
/// Initial values are GPT-2's: with the model's initial deviation s (0.02), normal(0, s), the
/// products that end a residual branch normal(0, s/√(2L)), norms 1, biases 0.
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/transformer/model.h"

namespace assay::transformer {

struct Parameter {
  std::string name;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t stored_rows = 0;  ///< >= rows: the padded vocabulary
  double deviation = 0.0;        ///< of the normal initial values; 0: all are `constant`
  double constant = 0.0;
  bool decays = false;
  bool from_product = false;  ///< its gradient is written by a product, so need not be zeroed
  std::int64_t offset = 0;
  [[nodiscard]] std::int64_t elements() const { return rows * columns; }
};

/// Places of one layer's parameters in ParameterList::all; kAbsent where the model has none.
inline constexpr int kAbsent = -1;
struct LayerPlaces {
  int norm1_gamma = kAbsent, norm1_beta = kAbsent;      ///< (d)
  int qkv = kAbsent, qkv_bias = kAbsent;                ///< (qkv_width, d)
  int projection = kAbsent, projection_bias = kAbsent;  ///< (d, attention_width)
  int norm2_gamma = kAbsent, norm2_beta = kAbsent;
  int up = kAbsent, up_bias = kAbsent;      ///< (up_width, d), dense models
  int down = kAbsent, down_bias = kAbsent;  ///< (d, feed_forward)
  int router = kAbsent;                     ///< (experts, d)
  int expert_up = kAbsent;                  ///< (experts · up_width, d)
  int expert_down = kAbsent;                ///< (experts · d, expert_feed_forward)
  int shared_up = kAbsent;                  ///< (up_width of all shared experts, d)
  int shared_down = kAbsent;                ///< (d, shared · expert_feed_forward)
};

struct ParameterList {
  std::vector<Parameter> all;
  int tokens = kAbsent;     ///< (vocabulary, d)
  int positions = kAbsent;  ///< (sequence, d)
  std::vector<LayerPlaces> layers;
  int final_gamma = kAbsent, final_beta = kAbsent;
  int head = kAbsent;           ///< (vocabulary, d); equal to `tokens` where tied
  std::int64_t decaying = 0;    ///< elements [0, decaying) decay, [decaying, total) do not
  std::int64_t total = 0;       ///< elements stored, padding included
  std::int64_t parameters = 0;  ///< elements that the model has
  [[nodiscard]] const Parameter& at(int place) const {
    return all[static_cast<std::size_t>(place)];
  }
};

/// Errors: as require_valid.
[[nodiscard]] ParameterList list_parameters(const ModelConfig& config);

/// Parameter i of the list is drawn under the step's key in Philox stream kInitialStream + i, so it
/// does not depend on the others.
inline constexpr std::uint64_t kInitialStream = 1ULL << 32;

}  // namespace assay::transformer
