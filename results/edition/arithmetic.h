#pragma once
/// What an assessment's figures must be of each other, for an auditor who has no samples: means of
/// processes, the weighted harmonic mean, the sum of the budget, K_cert. A figure that was changed
/// alone contradicts one of them.
#include <string>

#include "results/edition/assessment.h"

namespace assay {

/// The first contradiction, naming both figures; empty where there is none.
[[nodiscard]] std::string arithmetic_contradiction(const Assessment& assessment);

}  // namespace assay
