#pragma once
/// A ledger for other programs: an hledger journal (https://hledger.org/1.25/hledger.html#journal)
/// and FOCUS cost rows (https://focus.finops.org, versions 1.2 and 1.4).
#include <span>
#include <string>

#include "pricing/ledger/invariants.h"

namespace assay::pricing::ledger {

/// Every entry with postings is one transaction, balanced in CU and in CNY separately; commodities
/// (6 and 2 decimals) and all accounts are declared, so `hledger check -s` judges it. Balances are
/// the ledger's: debits positive, sources negative.
[[nodiscard]] std::string hledger_journal(std::span<const Record> records, const State& state);

enum class FocusVersion {
  v1_2,
  v1_4,  ///< columns as far as they are known; each row says that it is unverified
};

/// CSV. Each invoice line of a settled redemption is a Usage row of what was counted of it, ex VAT,
/// priced in the virtual currency CU. Where the programme pays the supplier, a Credit row on the
/// same invoice takes the subsidy off; where it pays the applicant there is no row, and the
/// subsidy stands in x_AssaySubsidyCny beside the usage. What was refunded or clawed back is left
/// out. Parties are named as the ledger knows them: by tax number and credit code.
[[nodiscard]] std::string focus_csv(const State& state, FocusVersion version);

}  // namespace assay::pricing::ledger
