#pragma once
/// What `assay audit` does: reads tariffs and folders, audits, and writes only when all is well.
#include <filesystem>
#include <string>
#include <vector>

namespace assay::pricing {

/// As the command takes them; an empty path is one that was not given.
struct AuditRun {
  std::filesystem::path tariffs;
  std::vector<std::filesystem::path> certificates;  ///< folders and documents
  std::filesystem::path key;
  std::filesystem::path revocations;               ///< CSV, pricing/revocations.h
  std::vector<std::filesystem::path> cost_sheets;  ///< folders and documents
  std::filesystem::path rules;
  std::string basket = "tb1";
  std::string ceiling;  ///< CNY per CU of the basket, ex VAT
  std::string date_utc;
  std::filesystem::path output;  ///< .csv or .json
  std::size_t rows = 40;         ///< of the table
  bool json = false;             ///< the document is wanted
};

struct AuditOutcome {
  std::string text;
  std::string json;     ///< the document; empty where nobody wants it
  std::string failure;  ///< one line; empty where all passed
};

/// Errors: those of what it reads; input_error for a folder without documents of the kind, two
/// certificates of one id, an output that is neither CSV nor JSON.
[[nodiscard]] AuditOutcome run_audit(const AuditRun& run);

}  // namespace assay::pricing
