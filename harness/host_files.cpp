#include "harness/host_files.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

namespace assay::harness {
namespace {

std::string trimmed(const std::string& text) {
  constexpr const char* kWhite = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kWhite);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhite) - first + 1);
}

std::optional<std::int64_t> parse_integer(const std::string& text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::string> HostFiles::text(const std::string& path) const {
  std::ifstream file(root / path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream content;
  content << file.rdbuf();
  if (file.bad()) return std::nullopt;
  return trimmed(content.str());
}

std::optional<std::int64_t> HostFiles::integer(const std::string& path) const {
  const std::optional<std::string> content = text(path);
  if (!content) return std::nullopt;
  const std::vector<std::string> parts = words(*content);
  return parts.empty() ? std::nullopt : parse_integer(parts.front());
}

std::vector<std::string> HostFiles::names(const std::string& path) const {
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(root / path, error), end; !error && entry != end;
       entry.increment(error)) {
    found.push_back(entry->path().filename().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool HostFiles::exists(const std::string& path) const {
  std::error_code error;
  return std::filesystem::exists(root / path, error);
}

std::vector<std::string> fields(const std::string& text, const std::string& key) {
  std::vector<std::string> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || trimmed(line.substr(0, colon)) != key) continue;
    values.push_back(trimmed(line.substr(colon + 1)));
  }
  return values;
}

std::optional<std::string> field(const std::string& text, const std::string& key) {
  std::vector<std::string> values = fields(text, key);
  if (values.empty()) return std::nullopt;
  return std::move(values.front());
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), std::istream_iterator<std::string>()};
}

std::vector<int> processor_list(const std::string& text) {
  std::vector<int> processors;
  std::istringstream parts(trimmed(text));
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t dash = part.find('-');
    const auto first = parse_integer(part.substr(0, dash));
    const auto last = dash == std::string::npos ? first : parse_integer(part.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last > 65535) return {};
    for (std::int64_t i = *first; i <= *last; ++i) processors.push_back(static_cast<int>(i));
  }
  return processors;
}

}  // namespace assay::harness
