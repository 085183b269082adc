#pragma once
/// Text files that travel inside the program (cmake/AssayEmbed.cmake).
#include <string_view>

namespace assay {

/// The text of results/schema/<file_name>; empty where there is no such file.
[[nodiscard]] std::string_view embedded_schema(std::string_view file_name);

}  // namespace assay
