#pragma once
/// Comma-separated values (RFC 4180), strictly: UTF-8 without a byte order mark, a header with the
/// expected names, as many fields in each row as in the header, quotes opened at a field's start
/// and closed at its end. Line ends are LF or CR LF; blank lines and lines that start with '#' are
/// skipped.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace assay {

struct CsvTable {
  std::string file;  ///< for errors
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::size_t> lines;  ///< where each row starts, from 1

  /// The field of a row by its column's name. Errors: std::out_of_range for an unknown column.
  [[nodiscard]] const std::string& at(std::size_t row, std::string_view column) const;
  /// "list.csv:7: unit_price", for errors.
  [[nodiscard]] std::string where(std::size_t row, std::string_view column) const;
  [[nodiscard]] bool has(std::string_view column) const;
  /// The column's position in each row; empty where the file does not have it.
  [[nodiscard]] std::optional<std::size_t> position(std::string_view column) const;
};

/// Columns may stand in any order; `optional` ones may be left out. Errors: input_error naming file
/// and line: a broken quote, a row that is too short or too long, a column that is missing, unknown
/// or there twice, no row at all.
[[nodiscard]] CsvTable parse_csv(std::string_view text, const std::string& file,
                                 const std::vector<std::string>& required,
                                 const std::vector<std::string>& optional = {});

/// A field appended, quoted only where it must be.
void append_csv_field(std::string& line, std::string_view field);
/// All fields of a line, which ends with LF.
[[nodiscard]] std::string csv_line(const std::vector<std::string>& fields);

}  // namespace assay
