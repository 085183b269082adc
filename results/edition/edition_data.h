#pragma once
/// Data of the editions that travels inside the program (cmake/AssayEmbed.cmake).
#include <string_view>

namespace assay {

/// The text of results/edition/data/<file_name>; empty where there is no such file.
[[nodiscard]] std::string_view embedded_edition_data(std::string_view file_name);

}  // namespace assay
