#pragma once
/// The rows on which a large output is checked: where the definition would take longer than the
/// measurement, it is recomputed on rows spread evenly over all, the first and the last included.
#include <algorithm>
#include <cstdint>
#include <vector>

namespace assay {

/// All rows where there are no more than this.
inline constexpr std::int64_t kSampledRows = 1024;

[[nodiscard]] constexpr std::int64_t sampled_row_count(std::int64_t rows) {
  return std::min(rows, kSampledRows);
}

/// The sampled rows of `all`: (rows, width), one after another.
template <class T>
[[nodiscard]] std::vector<T> sampled_rows(const std::vector<T>& all, std::int64_t rows,
                                          std::int64_t width) {
  const std::int64_t count = sampled_row_count(rows);
  std::vector<T> sample;
  sample.reserve(static_cast<std::size_t>(count * width));
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int64_t row = count == 1 ? 0 : (rows - 1) * k / (count - 1);
    const auto first = all.begin() + row * width;
    sample.insert(sample.end(), first, first + width);
  }
  return sample;
}

}  // namespace assay
