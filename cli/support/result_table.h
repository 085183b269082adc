#pragma once
/// A result's raw figures for a terminal: what ran, nothing judged.
#include <filesystem>
#include <string>

#include "results/result.h"

namespace assay::cli {

[[nodiscard]] std::string result_table(const ResultDocument& result);

/// Fails before a long run where its document could not be written. Errors: input_error.
void require_writable(const std::filesystem::path& output);

}  // namespace assay::cli
