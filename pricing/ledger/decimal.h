#pragma once
/// Decimal texts of the ledger's documents: a fixed number of decimals, as whole numbers of the
/// last one. "12.5" with 6 decimals is 12500000.
#include <cstdint>
#include <string>
#include <string_view>

namespace assay::pricing::ledger {

inline constexpr int kCuDecimals = 6;
inline constexpr int kCnyDecimals = 2;

/// Grammar: an optional minus, digits without leading zeros, optionally a point and one to
/// `decimals` digits. Errors: input_error naming `where`.
[[nodiscard]] std::int64_t parse_fixed(std::string_view text, int decimals,
                                       const std::string& where);

/// With all its decimals: "12.500000".
[[nodiscard]] std::string fixed_text(std::int64_t value, int decimals);
[[nodiscard]] inline std::string cny_text(std::int64_t amount_fen) {
  return fixed_text(amount_fen, kCnyDecimals);
}
[[nodiscard]] inline std::string cu_text(std::int64_t quantity_ucu) {
  return fixed_text(quantity_ucu, kCuDecimals);
}

}  // namespace assay::pricing::ledger
