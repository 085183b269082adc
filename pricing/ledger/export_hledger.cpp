#include <fmt/format.h>

#include <set>

#include "pricing/ledger/decimal.h"
#include "pricing/ledger/export.h"
#include "pricing/ledger/quantity.h"

namespace assay::pricing::ledger {

namespace {

/// A description ends at a semicolon or the line's end.
std::string one_line(std::string text) {
  for (char& letter : text) {
    if (letter == ';') letter = ',';
    if (static_cast<unsigned char>(letter) < ' ') letter = ' ';
  }
  return text;
}

std::string amount_text(const Posting& posting) {
  return commodity_of(posting.account) == Commodity::cu
             ? fixed_text(posting.amount, kCuDecimals) + " CU"
             : fixed_text(posting.amount, kCnyDecimals) + " CNY";
}

}  // namespace

std::string hledger_journal(std::span<const Record> records, const State& state) {
  std::set<std::string> accounts;
  std::string transactions;
  for (const Record& record : records) {
    if (record.postings.empty()) continue;
    const Operation& operation = record.operation;
    transactions += fmt::format("\n{} ({}) {} | {}  ; actor {}, role {}, key {}\n",
                                instant_text(record.circumstances.recorded_s).substr(0, 10),
                                record.id, kind_name(operation.body), one_line(operation.reason),
                                operation.actor, role_name(operation.role), operation.key);
    for (const Posting& posting : record.postings) {
      const std::string account = account_text(state, posting.account, posting.owner);
      accounts.insert(account);
      transactions += fmt::format("    {}  {}\n", account, amount_text(posting));
    }
  }
  std::string journal = fmt::format("; ledger {}, as assay ledger export wrote it\n", state.ledger);
  journal += "commodity 1.000000 CU\ncommodity 1.00 CNY\n";
  for (const std::string& account : accounts) journal += "account " + account + '\n';
  return journal + transactions;
}

}  // namespace assay::pricing::ledger
