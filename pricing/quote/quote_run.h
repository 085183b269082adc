#pragma once
/// What `assay quote` does: reads a job, certificates and offers, and quotes.
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace assay::pricing {

/// As the command takes them; empty: not given.
struct QuoteRun {
  std::string parameters;         ///< "7B"
  std::string active_parameters;  ///< of a mixture of experts
  std::string model;              ///< a family's name, or a file
  std::int64_t sequence = 0;      ///< in place of the model's; 0: the model's
  std::string tokens;
  std::string compute_units;
  std::int64_t devices = 1;
  std::vector<std::filesystem::path> certificates;  ///< folders and documents
  std::filesystem::path key;
  std::filesystem::path revocations;
  std::vector<std::filesystem::path> rate_cards;  ///< folders and documents
  std::filesystem::path tariffs;
  std::filesystem::path claim;                    ///< as the applicant would file it
  std::vector<std::filesystem::path> programmes;  ///< files beside the built-in ones
  std::string basket = "tb1";
  std::string date_utc;
  std::filesystem::path output;  ///< .json
};

struct QuoteOutcome {
  std::string text;
  nlohmann::json document;
  std::string failure;  ///< one line: why no offer has a figure; empty where one has
};

/// Errors: those of what it reads; input_error for options that do not go together.
[[nodiscard]] QuoteOutcome run_quote(const QuoteRun& run);

}  // namespace assay::pricing
