#pragma once
/// "Did you mean ...?"
#include <string>
#include <string_view>
#include <vector>

namespace assay {

/// The one of `names` that `typed` most likely meant: at most two edits away (insertion, deletion,
/// substitution, swap of neighbours) and fewer than half of its length; empty where none is.
[[nodiscard]] std::string near_name(std::string_view typed, const std::vector<std::string>& names);

}  // namespace assay
