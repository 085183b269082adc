#pragma once
/// The names that `.loc … function_name` points to: labels in the .debug_str section, each followed
/// by the bytes of a string.
#include <map>
#include <string>

#include "ptx_device/lexer.h"

namespace assay::ptx_device {

class DebugStrings {
 public:
  /// A token of the section and the one after it.
  void add(const Token& token, const Token& following);
  /// The string at a label, or the label where there is none.
  [[nodiscard]] std::string text(const std::string& label) const;

 private:
  std::map<std::string, std::string> strings_;
  std::string current_;
};

}  // namespace assay::ptx_device
