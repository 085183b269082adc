#pragma once
/// Base64 (RFC 4648, section 4): the standard alphabet, padded, no line breaks.
#include <optional>
#include <string>
#include <string_view>

namespace assay {

[[nodiscard]] std::string base64_encode(std::string_view bytes);

/// Nothing where `text` is not what base64_encode would write for some bytes: other alphabets,
/// spaces, wrong padding and stray low bits are refused, so each text means one thing only.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace assay
