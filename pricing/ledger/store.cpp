#include "pricing/ledger/store.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "pricing/ledger/entry.h"
#include "results/document.h"

namespace assay::pricing::ledger {

namespace {

/// "ALdg", SQLite's place for the format of a file.
constexpr int kApplicationId = 0x414c6467;

std::int64_t clock_s() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Error changed(std::int64_t id, const std::string& what) {
  return check_error(fmt::format("entry {}: {}", id, what), "ledger",
                     "the ledger was changed behind its back: assay ledger check");
}

/// An account's text back into account and owner. The record's own voucher or budget is not in the
/// state yet when its postings are read.
Posting posting_from(const State& state, const Operation& operation, const std::string& text,
                     std::int64_t amount, std::int64_t id) {
  const std::size_t first = text.find(':');
  const std::size_t last = text.rfind(':');
  if (first == std::string::npos || last == first) throw changed(id, "unknown account " + text);
  const std::string owner = text.substr(first + 1, last - first - 1);
  const std::string name = text.substr(last + 1);
  for (std::size_t a = 0; a < kAccounts; ++a) {
    const auto account = static_cast<Account>(a);
    if (name != account_name(account)) continue;
    if (is_of_voucher(account)) {
      const auto found = state.voucher_index.find(owner);
      if (found != state.voucher_index.end()) return {account, found->second, amount};
      const auto* issue = std::get_if<Issue>(&operation.body);
      if (issue == nullptr || issue->voucher != owner) break;
      return {account, static_cast<std::uint32_t>(state.vouchers.size()), amount};
    }
    const auto matches = [&](const std::string& programme, int year) {
      return owner == fmt::format("{}:{}", programme, year);
    };
    for (std::uint32_t i = 0; i < state.budgets.size(); ++i) {
      if (matches(state.budgets[i].programme, state.budgets[i].year)) return {account, i, amount};
    }
    const auto* fund = std::get_if<FundBudget>(&operation.body);
    if (fund == nullptr || !matches(fund->programme, fund->year)) break;
    return {account, static_cast<std::uint32_t>(state.budgets.size()), amount};
  }
  throw changed(id, "unknown account " + text);
}

/// Resets a statement that was stepped: one left open would hold its transaction.
class Rows {
 public:
  explicit Rows(Statement& statement) : statement_(statement) {}
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;
  ~Rows() { statement_.reset(); }

 private:
  Statement& statement_;
};

}  // namespace

const std::string& first_root() {
  static const std::string kRoot = sha256_hex({});
  return kRoot;
}

std::string next_root(const std::string& root, std::int64_t id, std::int64_t recorded_s,
                      const std::string& operation_text, const std::string& signatures_text,
                      const std::vector<std::string>& posting_lines) {
  std::string text =
      fmt::format("{}\n{}\n{}\n{}\n{}\n", root, id, recorded_s, operation_text, signatures_text);
  for (const std::string& line : posting_lines) text += line + '\n';
  return sha256_hex(text);
}

struct Store::Parts {
  /// What a store does again and again, prepared once.
  struct Reading {
    explicit Reading(Database& database)
        : entries(database,
                  "SELECT id, recorded_s, key, kind, actor, role, reason, operation, "
                  "signatures, root FROM entries WHERE id > ? ORDER BY id"),
          postings(database,
                   "SELECT account, commodity, amount FROM postings WHERE entry = ? ORDER BY id") {}
    Statement entries;
    Statement postings;
  };

  struct Writing {
    explicit Writing(Database& database)
        : begin(database, "BEGIN IMMEDIATE"),
          commit(database, "COMMIT"),
          known(database, "SELECT id, operation FROM entries WHERE key = ?"),
          entry(database, "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
          posting(database, "INSERT INTO postings VALUES (?, ?, ?, ?, ?)"),
          balance(
              database,
              "INSERT INTO balances VALUES (?, ?, ?) ON CONFLICT (account) DO UPDATE SET amount "
              "= excluded.amount") {}
    Statement begin;
    Statement commit;
    Statement known;
    Statement entry;
    Statement posting;
    Statement balance;
  };

  Database database;
  std::optional<Reading> reading;  ///< once the tables are there
  std::optional<Writing> writing;  ///< once something is written
  State state;
  Head head{0, first_root()};
  std::int64_t last_posting = 0;
  std::map<std::string, PublicKey> keys;  ///< by PEM, each read once

  Parts(const std::filesystem::path& path, Database::Mode mode, const char* vfs)
      : database(path, mode, vfs) {}

  void create() {
    database.execute("PRAGMA journal_mode = WAL");
    database.execute("BEGIN IMMEDIATE");
    for (const char* statement : store_schema()) database.execute(statement);
    database.execute(fmt::format("PRAGMA application_id = {}", kApplicationId));
    database.execute("PRAGMA user_version = 1");
    database.execute("COMMIT");
  }

