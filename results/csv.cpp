#include "results/csv.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "base/error.h"
#include "results/document.h"
#include "results/json_path.h"
#include "results/near_name.h"

namespace assay {

namespace {

std::string line_of(const std::string& file, std::size_t line) {
  return file + ":" + std::to_string(line);
}

void require_utf8(std::string_view text, const std::string& file) {
  const std::size_t wrong = first_not_utf8(text);
  if (wrong == std::string_view::npos) return;
  const auto before = text.substr(0, wrong);
  const auto line = 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  throw input_error("is not UTF-8 text", line_of(file, line),
                    "save it as UTF-8; spreadsheets often write GB18030 or Windows-1252");
}

/// Reads one record after another.
class Reader {
 public:
  Reader(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  [[nodiscard]] bool done() const { return at_ >= text_.size(); }
  [[nodiscard]] std::size_t line() const { return line_; }

  /// Skips blank lines and comments.
  void skip() {
    while (!done() && (text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '#')) {
      const std::size_t end = text_.find('\n', at_);
      at_ = end == std::string_view::npos ? text_.size() : end + 1;
      ++line_;
    }
  }

  [[nodiscard]] std::vector<std::string> record(std::size_t expected = 0) {
    std::vector<std::string> fields;
    fields.reserve(expected);
    do {
      fields.push_back(!done() && text_[at_] == '"' ? quoted() : plain());
    } while (take(','));
    (void)take('\r');
    if (!done() && !take('\n')) {
      throw input_error("text after the closing quote of a field that opens here",
                        line_of(file_, opened_),
                        "close the field where it ends, and double a quote inside it: \"\"");
    }
    ++line_;
    return fields;
  }

 private:
  bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  [[nodiscard]] std::string plain() {
    const std::size_t end = std::min(text_.find_first_of(",\r\n\"", at_), text_.size());
    if (end < text_.size() && text_[end] == '"') {
      throw input_error("a quote inside a field that is not quoted", line_of(file_, line_),
                        "quote the whole field and double the quote inside it");
    }
    std::string field(text_.substr(at_, end - at_));
    at_ = end;
    return field;
  }

  [[nodiscard]] std::string quoted() {
    opened_ = line_;
    std::string field;
    ++at_;
    while (true) {
      const std::size_t quote = text_.find('"', at_);
      if (quote == std::string_view::npos) {
        throw input_error("a quote is opened here and never closed", line_of(file_, opened_),
                          "close it, or double a quote that belongs to the text");
      }
      const std::string_view part = text_.substr(at_, quote - at_);
      line_ += static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
      field += part;
      at_ = quote + 1;
      if (!take('"')) return field;
      field += '"';
    }
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t opened_ = 1;  ///< line of the last quoted field
};

void check_header(const CsvTable& table, const std::vector<std::string>& required,
                  const std::vector<std::string>& optional, std::size_t line) {
  std::vector<std::string> known = required;
  known.insert(known.end(), optional.begin(), optional.end());
  std::set<std::string> seen;
  for (const std::string& name : table.header) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const std::string near = near_name(name, known);
      throw input_error("unknown column '" + excerpt(name) + "'", line_of(table.file, line),
                        near.empty() ? "the first column is '" + known.front() + "'"
                                     : "did you mean '" + near + "'?");
    }
    if (!seen.insert(name).second) {
      throw input_error("the column '" + name + "' stands twice", line_of(table.file, line));
    }
  }
  for (const std::string& name : required) {
    if (!seen.contains(name)) {
      throw input_error("the column '" + name + "' is missing", line_of(table.file, line),
                        "the first line names the columns");
    }
  }
}

}  // namespace

const std::string& CsvTable::at(std::size_t row, std::string_view column) const {
  const std::optional<std::size_t> found = position(column);
  if (!found) throw std::out_of_range("no column " + std::string(column));
  return rows.at(row).at(*found);
}

std::string CsvTable::where(std::size_t row, std::string_view column) const {
  return line_of(file, lines.at(row)) + ": " + std::string(column);
}

bool CsvTable::has(std::string_view column) const {
  return position(column).has_value();
}

std::optional<std::size_t> CsvTable::position(std::string_view column) const {
  const auto found = std::find(header.begin(), header.end(), column);
  if (found == header.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header.begin());
}

CsvTable parse_csv(std::string_view text, const std::string& file,
                   const std::vector<std::string>& required,
                   const std::vector<std::string>& optional) {
  if (text.starts_with("\xEF\xBB\xBF")) {
    throw input_error("starts with a byte order mark", file, "save it as UTF-8 without one");
  }
  require_utf8(text, file);
  CsvTable table;
  table.file = file;
  Reader reader(text, table.file);
  reader.skip();
  if (reader.done()) throw input_error("the file is empty", file, "name the columns in line 1");
  const std::size_t head = reader.line();
  table.header = reader.record();
  check_header(table, required, optional, head);
  for (reader.skip(); !reader.done(); reader.skip()) {
    const std::size_t line = reader.line();
    std::vector<std::string> fields = reader.record(table.header.size());
    if (fields.size() != table.header.size()) {
      throw input_error("the row has " + std::to_string(fields.size()) + " fields, the header " +
                            std::to_string(table.header.size()),
                        line_of(file, line), "quote a field that has a comma in it");
    }
    table.lines.push_back(line);
    table.rows.push_back(std::move(fields));
  }
  if (table.rows.empty()) throw input_error("no row follows the header", file);
  return table;
}

void append_csv_field(std::string& line, std::string_view field) {
  const bool special = std::any_of(field.begin(), field.end(), [](char c) {
    return c == ',' || c == '"' || c == '\r' || c == '\n';
  });
  if (!special && !field.starts_with('#')) {
    line += field;
    return;
  }
  line += '"';
  for (const char c : field) {
    if (c == '"') line += '"';
    line += c;
  }
  line += '"';
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    append_csv_field(line, fields[i]);
  }
  return line + '\n';
}

}  // namespace assay
