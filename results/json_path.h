#pragma once
/// Where in a document something stands: a JSON Pointer (RFC 6901), as errors print it.
#include <cstddef>
#include <string>
#include <string_view>

namespace assay {

/// A chain of steps kept on the stack while a document is walked; it costs nothing until printed.
struct JsonPath {
  const JsonPath* parent = nullptr;
  std::string_view key;   ///< of an object; unused where is_index
  std::size_t index = 0;  ///< of an array
  bool is_index = false;

  [[nodiscard]] JsonPath member(std::string_view name) const { return {this, name, 0, false}; }
  [[nodiscard]] JsonPath element(std::size_t position) const { return {this, {}, position, true}; }
};

/// "/processes/0/items/2/flops"; empty for the whole document.
[[nodiscard]] std::string pointer_text(const JsonPath& path);

/// "result.json: /processes/0", or the file alone for the whole document.
[[nodiscard]] std::string place(const std::string& where, std::string_view pointer);

/// A value as an error message shows it: short, on one line, printable.
[[nodiscard]] std::string excerpt(std::string_view text);

}  // namespace assay
