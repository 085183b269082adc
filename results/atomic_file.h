#pragma once
/// Writing a file so that a reader sees the old one or the new one, never a part: a temporary file
/// beside it, fsync, rename, fsync of the folder. On any failure the temporary file is removed and
/// the old file stands.
#include <filesystem>
#include <string_view>

namespace assay {

/// Errors: input_error naming the path and the system's reason (no such folder, disk full, ...).
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

}  // namespace assay
