#include "results/markdown_table.h"

#include <algorithm>

#include "base/error.h"

namespace assay {
namespace {

std::string one_line(std::string cell) {
  std::replace_if(
      cell.begin(), cell.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return cell;
}

/// A cell that can't break out of its row.
std::string harmless(const std::string& cell) {
  std::string safe;
  for (const char character : cell) {
    if (character == '|') safe += '\\';
    safe += character;
  }
  return safe;
}

/// Characters, not bytes: continuation bytes of UTF-8 take no column.
std::size_t width(const std::string& cell) {
  return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
  }));
}

using Rows = std::vector<std::vector<std::string>>;

std::vector<std::size_t> widths_of(const Rows& rows, std::size_t least) {
  std::vector<std::size_t> widths(rows.front().size(), least);
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width(row[c]));
  }
  return widths;
}

std::string padded(const std::string& cell, std::size_t columns, bool right) {
  const std::string padding(columns - width(cell), ' ');
  return right ? padding + cell : cell + padding;
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
  for (std::string& cell : cells) cell = one_line(std::move(cell));
  rows_.push_back(std::move(cells));
}

std::string MarkdownTable::text() const {
  Rows rows = rows_;
  for (auto& row : rows) {
    for (std::string& cell : row) cell = harmless(cell);
  }
  const std::vector<std::size_t> widths = widths_of(rows, 3);
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < widths.size(); ++c) {
      text += "| " + padded(rows[r][c], widths[c], c >= first_right_) + " ";
    }
    text += "|\n";
    if (r > 0) continue;
    for (std::size_t c = 0; c < widths.size(); ++c) {
      text += "|" + std::string(widths[c] + 1, '-') + (c >= first_right_ ? ":" : "-");
    }
    text += "|\n";
  }
  return text;
}

std::string MarkdownTable::console_text() const {
  const std::vector<std::size_t> widths = widths_of(rows_, 1);
  std::string text;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t c = 0; c < widths.size(); ++c) {
      line += (c > 0 ? "  " : "") + padded(cells[c], widths[c], c >= first_right_);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  };
  std::vector<std::string> rules;
  for (const std::size_t columns : widths) rules.emplace_back(columns, '-');
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    add_line(rows_[r]);
    if (r == 0) add_line(rules);
  }
  return text;
}

}  // namespace assay
