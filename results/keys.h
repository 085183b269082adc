#pragma once
/// Ed25519 keys (RFC 8032) in PEM files (PKCS #8 private, SubjectPublicKeyInfo public), by
/// OpenSSL 3. Keys of other algorithms and encrypted keys are refused.
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace assay {

struct KeyPair {
  std::string private_pem;
  std::string public_pem;
  std::string key_id;  ///< sha256 of the public key's DER, hex
};

[[nodiscard]] KeyPair generate_key_pair();

/// Writes <path> (mode 0600) and <path>.pub atomically; refuses to overwrite either, and leaves
/// neither behind where one can't be written. Errors: input_error.
void write_key_pair(const std::filesystem::path& path, const KeyPair& keys);

/// A key file's PEM. Errors: input_error naming the file where it can't be read or holds no usable
/// key of that half.
[[nodiscard]] std::string read_private_key(const std::filesystem::path& path);
[[nodiscard]] std::string read_public_key(const std::filesystem::path& path);

/// A key read once, for those who sign or verify often: reading a PEM takes longer than a
/// signature. Copies share the key, and threads may use it at once.
class PrivateKey {
 public:
  /// Errors: input_error for an unusable key.
  explicit PrivateKey(const std::string& pem);
  /// 64 bytes.
  [[nodiscard]] std::string sign(std::string_view bytes) const;
  [[nodiscard]] std::string public_pem() const;
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  std::shared_ptr<evp_pkey_st> key_;
  std::string id_;
};

class PublicKey {
 public:
  /// Errors: input_error for an unusable key.
  explicit PublicKey(const std::string& pem);
  /// Whether `signature` (64 bytes) is this key's for `bytes`.
  [[nodiscard]] bool verify(std::string_view bytes, std::string_view signature) const;
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  std::shared_ptr<evp_pkey_st> key_;
  std::string id_;
};

/// Signs bytes with a private PEM; returns 64 bytes. Errors: input_error for an unusable key.
[[nodiscard]] std::string sign(const std::string& private_pem, std::string_view bytes);

/// Whether `signature` (64 bytes) is that key's for `bytes`. Errors: input_error for an unusable
/// key.
[[nodiscard]] bool verify_signature(const std::string& public_pem, std::string_view bytes,
                                    std::string_view signature);

/// Errors: input_error for an unusable key.
[[nodiscard]] std::string public_pem_of(const std::string& private_pem);
[[nodiscard]] std::string key_id_of(const std::string& public_pem);

}  // namespace assay
