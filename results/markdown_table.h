#pragma once
/// Tables in Markdown that also read well as plain text (columns are padded to equal width), and
/// the same for a terminal, without bars.
#include <cstddef>
#include <string>
#include <vector>

namespace assay {

class MarkdownTable {
 public:
  /// Columns from number `first_right` on are set to the right; none by default.
  explicit MarkdownTable(std::vector<std::string> head,
                         std::size_t first_right = static_cast<std::size_t>(-1));
  /// One row, as many cells as the head has. Line breaks become blanks; in Markdown, pipes are
  /// escaped.
  void add(std::vector<std::string> cells);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string console_text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::size_t first_right_;
};

}  // namespace assay
