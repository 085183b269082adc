#pragma once
/// Writing a file so that a reader sees the old one or the new one, never a part: a temporary file
/// beside it, fsync, rename, fsync of the folder. On any failure the temporary file is removed and
/// the old file stands.
#include <filesystem>
#include <string_view>

namespace assay {

struct FileOptions {
  unsigned mode = 0666;  ///< permissions, before the process's umask
  bool replace = true;   ///< false: a file that is there already is an error and stays
};

/// A symbolic link is followed: the file it leads to is replaced. Errors: input_error naming the
/// path and the system's reason (no such folder, no permission, disk full, ...), or that the path
/// is something other than a regular file (a folder, a device).
void write_file_atomically(const std::filesystem::path& path, std::string_view content,
                           const FileOptions& options = {});

/// For a command that writes several files: each is looked at before the first is written, so that
/// a mistyped path leaves none. Errors: input_error as write_file_atomically's (no such folder, no
/// permission, not a regular file). What nobody can foresee, such as a full disk, is left to it.
void check_file_can_be_written(const std::filesystem::path& path);
/// The same of a folder that would be made where it is not there.
void check_folder_can_be_made(const std::filesystem::path& folder);

}  // namespace assay
