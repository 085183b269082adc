#pragma once
/// Reading and writing result documents.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "results/result.h"

namespace assay {

/// Errors: input_error naming the JSON path where the document does not fit its schema.
[[nodiscard]] ResultDocument result_from_json(const nlohmann::json& document);
[[nodiscard]] nlohmann::json to_json(const ResultDocument& result);

/// One process alone, as a fresh process hands it to its parent.
[[nodiscard]] ProcessRecord process_from_json(const nlohmann::json& document);
[[nodiscard]] nlohmann::json to_json(const ProcessRecord& process);

/// Read strictly from a file; write by temporary file, fsync and rename.
[[nodiscard]] ResultDocument read_result(const std::filesystem::path& path);
void write_result(const std::filesystem::path& path, const ResultDocument& result);

}  // namespace assay
