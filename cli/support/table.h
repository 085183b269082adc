#pragma once
/// Tables for a terminal: columns aligned, numbers to the right, UTF-8 counted by character.
#include <string>
#include <vector>

namespace assay::cli {

enum class Align { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns);
  /// One cell per column. Errors: std::logic_error where the count differs.
  void add(std::vector<std::string> cells);
  [[nodiscard]] std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// "8.49e+09" as "8.490 G": three decimals and an SI prefix.
[[nodiscard]] std::string with_prefix(double value);

/// "0.000412" with `digits` significant digits, never in exponent form below 1e15.
[[nodiscard]] std::string significant(double value, int digits);

}  // namespace assay::cli
