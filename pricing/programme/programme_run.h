#pragma once
/// What `assay programme list|show|check|apply` do.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace assay::pricing::programme {

struct ProgrammeOutcome {
  std::string text;
  nlohmann::json document;
  std::string failure;  ///< one line: why the claim is refused; empty where it is not
};

using Files = std::vector<std::filesystem::path>;

/// `own`: files beside the built-in programmes.
[[nodiscard]] ProgrammeOutcome list_programmes(const Files& own);

/// All rules of one programme, of all its versions or of the one named.
[[nodiscard]] ProgrammeOutcome show_programme(const std::string& id, const std::string& version,
                                              const Files& own);

/// Reads a programme's file and says what it leaves open. Errors: those of read_programme.
[[nodiscard]] ProgrammeOutcome check_programme(const std::filesystem::path& file);

/// A claim by its programme. A stop is an input_error on one line with all that is missing.
[[nodiscard]] ProgrammeOutcome apply_claim(const std::filesystem::path& claim, const Files& own,
                                           const std::filesystem::path& output);

}  // namespace assay::pricing::programme
