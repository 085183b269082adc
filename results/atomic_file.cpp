#include "results/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>  // renameat2, a GNU extension that <cstdio> does not promise
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, int error_number) {
  throw input_error("cannot write: " + std::generic_category().message(error_number),
                    path.string());
}

/// The file to replace: what a symbolic link leads to, and only a regular file. Renaming onto a
/// device node such as /dev/null would replace the node.
fs::path target_of(const fs::path& path) {
  std::error_code error;
  fs::path target = path;
  // By hand, since the library's resolution stops at a link that leads to no file yet.
  constexpr int kMostLinks = 40;  // as the kernel
  for (int links = 0; fs::is_symlink(fs::symlink_status(target, error)); ++links) {
    if (links == kMostLinks) fail(path, ELOOP);
    target = target.parent_path() / fs::read_symlink(target, error);
    if (error) fail(path, error.value());
  }
  const fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status)) fail(path, EISDIR);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    throw input_error("cannot write: it exists and is not a regular file", path.string());
  }
  if (target.filename().empty()) fail(path, path.empty() ? ENOENT : EISDIR);
  return target;
}

/// A temporary file beside the target, removed unless it was moved into place.
class TemporaryFile {
 public:
  TemporaryFile(const fs::path& target, const fs::path& named, unsigned mode) : named_(named) {
    for (int attempt = 0; attempt < 1000; ++attempt) {
      // Names over 255 bytes are refused by file systems; the suffix must not make one too long.
      path_ = target.parent_path() / fmt::format(".{}.{}-{}.tmp",
                                                 target.filename().string().substr(0, 200),
                                                 ::getpid(), attempt);
      descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
      if (descriptor_ >= 0) return;
      if (errno != EEXIST) fail(named_, errno);
    }
    fail(named_, EEXIST);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  void write(std::string_view content) {
    while (!content.empty()) {
      const ssize_t written = ::write(descriptor_, content.data(), content.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail(named_, errno);
      content.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::fsync(descriptor_) != 0) fail(named_, errno);
    // Network file systems report a full disk as late as here.
    if (::close(std::exchange(descriptor_, -1)) != 0) fail(named_, errno);
  }

  void move_to(const fs::path& target, bool replace) {
    if (replace) {
      if (::rename(path_.c_str(), target.c_str()) != 0) fail(named_, errno);
      path_.clear();
      return;
    }
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0) {
      path_.clear();
      return;
    }
    // Some file systems have no such rename, but links; the temporary name goes with this object.
    if (errno != EINVAL || ::link(path_.c_str(), target.c_str()) != 0) fail(named_, errno);
  }

 private:
  const fs::path& named_;
  fs::path path_;
  int descriptor_ = -1;
};

/// Makes the new name itself durable. File systems that can't do this say EINVAL.
void sync_folder(const fs::path& folder, const fs::path& named) {
  const int descriptor =
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // a folder that may be written but not read
  const int status = ::fsync(descriptor);
  const int error_number = errno;
  ::close(descriptor);
  if (status != 0 && error_number != EINVAL) fail(named, error_number);
}

/// Where a file is to be made: a folder that is there and may be written.
void check_folder(const fs::path& folder, const fs::path& named) {
  const fs::path place = folder.empty() ? fs::path(".") : folder;
  std::error_code error;
  if (!fs::exists(place, error)) fail(named, ENOENT);
  if (!fs::is_directory(place, error)) fail(named, ENOTDIR);
  if (::access(place.c_str(), W_OK | X_OK) != 0) fail(named, errno);
}

}  // namespace

void check_file_can_be_written(const fs::path& path) {
  check_folder(target_of(path).parent_path(), path);
}

void check_folder_can_be_made(const fs::path& folder) {
  std::error_code error;
  fs::path there = fs::absolute(folder).lexically_normal();
  while (!fs::exists(there, error) && there.has_relative_path()) there = there.parent_path();
  check_folder(there, folder);
}

void write_file_atomically(const fs::path& path, std::string_view content,
                           const FileOptions& options) {
  const fs::path target = target_of(path);
  TemporaryFile file(target, path, options.mode);
  file.write(content);
  file.move_to(target, options.replace);
  sync_folder(target.parent_path(), path);
}

}  // namespace assay
