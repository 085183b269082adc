#include "ptx_device/debug_strings.h"

#include <cstdlib>

namespace assay::ptx_device {

void DebugStrings::add(const Token& token, const Token& following) {
  if (token.kind == Token::Kind::word && following.text == ":") {
    current_ = std::string(token.text);
    strings_[current_].clear();
  } else if (token.kind == Token::Kind::number && !current_.empty()) {
    const auto byte = static_cast<char>(std::strtol(std::string(token.text).c_str(), nullptr, 0));
    if (byte != '\0') strings_[current_].push_back(byte);
  }
}

std::string DebugStrings::text(const std::string& label) const {
  const auto found = strings_.find(label);
  return found == strings_.end() ? label : found->second;
}

}  // namespace assay::ptx_device
