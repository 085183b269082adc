/// The store: what it refuses, what survives, and what `ledger check` finds that somebody changed
/// behind its back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "pricing/ledger/anchors.h"
#include "pricing/ledger/check.h"
#include "results/document.h"
#include "signed_scenario.h"
#include "support/temporary_folder.h"

namespace assay::pricing::ledger::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// A ledger on the disk, and SQL behind its back.
class OnDisk : public ::testing::Test {
 protected:
  void fill(const Scenario& scenario = full_scenario()) {
    Store store(path(), Database::Mode::create);
    append_all(store, signed_operations(scenario));
  }
  [[nodiscard]] fs::path path() const { return folder_.path() / "test.ledger"; }
  [[nodiscard]] fs::path anchors() const { return folder_.path() / "test.anchors"; }

  /// SQLite's error text, empty where the statement was done. Recursive triggers stay off, as with
  /// any other program.
  std::string sql(const std::string& statements) const {
    sqlite3* database = nullptr;
    sqlite3_open(path().c_str(), &database);
    char* message = nullptr;
    sqlite3_exec(database, statements.c_str(), nullptr, nullptr, &message);
    std::string text = message == nullptr ? "" : message;
    sqlite3_free(message);
    sqlite3_close(database);
    return text;
  }

  /// Takes the triggers off, does it, puts them back: what a careful forger does.
  void forge(const std::string& statements) const {
    std::string all;
    std::string back;
    for (const std::string name : {"entries_append", "entries_update", "entries_delete",
                                   "postings_append", "postings_update", "postings_delete"}) {
      all += "DROP TRIGGER " + name + ";";
      for (const std::string_view statement : store_schema()) {
        if (statement.find("TRIGGER " + name + " ") != std::string_view::npos) {
          back += std::string(statement) + ";";
        }
      }
    }
    EXPECT_EQ(sql(all + statements + ";" + back), "");
  }

  /// Computes the whole chain anew, as the file's owner can.
  void rebuild_chain() const {
    std::string updates;
    {
      Database database(path(), Database::Mode::read);
      Statement entries(database,
                        "SELECT id, recorded_s, operation, signatures FROM entries ORDER BY id");
      Statement postings(database,
                         "SELECT account, amount FROM postings WHERE entry = ? ORDER BY id");
      std::string root = first_root();
      while (entries.step()) {
        std::vector<std::string> lines;
        postings.bind(1, entries.integer(0));
        while (postings.step()) {
          lines.push_back(postings.text(0) + " " + std::to_string(postings.integer(1)));
        }
        postings.reset();
        root = next_root(root, entries.integer(0), entries.integer(1), entries.text(2),
                         entries.text(3), lines);
        updates += "UPDATE entries SET root = '" + root +
                   "' WHERE id = " + std::to_string(entries.integer(0)) + ";";
      }
    }
    forge(updates);
  }

  /// Names of the checks that failed.
  [[nodiscard]] std::vector<std::string> failed(bool with_anchors = false) const {
    CheckRequest request{path(), {}, {}};
    if (with_anchors) {
      request.anchors = anchors();
      request.anchor_public_pem = key_of("treasurer").public_pem;
    }
    std::vector<std::string> names;
    for (const CheckLine& line : check_ledger(request).lines) {
      if (!line.passed) names.push_back(line.name);
    }
    return names;
  }

  void anchor() const {
    Store store(path(), Database::Mode::read);
    append_anchor(anchors(), store.state().ledger, store.head(), "2026-03-01T00:00:00Z",
                  key_of("treasurer").private_pem);
  }

 private:
  TemporaryFolder folder_;
};

using Names = std::vector<std::string>;

