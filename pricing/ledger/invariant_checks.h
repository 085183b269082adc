#pragma once
/// Checks of invariants.cpp that stand in a file of their own, and the wide sums that all use.
#include <string>
#include <utility>

#include "pricing/ledger/invariants.h"

namespace assay::pricing::ledger {

/// Sums of 64-bit amounts, which can't overflow.
__extension__ using Total = __int128;

[[nodiscard]] std::string text(Total total);

/// One more finding, while there is room.
inline void note(Findings& findings, std::string finding) {
  if (findings.size() < kMostFindings) findings.push_back(std::move(finding));
}

/// committed + payable + paid - recovered of a voucher.
[[nodiscard]] inline Total drawn(const Voucher& voucher) {
  return Total{voucher.of(Account::committed)} + voucher.of(Account::held) +
         voucher.of(Account::payable) + voucher.of(Account::paid) - voucher.of(Account::recovered);
}

Findings device_seconds_once(const History& history);
Findings costs_once(const History& history);
Findings stack_within_cost(const History& history);
Findings device_capacity(const History& history);
Findings valid_at_use(const History& history);
Findings evaluated_by_rule(const History& history);
Findings authority_held(const History& history);

}  // namespace assay::pricing::ledger
