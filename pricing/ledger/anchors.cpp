#include "pricing/ledger/anchors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "results/atomic_file.h"
#include "results/base64.h"
#include "results/document.h"
#include "results/envelope.h"
#include "results/keys.h"

namespace assay::pricing::ledger {

namespace {

using Json = nlohmann::json;

constexpr const char* kHeadType = "application/vnd.assay.ledger-head+json";

/// A file descriptor that closes itself.
class File {
 public:
  explicit File(const std::filesystem::path& path) : path_(path.string()) {
    do {
      descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    } while (descriptor_ < 0 && errno == EINTR);
    if (descriptor_ < 0) fail();
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::close(descriptor_); }
  [[nodiscard]] int get() const { return descriptor_; }
  [[noreturn]] void fail() const {
    throw input_error(std::string("the anchor can't be written: ") + std::strerror(errno), path_,
                      "check the path, its permissions and the disk");
  }

 private:
  std::string path_;
  int descriptor_ = -1;
};

/// The file without a last line that a crash cut.
std::string whole_lines(std::string text) {
  const std::size_t end = text.rfind('\n');
  text.resize(end == std::string::npos ? 0 : end + 1);
  return text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t start = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

Anchor parse_anchor(const std::string& line, const std::string& where) {
  const auto fail = [&]() {
    return input_error("the line is no anchor", where,
                       "give the file that assay ledger anchor appends to");
  };
  Json json = parse_json(line, where);
  const char* const kTexts[] = {"ledger", "root", "time", "key_id", "previous", "signature"};
  if (!json.is_object() || json.size() != 7 || !json.contains("count") ||
      !json["count"].is_number_unsigned()) {
    throw fail();
  }
  for (const char* name : kTexts) {
    if (!json.contains(name) || !json[name].is_string()) throw fail();
  }
  Anchor anchor;
  anchor.ledger = json["ledger"];
  anchor.head = {json["count"].get<std::int64_t>(), json["root"]};
  anchor.time_utc = json["time"];
  anchor.key_id = json["key_id"];
  anchor.line = line;
  const auto signature = base64_decode(json["signature"].get<std::string>());
  if (!signature || signature->size() != 64 || canonical_json(json) != line) throw fail();
  anchor.signature = *signature;
  json.erase("signature");
  anchor.signed_text = canonical_json(json);
  return anchor;
}

std::string previous_of(const Anchor& anchor) {
  return parse_json(anchor.signed_text, "anchor")["previous"].get<std::string>();
}

}  // namespace

void append_anchor(const std::filesystem::path& path, const std::string& ledger, const Head& head,
                   const std::string& time_utc, const std::string& private_pem) {
  const File file(path);
  if (::flock(file.get(), LOCK_EX) != 0) file.fail();
  const std::string text = whole_lines(read_file(path));
  if (::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0) file.fail();
  const auto lines = lines_of(text);
  Json json{{"ledger", ledger},
            {"count", head.count},
            {"root", head.root},
            {"time", time_utc},
            {"key_id", key_id_of(public_pem_of(private_pem))},
            {"previous", sha256_hex(lines.empty() ? std::string() : lines.back())}};
  json["signature"] = base64_encode(
      sign(private_pem, pre_authentication_encoding(kHeadType, canonical_json(json))));
  const std::string line = canonical_json(json) + '\n';
  std::size_t written = 0;
  while (written < line.size()) {
    const ssize_t count = ::pwrite(file.get(), line.data() + written, line.size() - written,
                                   static_cast<off_t>(text.size() + written));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) file.fail();
    written += static_cast<std::size_t>(count);
  }
  if (::fsync(file.get()) != 0) file.fail();
}

void check_anchor_can_be_appended(const std::filesystem::path& path) {
  check_file_can_be_written(path);
  std::error_code error;
  if (!std::filesystem::exists(path, error) || ::access(path.c_str(), W_OK) == 0) return;
  throw input_error(std::string("the anchor can't be written: ") + std::strerror(errno),
                    path.string(), "check its permissions");
}

std::vector<Anchor> read_anchors(const std::filesystem::path& path) {
  std::vector<Anchor> anchors;
  std::size_t number = 0;
  for (const std::string& line : lines_of(whole_lines(read_file(path)))) {
    anchors.push_back(parse_anchor(line, fmt::format("{}:{}", path.string(), ++number)));
  }
  return anchors;
}

std::vector<std::string> judge_anchors(const std::vector<Anchor>& anchors,
                                       const std::string& ledger,
                                       const std::vector<std::string>& roots,
                                       const std::string& public_pem) {
  std::vector<std::string> findings;
  const std::string key_id = key_id_of(public_pem);
  std::string previous;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < anchors.size(); ++i) {
    const Anchor& anchor = anchors[i];
    const auto note = [&](const std::string& what) {
      findings.push_back(fmt::format("anchor {} of {}: {}", i + 1, anchor.time_utc, what));
    };
    if (anchor.key_id != key_id ||
        !verify_signature(public_pem, pre_authentication_encoding(kHeadType, anchor.signed_text),
                          anchor.signature)) {
      note("not signed by the key given");
    }
    if (previous_of(anchor) != sha256_hex(previous)) note("an anchor before it is missing");
    if (anchor.ledger != ledger) note("it is of the ledger '" + anchor.ledger + "'");
    if (anchor.head.count < count) note("it counts fewer entries than the anchor before it");
    if (anchor.head.count > static_cast<std::int64_t>(roots.size())) {
      note(fmt::format("the ledger is cut: it has {} of {} entries", roots.size(),
                       anchor.head.count));
    } else if ((anchor.head.count == 0
                    ? first_root()
                    : roots[static_cast<std::size_t>(anchor.head.count) - 1]) != anchor.head.root) {
      note(fmt::format("the ledger is rewritten or forked at or before entry {}",
                       anchor.head.count));
    }
    previous = anchor.line;
    count = anchor.head.count;
  }
  return findings;
}

}  // namespace assay::pricing::ledger
