#pragma once
/// For tests: one instruction of operation.ptx on the host's operands.
#include <bit>
#include <cstdint>

#include "ptx_device/snippet.h"

namespace assay::ptx_device {

struct Operands {
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  std::uint64_t c = 0;
};
struct Results {
  std::uint64_t d64 = 0;
  std::uint32_t d32 = 0;
  std::uint32_t e32 = 0;
  std::uint16_t d16 = 0;
  std::uint32_t flags = 0;  ///< bit 0: p, bit 1: q
};

/// The results of an instruction on %a…, %b…, %c… of each set of operands.
inline std::vector<Results> operate(const std::string& instruction,
                                    const std::vector<Operands>& operands) {
  Snippet snippet(snippet_text("operation.ptx", "INSTRUCTION", instruction));
  EXPECT_EQ(snippet.load_result(), cuda::kSuccess) << Snippet::text_of(snippet.load_result());
  const cuda::DevicePointer in = snippet.upload(operands);
  std::vector<std::uint64_t> words(4 * operands.size());
  const cuda::DevicePointer out = snippet.upload(words);
  const auto threads = static_cast<unsigned>(operands.size());
  EXPECT_EQ(snippet.launch("operation", 1, threads, 0, in, out), cuda::kSuccess)
      << instruction << "\n"
      << last_fault();
  std::vector<Results> results(operands.size());
  if (!last_fault().empty()) return results;
  words = snippet.download<std::uint64_t>(out, words.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    results[i] = {words[4 * i], static_cast<std::uint32_t>(words[4 * i + 1]),
                  static_cast<std::uint32_t>(words[4 * i + 1] >> 32U),
                  static_cast<std::uint16_t>(words[4 * i + 2]),
                  static_cast<std::uint32_t>(words[4 * i + 3])};
  }
  return results;
}
inline Results operate(const std::string& instruction, const Operands& operands) {
  return operate(instruction, std::vector<Operands>{operands}).front();
}

inline std::uint64_t bits(float value) {
  return std::bit_cast<std::uint32_t>(value);
}
inline std::uint64_t bits(double value) {
  return std::bit_cast<std::uint64_t>(value);
}
inline float as_float(std::uint32_t value) {
  return std::bit_cast<float>(value);
}
inline double as_double(std::uint64_t value) {
  return std::bit_cast<double>(value);
}

}  // namespace assay::ptx_device
