#pragma once
/// Outputs as bytes, to compare them bit for bit.
#include <cstddef>
#include <span>
#include <vector>

namespace assay::cuda_test {

/// The bytes of all vectors, one after another.
template <class... Vectors>
[[nodiscard]] std::vector<std::byte> bytes_of(const Vectors&... vectors) {
  std::vector<std::byte> all;
  const auto append = [&all](std::span<const std::byte> bytes) {
    all.insert(all.end(), bytes.begin(), bytes.end());
  };
  (append(std::as_bytes(std::span(vectors))), ...);
  return all;
}

}  // namespace assay::cuda_test
