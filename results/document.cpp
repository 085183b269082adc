#include "results/document.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

#include "base/error.h"
#include "results/atomic_file.h"
#include "results/schema_validator.h"

namespace assay {
namespace {

constexpr std::size_t kLargestFileBytes = std::size_t{256} << 20;

Error unreadable(const std::filesystem::path& path, int error_number) {
  return input_error("cannot read: " + std::generic_category().message(error_number),
                     path.string());
}

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

/// Hands the file's bytes to `take` piece by piece.
template <class Take>
void for_each_piece(const std::filesystem::path& path, const Take& take) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) throw unreadable(path, errno);
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(file.number(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw unreadable(path, errno);
    if (got == 0) return;
    take(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
  }
}

/// SHA-256 of bytes that come in pieces.
class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new()) {
    require(context_ != nullptr && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void add(std::string_view bytes) {
    require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
  }
  [[nodiscard]] std::string hex() {
    std::array<unsigned char, 32> sum{};
    require(EVP_DigestFinal_ex(context_.get(), sum.data(), nullptr) == 1);
    std::string text;
    for (const unsigned char byte : sum) text += fmt::format("{:02x}", byte);
    return text;
  }

 private:
  static void require(bool done) {
    if (!done) throw input_error("OpenSSL offers no SHA-256");
  }
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  std::string content;
  for_each_piece(path, [&](std::string_view piece) {
    if (content.size() + piece.size() > kLargestFileBytes) {
      throw input_error("is larger than 256 MiB", path.string());
    }
    content += piece;
  });
  return content;
}

void validate(const nlohmann::json& document, std::string_view kind, const std::string& where) {
  document_schema(kind).check(document, where);
}

void validate_part(const nlohmann::json& part, std::string_view kind, std::string_view definition,
                   const std::string& where) {
  document_schema(kind).check_definition(definition, part, where);
}

nlohmann::json read_document(const std::filesystem::path& path, std::string_view kind) {
  nlohmann::json document = parse_json(read_file(path), path.string());
  validate(document, kind, path.string());
  return document;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 sum;
  sum.add(bytes);
  return sum.hex();
}

std::string sha256_hex_of_file(const std::filesystem::path& path) {
  Sha256 sum;
  for_each_piece(path, [&](std::string_view piece) { sum.add(piece); });
  return sum.hex();
}

std::string digest(const nlohmann::json& document) {
  return sha256_hex(canonical_json(document));
}

void write_document(const std::filesystem::path& path, const nlohmann::json& document) {
  write_file_atomically(path, readable_json(document) + "\n");
}

}  // namespace assay
