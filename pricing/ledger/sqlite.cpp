#include "pricing/ledger/sqlite.h"

#include <sqlite3.h>

#include "base/error.h"

namespace assay::pricing::ledger {

namespace {

constexpr int kBusyMs = 60'000;

std::string mend_of(int code) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "free space on the disk; nothing of the operation was kept";
    case SQLITE_IOERR:
      return "look at the disk; post again with the same idempotency key";
    case SQLITE_BUSY:
      return "another process writes for too long: look for it";
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return "give a ledger that assay ledger open made";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      return "check the path and its permissions";
    default:
      return {};
  }
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Database::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

Statement::Statement(Database& database, std::string_view sql) : database_(&database) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK) {
    database.fail();
  }
  statement_.reset(statement);
}

Statement& Statement::bind(int position, std::int64_t value) {
  if (sqlite3_bind_int64(statement_.get(), position, value) != SQLITE_OK) database_->fail();
  return *this;
}

Statement& Statement::bind(int position, std::string_view value) {
  // A null destructor is SQLITE_STATIC: the text is not copied.
  if (sqlite3_bind_text(statement_.get(), position, value.data(), static_cast<int>(value.size()),
                        nullptr) != SQLITE_OK) {
    database_->fail();
  }
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3_reset(statement_.get());
  database_->fail();
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(size)};
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
}

Database::Database(const std::filesystem::path& path, Mode mode, const char* vfs)
    : path_(path.string()) {
  std::error_code error;
  const bool is_file = path_ != ":memory:" && !path_.starts_with("file:");
  if (is_file && mode == Mode::create && std::filesystem::exists(path, error)) {
    throw input_error("there is a file already", path_, "give the ledger a path of its own");
  }
  if (is_file && mode != Mode::create && !std::filesystem::is_regular_file(path, error)) {
    throw input_error("there is no ledger", path_, "make one: assay ledger open");
  }
  int flags = mode == Mode::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (mode == Mode::create) flags |= SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path_.c_str(), &handle, flags | SQLITE_OPEN_EXRESCODE, vfs);
  handle_.reset(handle);
  if (code != SQLITE_OK) fail();
  sqlite3_busy_timeout(handle, kBusyMs);
}

void Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

std::string Database::text_of(const std::string& sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.text(0) : std::string();
}

void Database::fail() const {
  const int code = sqlite3_extended_errcode(handle_.get());
  throw input_error(std::string("SQLite: ") + sqlite3_errmsg(handle_.get()), path_, mend_of(code));
}

}  // namespace assay::pricing::ledger
