#pragma once
/// A ledger in one SQLite file: WAL, synchronous FULL, one BEGIN IMMEDIATE transaction an append,
/// STRICT tables whose triggers refuse UPDATE, DELETE and REPLACE. What append() has returned is on
/// the disk, as far as the disk honours fsync.
///
/// Several processes may hold the same file: each append first takes in what others wrote. The
/// state in memory is a cache; opening a ledger replays it, and checks the chain on the way.
///
/// The chain: root 0 is SHA-256 of nothing; root n = SHA-256 of these lines, each ended by LF:
///   root n-1 (hex) / id / recorded (seconds) / operation (canonical JSON) / signatures (canonical
///   JSON) / "<account> <amount>" for each posting
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pricing/ledger/invariants.h"
#include "pricing/ledger/operations_json.h"
#include "pricing/ledger/sqlite.h"

namespace assay::pricing::ledger {

/// What became of an operation. `id` is 0 where it was refused.
struct Outcome {
  std::int64_t id = 0;
  bool was_there = false;  ///< the same operation under the same key was posted before
  std::optional<Refusal> refusal;
};

/// The chain's newest link.
struct Head {
  std::int64_t count = 0;
  std::string root;
};

/// A record with what the file holds beside it.
struct StoredRecord {
  Record record;
  std::string operation_text;
  std::string signatures_text;
  std::vector<OperationSignature> signatures;
  std::string root;
};

/// Looks at an operation before the rules do: what they can't know, as other documents.
using Inspection = std::function<std::optional<Refusal>(const State& before, const Operation&)>;

class Store {
 public:
  /// Errors: input_error (sqlite.h), check_error where the chain does not hold.
  /// `vfs`: as in sqlite.h.
  Store(const std::filesystem::path& path, Database::Mode mode, const char* vfs = nullptr);
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  /// Posts operations in one transaction; each stands or falls on its own. The clock is read in
  /// the transaction; `now_s` replaces it in tests. Errors: input_error where the file can't be
  /// written: then none of them was posted, or, after a failed commit, posting them again with the
  /// same keys tells.
  std::vector<Outcome> append(std::span<const SignedOperation> operations,
                              std::optional<std::int64_t> now_s = std::nullopt,
                              const Inspection& inspection = {});

  /// Takes in what other processes wrote.
  const State& state();
  [[nodiscard]] const Head& head() const;
  /// All records, read from the file again.
  [[nodiscard]] std::vector<StoredRecord> records();
  [[nodiscard]] Database& database();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// The next link. `posting_lines`: "<account> <amount>", one a posting.
[[nodiscard]] std::string next_root(const std::string& root, std::int64_t id,
                                    std::int64_t recorded_s, const std::string& operation_text,
                                    const std::string& signatures_text,
                                    const std::vector<std::string>& posting_lines);
[[nodiscard]] const std::string& first_root();

/// The tables and triggers, as `ledger check` expects them in sqlite_schema.
[[nodiscard]] std::span<const char* const> store_schema();

}  // namespace assay::pricing::ledger
