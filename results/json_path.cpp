#include "results/json_path.h"

#include <fmt/format.h>

namespace assay {
namespace {

/// RFC 6901, section 3: "~" and "/" in a key are written "~0" and "~1".
std::string escaped(std::string_view key) {
  std::string text;
  for (const char c : excerpt(key)) {
    if (c == '~') {
      text += "~0";
    } else if (c == '/') {
      text += "~1";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

std::string pointer_text(const JsonPath& path) {
  if (path.parent == nullptr) return {};
  return pointer_text(*path.parent) + "/" +
         (path.is_index ? std::to_string(path.index) : escaped(path.key));
}

std::string place(const std::string& where, std::string_view pointer) {
  if (pointer.empty()) return where;
  if (where.empty()) return std::string(pointer);
  return fmt::format("{}: {}", where, pointer);
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string shown;
  for (const char c : text) {
    if (shown.size() >= kLongest) return shown + "...";
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown;
}

}  // namespace assay
