#include "pricing/ledger/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "base/error.h"
#include "pricing/ledger/anchors.h"

namespace assay::pricing::ledger {

namespace {

CheckLine line(const std::string& name, const std::vector<std::string>& findings,
               const std::string& when_passed) {
  if (findings.empty()) return {name, true, when_passed};
  std::string detail = findings.front();
  if (findings.size() > 1) detail += fmt::format(" (and {} more)", findings.size() - 1);
  return {name, false, detail};
}

std::vector<std::string> judge_schema(Database& database) {
  std::vector<std::string> there;
  Statement statement(database,
                      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE "
                      "'sqlite_%' ORDER BY rowid");
  while (statement.step()) there.push_back(statement.text(0));
  std::vector<std::string> findings;
  const auto expected = store_schema();
  for (const char* sql : expected) {
    if (std::find(there.begin(), there.end(), sql) == there.end()) {
      findings.push_back(fmt::format("missing or changed: {}", std::string(sql).substr(0, 45)));
    }
  }
  for (const std::string& sql : there) {
    if (std::find(expected.begin(), expected.end(), sql) == expected.end()) {
      findings.push_back("foreign: " + sql.substr(0, 45));
    }
  }
  return findings;
}

std::vector<std::string> judge_signatures(const std::vector<StoredRecord>& records,
                                          std::size_t& count) {
  std::vector<std::string> findings;
  std::map<std::string, std::string> pem_of;  // by key id
  std::map<std::string, PublicKey> keys;      // by PEM, each read once
  const auto key_of = [&](const std::string& pem) -> const PublicKey& {
    const auto found = keys.find(pem);
    return found != keys.end() ? found->second : keys.emplace(pem, PublicKey(pem)).first->second;
  };
  for (const StoredRecord& stored : records) {
    const Body& body = stored.record.operation.body;
    if (const auto* open = std::get_if<OpenLedger>(&body)) pem_of[open->key_id] = open->public_pem;
    for (const OperationSignature& signature : stored.signatures) {
      ++count;
      const auto pem = pem_of.find(signature.key_id);
      bool holds = false;
      try {
        holds = pem != pem_of.end() &&
                signature_holds(stored.operation_text, signature, key_of(pem->second));
      } catch (const Error&) {  // a key that is none
      }
      if (!holds) {
        findings.push_back(fmt::format("entry {}: a signature does not hold", stored.record.id));
      }
    }
    if (const auto* actor = std::get_if<RegisterActor>(&body)) {
      pem_of[actor->key_id] = actor->public_pem;
    }
  }
  return findings;
}

/// The table `balances` against the state that the entries come to.
std::vector<std::string> judge_balances(Database& database, const State& state) {
  std::map<std::string, std::int64_t> cached;
  Statement statement(database, "SELECT account, amount FROM balances");
  while (statement.step()) cached[statement.text(0)] = statement.integer(1);
  std::vector<std::string> findings;
  const auto judge = [&](Account account, std::uint32_t owner, std::int64_t amount) {
    const std::string name = account_text(state, account, owner);
    const auto found = cached.find(name);
    if ((found == cached.end() ? 0 : found->second) != amount) {
      findings.push_back(name + ": another balance than its entries give");
    }
    if (found != cached.end()) cached.erase(found);
  };
  for (std::size_t a = 0; a < kAccounts; ++a) {
    const auto account = static_cast<Account>(a);
    if (is_of_voucher(account)) {
      for (std::uint32_t i = 0; i < state.vouchers.size(); ++i) {
        judge(account, i, state.vouchers[i].balance.at(a));
      }
    } else {
      for (std::uint32_t i = 0; i < state.budgets.size(); ++i) {
        judge(account, i, state.budgets[i].balance.at(a - kVoucherAccounts));
      }
    }
  }
  for (const auto& [name, amount] : cached) findings.push_back(name + ": a balance of nothing");
  return findings;
}

std::vector<std::string> roots_of(Database& database) {
  std::vector<std::string> roots;
  Statement statement(database, "SELECT root FROM entries ORDER BY id");
  while (statement.step()) roots.push_back(statement.text(0));
  return roots;
}

/// Runs one check; what it throws is its finding.
CheckLine run(const std::string& name, const std::string& when_passed,
              const std::function<std::vector<std::string>()>& check) {
  try {
    return line(name, check(), when_passed);
  } catch (const Error& error) {
    return {name, false, error.what()};
  }
}

}  // namespace

bool CheckReport::passed() const {
  return std::all_of(lines.begin(), lines.end(), [](const CheckLine& l) { return l.passed; });
}

CheckReport check_ledger(const CheckRequest& request) {
  CheckReport report;
  Database database(request.ledger, Database::Mode::read);
  report.lines.push_back(run("file", "SQLite finds its pages sound", [&] {
    const std::string verdict = database.text_of("PRAGMA integrity_check");
    return verdict == "ok" ? std::vector<std::string>() : std::vector<std::string>{verdict};
  }));
  report.lines.push_back(run("tables and triggers", "as the program makes them",
                             [&] { return judge_schema(database); }));
  std::vector<StoredRecord> records;
  State state;
  bool is_chained = false;
  report.lines.push_back(run("chain", "every entry follows from the one before", [&] {
    Store store(request.ledger, Database::Mode::read);
    state = store.state();
    records = store.records();
    report.head = store.head();
    is_chained = true;
    return std::vector<std::string>();
  }));
  if (is_chained) {
    std::size_t count = 0;
    auto findings = judge_signatures(records, count);
    report.lines.push_back(line("signatures", findings, fmt::format("{} verified again", count)));
    std::vector<Record> plain;
    plain.reserve(records.size());
    for (StoredRecord& stored : records) plain.push_back(std::move(stored.record));
    for (const Invariant& invariant : invariants()) {
      report.lines.push_back(
          line(invariant.name, invariant.check({plain, state}), invariant.statement));
    }
    report.lines.push_back(run("balances", "the cached balances are those of the entries",
                               [&] { return judge_balances(database, state); }));
    if (!request.documents.places.empty()) {
      const DerivedAgain again = derive_again(plain, request.documents);
      report.lines.push_back(
          line("evaluations", again.of_evaluations,
               fmt::format("{} amounts found again from their claims", again.evaluations)));
      report.lines.push_back(
          line("certificates", again.of_certificates,
               fmt::format("{} read again from their documents", again.certificates)));
    }
    report.due = due_for_claw_back(state);
  }
  if (!request.anchors.empty()) {
    const auto anchors = read_anchors(request.anchors);
    const std::string name = is_chained ? state.ledger : anchors.empty() ? "" : anchors[0].ledger;
    const auto roots = roots_of(database);
    const std::int64_t last = anchors.empty() ? 0 : anchors.back().head.count;
    report.lines.push_back(
        run("anchors",
            fmt::format("{} hold; {} entries after the last one", anchors.size(),
                        static_cast<std::int64_t>(roots.size()) - last),
            [&] { return judge_anchors(anchors, name, roots, request.anchor_public_pem); }));
  }
  return report;
}

}  // namespace assay::pricing::ledger
