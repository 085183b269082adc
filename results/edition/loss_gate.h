#pragma once
/// The loss gate (docs/figures.md): whether a step that was timed has trained. All
/// steps from initialisation on are judged, warm-up included.
///
/// A step that leaves out work does not learn; one that trains on a fixed batch memorises it, its
/// gradients vanish, power falls and clocks rise; one that looks at its targets falls below the
/// entropy rate of the token law, which no honest model can.
#include <string>
#include <vector>

#include "results/result.h"

namespace assay {

/// The first loss lies within this of ln V: a fresh model knows nothing.
inline constexpr double kFirstLossTolerance = 0.05;
/// Fewer steps than this cannot be judged.
inline constexpr std::size_t kLossGateStepsMin = 20;
/// Steps of its first and of its last tenth, at least.
inline constexpr std::size_t kLossGateTenthMin = 8;
/// The last tenth may lie this many of its standard errors under H.
inline constexpr double kEntropyStandardErrors = 4.0;
/// Gradient norms stay above this part of the first. It is ten roundings of FP32 (2^-24): what is
/// smaller is arithmetic noise of the first step's gradient and no gradient.
inline constexpr double kGradientNormMin = 1e-6;
/// H and ln V are derived again from the token key; recorded ones may differ by rounding only.
inline constexpr double kTokenLawTolerance = 1e-9;

/// What is wrong with the run, one clear line each; empty where it has trained.
[[nodiscard]] std::vector<std::string> loss_gate_failures(const TrainingRecord& record);

/// Mean of the last tenth of the losses (of the last loss where there are fewer than ten).
[[nodiscard]] double final_loss(const TrainingRecord& record);

}  // namespace assay
