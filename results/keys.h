#pragma once
/// Ed25519 keys in PEM files (PKCS #8 private, SubjectPublicKeyInfo public), by OpenSSL 3.
#include <filesystem>
#include <string>

namespace assay {

struct KeyPair {
  std::string private_pem;
  std::string public_pem;
  std::string key_id;  ///< sha256 of the public key's DER, hex
};

[[nodiscard]] KeyPair generate_key_pair();

/// Writes <path> (mode 0600) and <path>.pub atomically; refuses to overwrite either.
void write_key_pair(const std::filesystem::path& path, const KeyPair& keys);

/// Signs bytes with a private PEM; returns 64 bytes. Errors: input_error for an unusable key.
[[nodiscard]] std::string sign(const std::string& private_pem, std::string_view bytes);
[[nodiscard]] bool verify_signature(const std::string& public_pem, std::string_view bytes,
                                    std::string_view signature);
[[nodiscard]] std::string public_pem_of(const std::string& private_pem);
[[nodiscard]] std::string key_id_of(const std::string& public_pem);

}  // namespace assay
