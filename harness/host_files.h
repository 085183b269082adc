#pragma once
/// Reading what Linux tells of a machine in small files (/proc, /sys). Every path is below a root,
/// so that tests can describe a machine as a folder of files.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace assay::harness {

struct HostFiles {
  std::filesystem::path root = "/";

  /// The file's text without white space at its ends; nothing where it can't be read. `path` has no
  /// leading slash: "proc/cpuinfo".
  [[nodiscard]] std::optional<std::string> text(const std::string& path) const;
  /// The file's first word as an integer; nothing where it is none.
  [[nodiscard]] std::optional<std::int64_t> integer(const std::string& path) const;
  /// Names in a folder, sorted; empty where it can't be read.
  [[nodiscard]] std::vector<std::string> names(const std::string& path) const;
  [[nodiscard]] bool exists(const std::string& path) const;
};

/// The value of "key : value" or "key: value" in a text of such lines: the first, or nothing.
[[nodiscard]] std::optional<std::string> field(const std::string& text, const std::string& key);
/// All values of that key, in order.
[[nodiscard]] std::vector<std::string> fields(const std::string& text, const std::string& key);

/// Words between white space.
[[nodiscard]] std::vector<std::string> words(const std::string& text);

/// "0-3,8" as {0, 1, 2, 3, 8}, the kernel's notation for sets of processors; empty where malformed.
[[nodiscard]] std::vector<int> processor_list(const std::string& text);

}  // namespace assay::harness
