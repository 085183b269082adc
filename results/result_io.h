#pragma once
/// Reading and writing result documents (results/schema/result.schema.json). What the schema can't
/// say is checked too (results/result_rules.h), so a ResultDocument that was read is sound: no
/// reader behind it has to look again.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "results/result.h"

namespace assay {

/// Errors: input_error naming the JSON path where the document does not fit its schema or
/// contradicts itself.
[[nodiscard]] ResultDocument result_from_json(const nlohmann::json& document,
                                              const std::string& where = "result");
[[nodiscard]] nlohmann::json to_json(const ResultDocument& result);

/// One process alone, as a fresh process hands it to its parent.
[[nodiscard]] ProcessRecord process_from_json(const nlohmann::json& document);

/// A device as a result and a certificate have it; `from` fits its schema.
[[nodiscard]] DeviceRecord device_from_json(const nlohmann::json& from);
[[nodiscard]] nlohmann::json to_json(const ProcessRecord& process);

/// Reads strictly from a file. Errors: input_error naming file and JSON path.
[[nodiscard]] ResultDocument read_result(const std::filesystem::path& path);
/// Writes by temporary file, fsync and rename, and only what read_result would accept. Errors:
/// input_error naming file and JSON path, or the system's reason.
void write_result(const std::filesystem::path& path, const ResultDocument& result);

/// The names that ResultDocument::conditions has, the schema's closed list; a document that was
/// written before some of them lacks those.
[[nodiscard]] std::vector<std::string> condition_names();
/// Likewise those of GpuFigures.
[[nodiscard]] std::vector<std::string> gpu_figure_names();

}  // namespace assay
