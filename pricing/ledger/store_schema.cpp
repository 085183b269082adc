/// The ledger's tables. An attacker with the file can drop a trigger; `ledger check` sees that, and
/// sees what was written meanwhile by the chain and its anchors. Without recursive_triggers an
/// INSERT OR REPLACE would delete rows silently: so the BEFORE INSERT triggers refuse every row
/// that is not the next one, or that would replace another by its key.
#include <array>

#include "pricing/ledger/store.h"

namespace assay::pricing::ledger {

std::span<const char* const> store_schema() {
  static constexpr std::array kSchema{
      "CREATE TABLE entries (id INTEGER PRIMARY KEY, recorded_s INTEGER NOT NULL, "
      "key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, actor TEXT NOT NULL, role TEXT NOT NULL, "
      "reason TEXT NOT NULL, operation TEXT NOT NULL, signatures TEXT NOT NULL, "
      "root TEXT NOT NULL UNIQUE) STRICT",
      "CREATE TABLE postings (id INTEGER PRIMARY KEY, entry INTEGER NOT NULL REFERENCES "
      "entries(id), account TEXT NOT NULL, commodity TEXT NOT NULL CHECK (commodity IN "
      "('CU', 'CNY')), amount INTEGER NOT NULL) STRICT",
      "CREATE INDEX postings_of_entry ON postings (entry)",
      "CREATE TABLE balances (account TEXT PRIMARY KEY, commodity TEXT NOT NULL, "
      "amount INTEGER NOT NULL) STRICT",
      "CREATE TRIGGER entries_append BEFORE INSERT ON entries WHEN NEW.id IS NOT (SELECT "
      "coalesce(max(id), 0) + 1 FROM entries) OR EXISTS (SELECT 1 FROM entries WHERE key = "
      "NEW.key OR root = NEW.root) BEGIN SELECT RAISE(ABORT, 'a ledger only grows at its end'); "
      "END",
      "CREATE TRIGGER entries_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, "
      "'an entry is never changed'); END",
      "CREATE TRIGGER entries_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, "
      "'an entry is never deleted'); END",
      "CREATE TRIGGER postings_append BEFORE INSERT ON postings WHEN NEW.id IS NOT (SELECT "
      "coalesce(max(id), 0) + 1 FROM postings) OR NEW.entry IS NOT (SELECT max(id) FROM entries) "
      "BEGIN SELECT RAISE(ABORT, 'a ledger only grows at its end'); END",
      "CREATE TRIGGER postings_update BEFORE UPDATE ON postings BEGIN SELECT RAISE(ABORT, "
      "'an entry is never changed'); END",
      "CREATE TRIGGER postings_delete BEFORE DELETE ON postings BEGIN SELECT RAISE(ABORT, "
      "'an entry is never deleted'); END",
  };
  return kSchema;
}

}  // namespace assay::pricing::ledger
