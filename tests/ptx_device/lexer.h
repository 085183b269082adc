#pragma once
/// PTX text into tokens. Comments are dropped; dots belong to words, so `ld.global.f32`, `.reg` and
/// `%tid.x` are one token each.
#include <string_view>
#include <vector>

namespace assay::ptx_device {

struct Token {
  enum class Kind { word, number, string, mark, end };
  Kind kind = Kind::end;
  std::string_view text;  ///< of a string: without its quotes
  int line = 0;           ///< from 1
};

/// The tokens of a text, the last of kind end. Throws Refusal(kInvalidPtx).
[[nodiscard]] std::vector<Token> tokens_of(std::string_view text);

}  // namespace assay::ptx_device
