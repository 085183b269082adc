#pragma once
/// Says how each step came to its figure, for people.
#include "pricing/programme/claim.h"
#include "pricing/programme/evaluate.h"
#include "pricing/programme/readings.h"

namespace assay::pricing::programme {

/// Fills StepRow::how of a result's rows.
void explain(ReadingResult& result, const Reading& reading, const Programme& programme,
             const Claim& claim);

/// "30 %".
[[nodiscard]] std::string percent_text(const Fraction& share);

/// "gpu, npu".
[[nodiscard]] std::string kinds_text(Kinds kinds);

}  // namespace assay::pricing::programme