  void set_up(Database::Mode mode) {
    database.execute(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; "
        "PRAGMA trusted_schema = OFF");
    if (mode == Database::Mode::create) create();
    if (database.text_of("PRAGMA application_id") != std::to_string(kApplicationId) ||
        database.text_of("PRAGMA user_version") != "1") {
      throw input_error("the file is no ledger of this version", database.path(),
                        "give a ledger that assay ledger open made");
    }
    reading.emplace(database);
    take_in();
  }

  /// Calls `take` with each record after `after`, in order; `state` must be the one before it and
  /// is what `take` brings up to date.
  template <class Take>
  void read(std::int64_t after, std::string root, const State& before, const Take& take) {
    Statement& entries = reading->entries;
    Statement& postings = reading->postings;
    entries.bind(1, after);
    const Rows rows(entries);
    std::int64_t expected = after + 1;
    while (entries.step()) {
      StoredRecord stored;
      Record& record = stored.record;
      record.id = entries.integer(0);
      const std::string where = fmt::format("{}: entry {}", database.path(), record.id);
      if (record.id != expected++) throw changed(record.id, "an entry before it is missing");
      record.circumstances.recorded_s = entries.integer(1);
      stored.operation_text = entries.text(7);
      stored.signatures_text = entries.text(8);
      stored.root = entries.text(9);
      record.operation = operation_from_canonical(stored.operation_text, where);
      stored.signatures = signatures_from_canonical(stored.signatures_text, where);
      for (const OperationSignature& signature : stored.signatures) {
        record.circumstances.verified_keys.push_back(signature.key_id);
      }
      const Operation& operation = record.operation;
      if (entries.text(2) != operation.key || entries.text(3) != kind_name(operation.body) ||
          entries.text(4) != operation.actor || entries.text(5) != role_name(operation.role) ||
          entries.text(6) != operation.reason) {
        throw changed(record.id, "its columns are not those of its operation");
      }
      std::vector<std::string> lines;
      postings.bind(1, record.id);
      const Rows posting_rows(postings);
      while (postings.step()) {
        const std::string account = postings.text(0);
        const Posting posting =
            posting_from(before, operation, account, postings.integer(2), record.id);
        if (postings.text(1) != (commodity_of(posting.account) == Commodity::cu ? "CU" : "CNY")) {
          throw changed(record.id, "a posting has the other commodity");
        }
        record.postings.push_back(posting);
        lines.push_back(fmt::format("{} {}", account, posting.amount));
      }
      root = next_root(root, record.id, record.circumstances.recorded_s, stored.operation_text,
                       stored.signatures_text, lines);
      if (root != stored.root) throw changed(record.id, "the chain breaks here");
      take(std::move(stored));
    }
  }

  void take_in() {
    read(head.count, head.root, state, [&](StoredRecord stored) {
      const Record& record = stored.record;
      carry_out(state, record.operation, record.circumstances, record.postings);
      head = {record.id, std::move(stored.root)};
      last_posting += static_cast<std::int64_t>(record.postings.size());
    });
  }

  void forget() {
    state = State{};
    head = {0, first_root()};
    last_posting = 0;
  }

  const PublicKey& key_of(const std::string& pem) {
    const auto found = keys.find(pem);
    return found != keys.end() ? found->second : keys.emplace(pem, PublicKey(pem)).first->second;
  }

