#pragma once
/// The definition of a training step's loss and gradients, composed of the families' definitions.
/// Real = double is the definition; Real = float with `store` rounding to the storage type is the
/// control from which tolerances are derived: it rounds at the points where the fast step stores
/// an activation or the gradient of one (weights must come rounded), and nowhere else.
#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/transformer/parameters.h"

namespace assay::transformer {

/// The experts that each layer's tokens visit: [layer][token·k + choice]. A choice between two
/// nearly equal probabilities may fall differently in different precisions, and then gradients
/// differ by much without anything being wrong; so the fast step's choices are given to the
/// definition, and are held against the definition's probabilities on their own.
using Routing = std::vector<std::vector<std::int32_t>>;

struct StepInputs {
  ModelConfig config;
  std::int64_t batch = 0;
  std::int64_t sequence = 0;
  const std::int32_t* rows = nullptr;  ///< (batch, sequence + 1) tokens
  /// Tokens that the loss is a mean over: batch · sequence · accumulation.
  std::int64_t tokens_of_step = 0;
  const Routing* routing = nullptr;  ///< null: each token visits its most probable experts
};

template <class Real>
struct StepResult {
  std::vector<Real> losses;     ///< of each token, nats
  Real loss = 0;                ///< their sum divided by tokens_of_step
  std::vector<Real> gradients;  ///< in storage order
  /// Router probabilities: (layers, tokens, experts).
  std::vector<Real> probabilities;
  /// The most that an expert visited lies below the token's k most probable ones: 0 where routing
  /// was the definition's.
  Real routing_regret = 0;
};

template <class Real>
using Store = std::function<void(std::vector<Real>&)>;

/// `parameters`: in storage order (list_parameters). `store` may be empty.
template <class Real>
[[nodiscard]] StepResult<Real> step_reference(const StepInputs& inputs,
                                              const std::vector<Real>& parameters,
                                              const Store<Real>& store);

}  // namespace assay::transformer
