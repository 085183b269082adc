#include "results/markdown_table.h"

#include <algorithm>

#include "base/error.h"

namespace assay {
namespace {

/// A cell that can't break out of its row.
std::string harmless(const std::string& cell) {
  std::string safe;
  for (const char character : cell) {
    if (character == '|') safe += '\\';
    safe += character == '\n' || character == '\r' ? ' ' : character;
  }
  return safe;
}

/// Characters, not bytes: continuation bytes of UTF-8 take no column.
std::size_t width(const std::string& cell) {
  return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
  }));
}

}  // namespace

MarkdownTable::MarkdownTable(std::vector<std::string> head, std::size_t first_right)
    : first_right_(first_right) {
  rows_.push_back(std::move(head));
}

void MarkdownTable::add(std::vector<std::string> cells) {
  if (cells.size() != rows_.front().size()) {
    throw input_error("a row must have as many cells as the head", "table");
  }
  for (std::string& cell : cells) cell = harmless(cell);
  rows_.push_back(std::move(cells));
}

std::string MarkdownTable::text() const {
  const std::size_t columns = rows_.front().size();
  std::vector<std::size_t> widths(columns, 3);
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < columns; ++c) widths[c] = std::max(widths[c], width(row[c]));
  }
  std::string text;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      const std::string padding(widths[c] - width(rows_[r][c]), ' ');
      const bool right = c >= first_right_;
      text += "| " + (right ? padding + rows_[r][c] : rows_[r][c] + padding) + " ";
    }
    text += "|\n";
    if (r > 0) continue;
    for (std::size_t c = 0; c < columns; ++c) {
      text += "|" + std::string(widths[c] + 1, '-') + (c >= first_right_ ? ":" : "-");
    }
    text += "|\n";
  }
  return text;
}

}  // namespace assay
