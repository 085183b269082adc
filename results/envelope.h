#pragma once
/// Signed documents: a DSSE envelope (https://github.com/secure-systems-lab/dsse, protocol.md)
/// around an in-toto Statement v1. DSSE signs the exact bytes of the payload.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace assay {

inline constexpr const char* kPayloadType = "application/vnd.in-toto+json";

struct Subject {
  std::string name;
  std::string sha256;  ///< hex
};

/// "DSSEv1 <len> <type> <len> <payload>": what is signed (pre-authentication encoding).
[[nodiscard]] std::string pre_authentication_encoding(std::string_view payload_type,
                                                      std::string_view payload);

/// Wraps `predicate` in a Statement about `subjects` and signs it.
[[nodiscard]] nlohmann::json seal(const nlohmann::json& predicate,
                                  const std::string& predicate_type,
                                  const std::vector<Subject>& subjects,
                                  const std::string& private_pem);

struct Opened {
  nlohmann::json predicate;
  std::vector<Subject> subjects;
  std::vector<std::string> key_ids;  ///< of the signatures present
  std::string verified_key_id;       ///< empty where no key was given
};

/// Opens an envelope; with a public key, checks that one of its signatures is that key's. Errors:
/// input_error (not an envelope, other predicate type), check_error (signature does not hold).
[[nodiscard]] Opened open_envelope(const nlohmann::json& envelope,
                                   const std::string& predicate_type, const std::string& public_pem,
                                   const std::string& where);

}  // namespace assay
