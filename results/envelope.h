#pragma once
/// Signed documents: a DSSE envelope (https://github.com/secure-systems-lab/dsse, protocol.md)
/// around an in-toto Statement v1 (https://github.com/in-toto/attestation, spec/v1/statement.md).
/// DSSE signs the exact bytes of the payload, so a reader never has to bring JSON into a canonical
/// form before it can check a signature. Signatures are Ed25519 (keys.h).
///
/// The reader is stricter than DSSE asks: fields it doesn't know, other base64 than the standard
/// alphabet, and key ids that are not keys.h's are refused.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace assay {

inline constexpr const char* kPayloadType = "application/vnd.in-toto+json";
inline constexpr const char* kStatementType = "https://in-toto.io/Statement/v1";

struct Subject {
  std::string name;
  std::string sha256;  ///< hex
};

/// "DSSEv1 <len> <type> <len> <payload>": what is signed (pre-authentication encoding).
[[nodiscard]] std::string pre_authentication_encoding(std::string_view payload_type,
                                                      std::string_view payload);

/// Wraps `predicate` in a Statement about `subjects` and signs it. Errors: input_error where the
/// key is unusable, there is no subject, or the predicate has no canonical form (document.h).
[[nodiscard]] nlohmann::json seal(const nlohmann::json& predicate,
                                  const std::string& predicate_type,
                                  const std::vector<Subject>& subjects,
                                  const std::string& private_pem);

// The library's destructor may allocate where a document is nested deeply; the check sees that.
struct Opened {  // NOLINT(bugprone-exception-escape)
  nlohmann::json predicate;
  std::vector<Subject> subjects;
  std::vector<std::string> key_ids;  ///< of the signatures present; nobody vouches for them
  std::string verified_key_id;       ///< empty where no key was given
};

/// Opens an envelope; with a public key, checks that one of its signatures is that key's, before
/// anything of the payload is read. public_pem may be empty: then no signature is judged. Errors:
/// input_error (not an envelope, other payload or predicate type), check_error (not signed by that
/// key, or the signature does not hold).
[[nodiscard]] Opened open_envelope(const nlohmann::json& envelope,
                                   const std::string& predicate_type, const std::string& public_pem,
                                   const std::string& where);

}  // namespace assay
