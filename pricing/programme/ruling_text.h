#pragma once
/// A ruling as a table and as a document (results/schema/ruling.schema.json).
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "pricing/programme/claim.h"
#include "pricing/programme/evaluate.h"

namespace assay::pricing::programme {

[[nodiscard]] std::string ruling_text(const Ruling& ruling, const Programme& programme,
                                      const Claim& claim);
[[nodiscard]] nlohmann::json to_json(const Ruling& ruling, const Programme& programme,
                                     const Claim& claim);

}  // namespace assay::pricing::programme
