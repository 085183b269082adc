#pragma once
/// The name of a kernel's entry, taken from its declaration, so that nobody types it twice.
#include <string_view>

namespace assay::cuda {

/// The name without namespaces. Entries have C linkage, so it is also the name in the image.
template <auto* Entry>
constexpr std::string_view entry_name() {
  std::string_view text = __PRETTY_FUNCTION__;  // "... [with auto* Entry = a::b; ...]"
  text.remove_prefix(text.find("Entry = ") + 8);
  text = text.substr(0, text.find_first_of(";]"));
  const auto colons = text.rfind(':');
  return colons == std::string_view::npos ? text : text.substr(colons + 1);
}

}  // namespace assay::cuda
