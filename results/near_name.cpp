#include "results/near_name.h"

#include <algorithm>
#include <cstddef>

namespace assay {
namespace {

/// Optimal string alignment distance, by the usual recurrence over three rows.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({substituted, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

std::string near_name(std::string_view typed, const std::vector<std::string>& names) {
  constexpr std::size_t kMostEdits = 2;
  if (typed.size() > 100) return {};
  std::string nearest;
  std::size_t fewest = kMostEdits + 1;
  for (const std::string& name : names) {
    const std::size_t edits = edit_distance(typed, name);
    if (edits < fewest && 2 * edits < name.size()) {
      fewest = edits;
      nearest = name;
    }
  }
  return nearest;
}

}  // namespace assay
