#include "results/base64.h"

#include <openssl/evp.h>

#include <limits>

#include "base/error.h"

namespace assay {
namespace {

/// The library counts in int.
constexpr std::size_t kLongest = std::numeric_limits<int>::max() / 2;

}  // namespace

std::string base64_encode(std::string_view bytes) {
  if (bytes.size() > kLongest) throw input_error("too long for base64");
  // The library ends its text with a zero byte of its own.
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::optional<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0 || text.size() > kLongest) return {};
  std::string bytes(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (length < 0) return {};
  // The library gives a byte for each '=' too, and is lax about spaces; encoding again is not.
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  bytes.resize(static_cast<std::size_t>(length) - padding);
  if (base64_encode(bytes) != text) return {};
  return bytes;
}

}  // namespace assay
