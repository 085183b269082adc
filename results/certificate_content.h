#pragma once
/// What a certificate says, as JSON: the part that follows from the result, and the part that the
/// laboratory declares. An auditor derives the first again and compares it, section by section.
#include <nlohmann/json.hpp>
#include <string>

#include "results/certificate.h"

namespace assay {

/// Sections that follow from a result: measured, method, item, conditions, environment, tool,
/// timer, traceability, coverage, seeds, digests, assessment, trade. Errors: those of assess();
/// check_error where the result names no basket, so that nothing was scored.
[[nodiscard]] nlohmann::json derived_content(const ResultDocument& result,
                                             const std::string& result_digest);

/// The other sections: what the laboratory declares, identity, dates, what is not claimed.
[[nodiscard]] nlohmann::json declared_content(const CertificateRequest& request);

}  // namespace assay
