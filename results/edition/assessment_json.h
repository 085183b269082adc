#pragma once
/// An assessment as a certificate carries it (results/schema/certificate.schema.json, $defs
/// assessment). Field names are those of the struct.
#include <nlohmann/json.hpp>

#include "results/edition/assessment.h"

namespace assay {

[[nodiscard]] nlohmann::json to_json(const Assessment& assessment);

/// Of JSON that fits the schema.
[[nodiscard]] Assessment assessment_from_json(const nlohmann::json& json);

}  // namespace assay
