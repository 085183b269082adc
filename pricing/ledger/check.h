#pragma once
/// `assay ledger check`: everything that can be wrong with a ledger's file, looked for again from
/// nothing: the file, its triggers, the chain, every stored signature, every invariant, the cached
/// balances, the documents that amounts and K_cert came from, and the anchors.
#include <filesystem>
#include <string>
#include <vector>

#include "pricing/ledger/documents_check.h"
#include "pricing/ledger/store.h"

namespace assay::pricing::ledger {

struct CheckLine {
  std::string name;
  bool passed = false;
  std::string detail;
};

struct CheckRequest {
  std::filesystem::path ledger;
  std::filesystem::path anchors;  ///< empty: none
  std::string anchor_public_pem;  ///< needed with anchors
  DocumentPlaces documents = {};  ///< no places: amounts and K_cert are not derived again
};

struct CheckReport {
  std::vector<CheckLine> lines;
  Head head;
  std::vector<DueForClawBack> due;  ///< no fault: work for the regulator
  [[nodiscard]] bool passed() const;
};

/// Errors: input_error where a file is missing or is no ledger at all. What does not hold is a line
/// of the report, not an error.
[[nodiscard]] CheckReport check_ledger(const CheckRequest& request);

}  // namespace assay::pricing::ledger
