#pragma once
/// SQLite as values that close themselves. Errors carry SQLite's own words and the file.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace assay::pricing::ledger {

class Database;

/// A prepared statement, used again and again: bind, step, reset.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  Statement& bind(int position, std::int64_t value);
  /// The text must outlive the next step().
  Statement& bind(int position, std::string_view value);
  /// Whether there is a row. Errors: as Database.
  bool step();
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string text(int column) const;
  void reset();
  /// bind(...), step() to the end, reset().
  template <class... T>
  void run(const T&... values) {
    int position = 0;
    (bind(++position, values), ...);
    while (step()) {
    }
    reset();
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Database* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  enum class Mode { create, write, read };
  /// `vfs`: SQLite's name of a file system, null for the usual one; ":memory:" is a path too.
  /// Errors: input_error: not there, there already (create), no permission.
  Database(const std::filesystem::path& path, Mode mode, const char* vfs = nullptr);
  /// Errors: input_error naming the file, with SQLite's words: a full disk, a file that is not a
  /// database, a writer that does not finish.
  void execute(const std::string& sql);
  [[nodiscard]] std::string text_of(const std::string& sql);
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Throws what went wrong last.
  [[noreturn]] void fail() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace assay::pricing::ledger