TEST_F(OnDisk, WhatWasWrittenIsReadAgain) {
  const Scenario scenario = full_scenario();
  fill(scenario);
  Store store(path(), Database::Mode::read);
  const State& state = store.state();
  ASSERT_EQ(state.vouchers.size(), scenario.state.vouchers.size());
  for (std::size_t i = 0; i < state.vouchers.size(); ++i) {
    EXPECT_EQ(state.vouchers[i].balance, scenario.state.vouchers[i].balance);
  }
  for (std::size_t i = 0; i < state.budgets.size(); ++i) {
    EXPECT_EQ(state.budgets[i].balance, scenario.state.budgets[i].balance);
  }
  const auto records = store.records();
  ASSERT_EQ(records.size(), scenario.records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].record.postings, scenario.records[i].postings) << i;
  }
  EXPECT_EQ(failed(), Names{});
  EXPECT_EQ(store.database().text_of("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(store.database().text_of("PRAGMA synchronous"), "2");  // FULL
  EXPECT_EQ(store.database().text_of("PRAGMA recursive_triggers"), "1");
}

TEST_F(OnDisk, AKeyStandsForOneOperation) {
  fill(small_scenario());
  Store store(path(), Database::Mode::write);
  const SignedOperation once = by_operator("once", Reserve{"v", kCu});
  const auto first = store.append({&once, 1});
  const auto again = store.append({&once, 1});
  ASSERT_GT(first[0].id, 0);
  EXPECT_FALSE(first[0].was_there);
  EXPECT_EQ(again[0].id, first[0].id);
  EXPECT_TRUE(again[0].was_there);
  const SignedOperation other = by_operator("once", Reserve{"v", 2 * kCu});
  EXPECT_EQ(store.append({&other, 1})[0].refusal->rule, "key-conflict");
  // In a batch each stands or falls on its own.
  const std::vector<SignedOperation> batch{
      by_operator("b1", Reserve{"v", kCu}), by_operator("b2", Reserve{"v", 1'000 * kCu}),
      by_operator("b1", Reserve{"v", kCu}), by_operator("b3", Release{"v", kCu})};
  const auto outcomes = store.append(batch);
  EXPECT_EQ(outcomes[0].id, first[0].id + 1);
  EXPECT_EQ(outcomes[1].refusal->rule, "not-enough-available");
  EXPECT_EQ(outcomes[2].id, outcomes[0].id);
  EXPECT_EQ(outcomes[3].id, first[0].id + 2);
  EXPECT_EQ(store.state().voucher("v")->of(Account::reserved), 51 * kCu);
  EXPECT_EQ(failed(), Names{});
}

TEST_F(OnDisk, SignaturesAreVerifiedBeforeAnythingIsPosted) {
  fill(small_scenario());
  Store store(path(), Database::Mode::write);
  Operation operation;
  operation.ledger = "test-ledger";
  operation.key = "k";
  operation.actor = "issuer";
  operation.role = Role::issuer;
  operation.reason = "a test";
  operation.body = issue("w", "p", kCu, 2026, "group-2");
  SignedOperation forged{operation, {}};
  add_signature(forged, key_of("issuer").signing);
  std::get<Issue>(forged.operation.body).quantity_ucu = 2 * kCu;
  EXPECT_THROW(store.append({&forged, 1}), Error);
  SignedOperation stranger{operation, {}};
  add_signature(stranger, key_of("stranger").signing);
  EXPECT_THROW(store.append({&stranger, 1}), Error);
  SignedOperation unsigned_one{operation, {}};
  EXPECT_EQ(store.append({&unsigned_one, 1})[0].refusal->rule, "not-signed");
  EXPECT_EQ(store.state().voucher("w"), nullptr);
}

TEST_F(OnDisk, ManyWritersLoseNothing) {
  fill(small_scenario());
  constexpr int kWriters = 4;
  constexpr int kEach = 40;
  std::vector<std::thread> writers;
  std::atomic<int> accepted = 0;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([this, w, &accepted] {
      Store store(path(), Database::Mode::write);
      for (int i = 0; i < kEach; ++i) {
        // 160 asked, 40 CU are available: whoever comes first is served.
        const SignedOperation operation =
            by_operator("w" + std::to_string(w) + "-" + std::to_string(i), Reserve{"v", kCu});
        if (!store.append({&operation, 1})[0].refusal) ++accepted;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(accepted, 40);
  Store store(path(), Database::Mode::read);
  EXPECT_EQ(store.state().voucher("v")->of(Account::reserved), 90 * kCu);
  EXPECT_EQ(failed(), Names{});
}

TEST_F(OnDisk, NothingIsChangedThroughTheTriggers) {
  fill(small_scenario());
  for (const std::string table : {"entries", "postings"}) {
    EXPECT_THAT(sql("UPDATE " + table + " SET id = id"), HasSubstr("never changed"));
    EXPECT_THAT(sql("DELETE FROM " + table), HasSubstr("never deleted"));
    // By the id of a row that is there, one in the past, and one ahead.
    EXPECT_THAT(sql("INSERT OR REPLACE INTO " + table + " SELECT * FROM " + table + " LIMIT 1"),
                HasSubstr("only grows"));
    EXPECT_THAT(sql("REPLACE INTO " + table + " SELECT * FROM " + table + " LIMIT 1"),
                HasSubstr("only grows"));
  }
  // By the next id, but with a key, or a root, that another row has: REPLACE would delete that row
  // without a trigger.
  const std::string next =
      "INSERT OR REPLACE INTO entries SELECT (SELECT max(id) + 1 FROM entries), recorded_s, ";
  const std::string rest = ", kind, actor, role, reason, operation, signatures, ";
  EXPECT_THAT(sql(next + "key" + rest + "'x' FROM entries WHERE id = 3"), HasSubstr("only grows"));
  EXPECT_THAT(sql(next + "'x'" + rest + "root FROM entries WHERE id = 3"), HasSubstr("only grows"));
  EXPECT_THAT(sql("INSERT INTO entries SELECT NULL, recorded_s, 'x'" + rest +
                  "'x' FROM entries WHERE id = 3"),
              HasSubstr("only grows"));
  EXPECT_THAT(sql("INSERT OR REPLACE INTO postings SELECT (SELECT max(id) + 1 FROM postings), 1, "
                  "account, commodity, amount FROM postings LIMIT 1"),
              HasSubstr("only grows"));
  EXPECT_EQ(failed(), Names{});
}

TEST_F(OnDisk, WhatIsChangedBehindItsBackIsFound) {
  struct Attack {
    const char* what;
    const char* statements;
    std::string check;
  };
  const std::vector<Attack> attacks{
      {"a posting", "UPDATE postings SET amount = amount + 1 WHERE id = 3", "chain"},
      {"an entry's time", "UPDATE entries SET recorded_s = recorded_s - 1 WHERE id = 4", "chain"},
      {"an entry taken out of the middle",
       "PRAGMA foreign_keys = OFF; DELETE FROM entries WHERE id = 5", "chain"},
      {"an operation",
       "UPDATE entries SET operation = replace(operation, '\"90.000000\"', '\"91.000000\"')",
       "chain"},
      {"who did it", "UPDATE entries SET actor = 'nobody' WHERE id = 6", "chain"},
      {"a cached balance", "UPDATE balances SET amount = amount + 1 WHERE commodity = 'CU'",
       "balances"},
      {"a trigger gone", "DROP TRIGGER entries_update", "tables and triggers"},
      {"a trigger of somebody's", "CREATE TRIGGER x AFTER INSERT ON entries BEGIN SELECT 1; END",
       "tables and triggers"},
  };
  for (const Attack& attack : attacks) {
    fs::remove(path());
    fill(small_scenario());
    if (attack.check == "chain") {
      forge(attack.statements);
    } else {
      EXPECT_EQ(sql(attack.statements), "");
    }
    EXPECT_THAT(failed(), ::testing::Contains(attack.check)) << attack.what;
  }
}

/// With the chain computed anew only signatures, invariants and anchors can tell.
TEST_F(OnDisk, ARewrittenLedgerIsFoundThoughItsChainIsWhole) {
  fill(small_scenario());
  anchor();
  EXPECT_EQ(failed(true), Names{});
  // The voucher's owner gives himself a CU more, everywhere it shows.
  forge(
      "UPDATE entries SET operation = replace(operation, '\"90.000000\"', '\"91.000000\"'); UPDATE "
      "postings SET amount = amount * 91 / 90 WHERE entry = (SELECT id FROM entries WHERE kind = "
      "'issue'); UPDATE balances SET amount = amount * 91 / 90 WHERE account LIKE '%:issued'; "
      "UPDATE balances SET amount = amount + 1000000 WHERE account LIKE '%:covered'; UPDATE "
      "balances SET amount = amount + 500 WHERE account LIKE '%:committed'; UPDATE balances SET "
      "amount = amount - 500 WHERE account LIKE '%:free'");
  rebuild_chain();
  EXPECT_EQ(failed(), Names{"signatures"});
  EXPECT_EQ(failed(true), (Names{"signatures", "anchors"}));
  // What nobody signs, a forger can make whole but for the anchors.
  fs::remove(path());
  fs::remove(anchors());
  fill(small_scenario());
  anchor();
  forge(
      "UPDATE entries SET operation = replace(operation, '\"50.000000\"', '\"51.000000\"'); UPDATE "
      "entries SET signatures = '[]' WHERE kind = 'reserve'; UPDATE postings SET amount = amount * "
      "51 / 50 WHERE entry = (SELECT id FROM entries WHERE kind = 'reserve'); UPDATE balances SET "
      "amount = 51000000 WHERE account LIKE '%:reserved'; UPDATE balances SET amount = 39000000 "
      "WHERE account LIKE '%:covered'");
  rebuild_chain();
  EXPECT_EQ(failed(), Names{});
  EXPECT_EQ(failed(true), Names{"anchors"});
}

TEST_F(OnDisk, ACutOrForkedLedgerIsFound) {
  fill(small_scenario());
  anchor();
  const fs::path copy = path().string() + ".copy";
  fs::copy_file(path(), copy);
  {
    Store store(path(), Database::Mode::write);
    const SignedOperation one = by_operator("one", Reserve{"v", kCu});
    ASSERT_GT(store.append({&one, 1})[0].id, 0);
  }
  anchor();
  EXPECT_EQ(failed(true), Names{});
  // The fork: the same beginning, another end.
  fs::copy_file(path(), path().string() + ".true");
  fs::copy_file(copy, path(), fs::copy_options::overwrite_existing);
  EXPECT_EQ(failed(true), Names{"anchors"});  // cut
  {
    Store store(path(), Database::Mode::write);
    const SignedOperation two = by_operator("two", Reserve{"v", 2 * kCu});
    ASSERT_GT(store.append({&two, 1})[0].id, 0);
  }
  EXPECT_EQ(failed(), Names{});
  EXPECT_EQ(failed(true), Names{"anchors"});
}

TEST_F(OnDisk, AnchorsThemselvesAreJudged) {
  fill(small_scenario());
  anchor();
  anchor();
  anchor();
  EXPECT_EQ(read_anchors(anchors()).size(), 3U);
  const std::string whole = read_file(anchors());
  const auto write = [&](const std::string& text) { std::ofstream(anchors()) << text; };
  // A crash cuts the last line: it is no anchor, and the next append goes on from the one before.
  write(whole.substr(0, whole.size() - 5));
  EXPECT_EQ(read_anchors(anchors()).size(), 2U);
  EXPECT_EQ(failed(true), Names{});
  anchor();
  EXPECT_EQ(read_anchors(anchors()).size(), 3U);
  EXPECT_EQ(failed(true), Names{});
  // One taken out of the middle.
  const std::size_t first = whole.find('\n') + 1;
  write(whole.substr(0, first) + whole.substr(whole.find('\n', first) + 1));
  EXPECT_EQ(failed(true), Names{"anchors"});
  // One signed by somebody else.
  write(whole);
  {
    Store store(path(), Database::Mode::read);
    append_anchor(anchors(), "test-ledger", store.head(), "2026-03-02T00:00:00Z",
                  key_of("stranger").private_pem);
  }
  EXPECT_EQ(failed(true), Names{"anchors"});
  write("{}\n");
  EXPECT_THROW((void)read_anchors(anchors()), Error);
}

TEST_F(OnDisk, FilesThatAreNoLedger) {
  EXPECT_THROW(Store(path(), Database::Mode::write), Error);
  std::ofstream(path()) << "this is no database at all, and long enough to have a page header ....."
                           "............................................";
  EXPECT_THROW(Store(path(), Database::Mode::write), Error);
  EXPECT_THROW(Store(path(), Database::Mode::create), Error);
  fs::remove(path());
  EXPECT_EQ(sql("CREATE TABLE entries (id)"), "");
  EXPECT_THROW(Store(path(), Database::Mode::write), Error);
}

TEST(Documents, EveryOperationReadsBackAsItself) {
  for (const TimedOperation& each : signed_operations(full_scenario())) {
    const std::string text = canonical_text(each.operation.operation);
    EXPECT_EQ(canonical_text(operation_from_canonical(text, "x")), text);
    const auto document = operation_document(each.operation);
    const SignedOperation again = operation_from_document(document, "x");
    EXPECT_EQ(canonical_text(again.operation), text);
    EXPECT_EQ(again.signatures.size(), each.operation.signatures.size());
    EXPECT_TRUE(signature_holds(text, again.signatures[0],
                                PublicKey(key_of(each.operation.operation.actor).public_pem)));
  }
}

}  // namespace
}  // namespace assay::pricing::ledger::test
