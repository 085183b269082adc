#pragma once
/// A long text of parts that do not look at each other, written by all cores.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "pricing/parallel.h"

namespace assay::pricing {

/// head, then what append(text, position) appends for each position below `count`, then tail.
/// `bytes`: about how long a part is. Errors: those of append.
template <typename Append>
[[nodiscard]] std::string side_by_side(std::string_view head, std::size_t count,
                                       std::string_view tail, std::size_t bytes,
                                       const Append& append) {
  std::vector<std::string> runs(count);  // of each run of neighbours, at its first position
  in_parallel(count, [&](std::size_t first, std::size_t last) {
    if (first == last) return;
    runs[first].reserve((last - first) * bytes);
    for (std::size_t i = first; i < last; ++i) append(runs[first], i);
  });
  std::size_t length = head.size() + tail.size();
  for (const std::string& run : runs) length += run.size();
  std::string text;
  text.reserve(length);
  text += head;
  for (std::string& run : runs) {
    text += run;
    run = {};
  }
  text += tail;
  return text;
}

}  // namespace assay::pricing
