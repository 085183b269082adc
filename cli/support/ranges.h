#pragma once
/// What options may be, where several commands take the same; errors name the option.
#include <CLI/CLI.hpp>
#include <cstdint>

namespace assay::cli {

/// Documents carry the seed as a JSON number, which is exact below 2^53.
inline CLI::Range seed_range() {
  return {std::int64_t{0}, (std::int64_t{1} << 53) - 1};
}

}  // namespace assay::cli
