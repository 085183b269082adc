#include "pricing/ledger/reconcile.h"

#include <map>

#include "base/error.h"
#include "pricing/calendar.h"
#include "pricing/ledger/decimal.h"
#include "pricing/ledger/quantity.h"
#include "results/csv.h"

namespace assay::pricing::ledger {

namespace {

using Sums = std::map<std::string, std::int64_t>;

void add(Sums& sums, const std::string& reference, std::int64_t amount) {
  sums[reference] = checked_sum(sums[reference], amount);
}

std::int64_t amount_at(const CsvTable& table, std::size_t row) {
  const std::string where = table.where(row, "amount_cny");
  const std::int64_t amount = parse_fixed(table.at(row, "amount_cny"), kCnyDecimals, where);
  if (amount <= 0) {
    throw input_error("the amount is not above zero", where,
                      "directions have a column of their own");
  }
  if (table.has("date")) (void)parse_date(table.at(row, "date"), table.where(row, "date"));
  return amount;
}

void compare(const char* kind, const Sums& ledger, const Sums& document,
             std::vector<Difference>& differences) {
  Sums all = ledger;
  all.insert(document.begin(), document.end());
  for (const auto& [reference, ignored] : all) {
    const auto in_ledger = ledger.find(reference);
    const auto in_document = document.find(reference);
    const Difference difference{kind, reference, in_ledger == ledger.end() ? 0 : in_ledger->second,
                                in_document == document.end() ? 0 : in_document->second};
    if (difference.ledger_fen != difference.document_fen) differences.push_back(difference);
  }
}

}  // namespace

Reconciliation reconcile(std::span<const Record> records, const State& state,
                         const std::string& payments_csv, const std::string& payments_name,
                         const std::string& bank_csv, const std::string& bank_name) {
  Reconciliation result;
  Sums paid;
  Sums received;
  for (const Record& record : records) {
    for (const Posting& posting : record.postings) {
      if (const auto* settle = std::get_if<Settle>(&record.operation.body)) {
        if (posting.account == Account::paid) add(paid, settle->payment_reference, posting.amount);
      } else if (const auto* receive = std::get_if<Receive>(&record.operation.body)) {
        if (posting.account == Account::received) {
          add(received, receive->bank_reference, posting.amount);
        }
      }
    }
  }
  for (const auto& [reference, amount] : paid) {
    result.settled_fen = checked_sum(result.settled_fen, amount);
  }
  for (const auto& [reference, amount] : received) {
    result.received_fen = checked_sum(result.received_fen, amount);
  }
  for (const Voucher& voucher : state.vouchers) {
    result.payable_fen = checked_sum(result.payable_fen, voucher.of(Account::payable));
    result.receivable_fen = checked_sum(result.receivable_fen, voucher.of(Account::receivable));
  }
  if (!payments_csv.empty()) {
    const CsvTable table =
        parse_csv(payments_csv, payments_name, {"payment_reference", "amount_cny"}, {"date"});
    Sums ordered;
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
      add(ordered, table.at(row, "payment_reference"), amount_at(table, row));
    }
    compare("payment file", paid, ordered, result.differences);
  }
  if (!bank_csv.empty()) {
    const CsvTable table =
        parse_csv(bank_csv, bank_name, {"reference", "direction", "amount_cny"}, {"date"});
    Sums out;
    Sums in;
    for (std::size_t row = 0; row < table.rows.size(); ++row) {
      const std::string& direction = table.at(row, "direction");
      if (direction != "in" && direction != "out") {
        throw input_error("'" + direction + "' is no direction", table.where(row, "direction"),
                          "write in or out");
      }
      add(direction == "in" ? in : out, table.at(row, "reference"), amount_at(table, row));
    }
    compare("bank out", paid, out, result.differences);
    compare("bank in", received, in, result.differences);
  }
  return result;
}

}  // namespace assay::pricing::ledger