  /// The keys whose signatures hold. Whoever the ledger does not know yet signs for nothing.
  std::vector<std::string> verified(const SignedOperation& signed_operation,
                                    const std::string& text) {
    std::vector<std::string> verified_keys;
    for (const OperationSignature& signature : signed_operation.signatures) {
      std::string pem;
      if (const auto* open = std::get_if<OpenLedger>(&signed_operation.operation.body)) {
        if (open->key_id == signature.key_id) pem = open->public_pem;
      }
      for (const auto& [name, actor] : state.actors) {
        if (actor.key_id == signature.key_id) pem = actor.public_pem;
      }
      if (pem.empty()) {
        throw input_error("a signature is by a key that no actor of the ledger has", "--sign",
                          "sign with the keys of registered actors");
      }
      if (!signature_holds(text, signature, key_of(pem))) {
        throw check_error("a signature does not hold for this operation", "--sign",
                          "sign the operation again: assay ledger sign");
      }
      verified_keys.push_back(signature.key_id);
    }
    return verified_keys;
  }
};

namespace {

const char* commodity_text(Account account) {
  return commodity_of(account) == Commodity::cu ? "CU" : "CNY";
}

std::int64_t balance_of(const State& state, Account account, std::uint32_t owner) {
  return is_of_voucher(account)
             ? state.vouchers[owner].balance.at(index_of(account))
             : state.budgets[owner].balance.at(index_of(account) - kVoucherAccounts);
}

}  // namespace

Store::Store(const std::filesystem::path& path, Database::Mode mode, const char* vfs)
    : parts_(std::make_unique<Parts>(path, mode, vfs)) {
  parts_->set_up(mode);
}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;
Store::~Store() = default;

std::vector<Outcome> Store::append(std::span<const SignedOperation> operations,
                                   std::optional<std::int64_t> now_s,
                                   const Inspection& inspection) {
  Parts& parts = *parts_;
  if (!parts.writing) parts.writing.emplace(parts.database);
  Parts::Writing& writing = *parts.writing;
  writing.begin.run();
  try {
    parts.take_in();
    std::vector<Outcome> outcomes;
    std::set<std::pair<Account, std::uint32_t>> touched;
    for (const SignedOperation& signed_operation : operations) {
      const Operation& operation = signed_operation.operation;
      const std::string text = canonical_text(operation);
      writing.known.bind(1, operation.key);
      const bool is_known = writing.known.step();
      if (is_known) {
        const std::int64_t id = writing.known.integer(0);
        const bool is_same = writing.known.text(1) == text;
        writing.known.reset();
        outcomes.push_back(
            is_same ? Outcome{id, true, std::nullopt}
                    : Outcome{0, false,
                              refuse("key-conflict",
                                     fmt::format("key '{}' stands for another operation, entry {}",
                                                 operation.key, id),
                                     "give each operation a key of its own")});
        continue;
      }
      writing.known.reset();
      auto objection = inspection ? inspection(parts.state, operation) : std::nullopt;
      if (objection) {
        outcomes.push_back({0, false, std::move(*objection)});
        continue;
      }
      Circumstances circumstances{now_s.value_or(clock_s()),
                                  parts.verified(signed_operation, text)};
      Decision decision = decide(parts.state, operation, circumstances);
      if (auto* refusal = std::get_if<Refusal>(&decision)) {
        outcomes.push_back({0, false, std::move(*refusal)});
        continue;
      }
      const auto& postings = std::get<Postings>(decision);
      carry_out(parts.state, operation, circumstances, postings);
      std::vector<std::string> accounts;
      std::vector<std::string> lines;
      for (const Posting& posting : postings) {
        accounts.push_back(account_text(parts.state, posting.account, posting.owner));
        lines.push_back(fmt::format("{} {}", accounts.back(), posting.amount));
        touched.emplace(posting.account, posting.owner);
      }
      const std::string signatures = canonical_text(signed_operation.signatures);
      const std::int64_t id = parts.head.count + 1;
      parts.head = {
          id, next_root(parts.head.root, id, circumstances.recorded_s, text, signatures, lines)};
      writing.entry.run(
          id, circumstances.recorded_s, std::string_view(operation.key),
          std::string_view(kind_name(operation.body)), std::string_view(operation.actor),
          std::string_view(role_name(operation.role)), std::string_view(operation.reason),
          std::string_view(text), std::string_view(signatures), std::string_view(parts.head.root));
      for (std::size_t i = 0; i < postings.size(); ++i) {
        writing.posting.run(++parts.last_posting, id, std::string_view(accounts[i]),
                            std::string_view(commodity_text(postings[i].account)),
                            postings[i].amount);
      }
      outcomes.push_back({id, false, std::nullopt});
    }
    for (const auto& [account, owner] : touched) {
      const std::string name = account_text(parts.state, account, owner);
      writing.balance.run(std::string_view(name), std::string_view(commodity_text(account)),
                          balance_of(parts.state, account, owner));
    }
    writing.commit.run();
    return outcomes;
  } catch (...) {
    // Whatever happened, the file says what holds; the memory learns it anew at the next use.
    parts.forget();
    parts.writing.reset();
    try {
      parts.database.execute("ROLLBACK");
    } catch (const Error&) {  // SQLite has rolled back by itself
    }
    throw;
  }
}

const State& Store::state() {
  parts_->take_in();
  return parts_->state;
}

const Head& Store::head() const {
  return parts_->head;
}

std::vector<StoredRecord> Store::records() {
  std::vector<StoredRecord> all;
  State state;
  parts_->read(0, first_root(), state, [&](StoredRecord stored) {
    const Record& record = stored.record;
    carry_out(state, record.operation, record.circumstances, record.postings);
    all.push_back(std::move(stored));
  });
  return all;
}

Database& Store::database() {
  return parts_->database;
}

}  // namespace assay::pricing::ledger
