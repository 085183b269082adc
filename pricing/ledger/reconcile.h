#pragma once
/// Paid, payable and receivable against what the bank says: a payment file (what was ordered) and
/// a bank statement (what moved), both CSV.
///
/// Payment file: payment_reference, amount_cny[, date]. Bank statement: reference, direction (out
/// or in), amount_cny[, date]; outgoing references are payment references, incoming ones the bank
/// references of received money.
#include <string>
#include <vector>

#include "pricing/ledger/invariants.h"

namespace assay::pricing::ledger {

/// One disagreement; amounts in fen.
struct Difference {
  std::string kind;  ///< "payment file", "bank out", "bank in"
  std::string reference;
  std::int64_t ledger_fen = 0;
  std::int64_t document_fen = 0;
};

struct Reconciliation {
  std::vector<Difference> differences;
  std::int64_t settled_fen = 0;  ///< by settlements, as they were paid
  std::int64_t received_fen = 0;
  std::int64_t payable_fen = 0;     ///< open
  std::int64_t receivable_fen = 0;  ///< open; negative: more came back than was claimed
};

/// A text may be empty: that document was not given. Errors: input_error naming file and line.
[[nodiscard]] Reconciliation reconcile(std::span<const Record> records, const State& state,
                                       const std::string& payments_csv,
                                       const std::string& payments_name,
                                       const std::string& bank_csv, const std::string& bank_name);

}  // namespace assay::pricing::ledger
