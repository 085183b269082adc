#pragma once
/// A simulation as tables, as a document (results/schema/simulation.schema.json), and what each
/// application is paid as CSV.
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "pricing/programme/simulation.h"

namespace assay::pricing::programme {

[[nodiscard]] std::string simulation_text(const Simulation& simulation, const Programme& programme);
[[nodiscard]] nlohmann::json to_json(const Simulation& simulation, const Programme& programme);
[[nodiscard]] std::string payments_csv(const Simulation& simulation, const ApplicationList& list);

}  // namespace assay::pricing::programme
