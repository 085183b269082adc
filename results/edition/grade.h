#pragma once
/// The grade follows from what was run, never from a flag (docs/figures.md): `certified` is the
/// certify suite with every condition met; everything else is `indicative`, with each shortfall in
/// words.
#include <string>
#include <vector>

#include "results/edition/assessment.h"
#include "results/edition/utilisation.h"

namespace assay {

/// What of that is known before anything was measured: how the program was built, and its clock.
[[nodiscard]] std::vector<std::string> provenance_shortfalls(const ToolRecord& tool,
                                                             const TimerRecord& timer);

/// Why the result is not `certified`; empty where it is. Needs items and figures of K filled in.
[[nodiscard]] std::vector<std::string> certification_shortfalls(
    const ResultDocument& result, const Assessment& assessment,
    const PlausibilityReport& plausibility);

/// All flags for an auditor's eye: those of the items and kernels, and the device's.
[[nodiscard]] std::vector<std::string> collect_audit_flags(const Assessment& assessment,
                                                           const PlausibilityReport& plausibility);

}  // namespace assay
