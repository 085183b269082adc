#include "results/keys.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "base/error.h"
#include "results/atomic_file.h"
#include "results/document.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSignatureBytes = 64;

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

void require(bool done) {
  if (!done) throw input_error("OpenSSL failed to do Ed25519");
}

/// Without it OpenSSL would ask for a passphrase on the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) {
  return -1;
}

enum class Half { private_key, public_key };

Key read_key(const std::string& pem, Half half, const std::string& where = "key") {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  require(bio != nullptr);
  Key key(half == Half::private_key
              ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr)
              : PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  const bool is_private = half == Half::private_key;
  if (key == nullptr) {
    const std::string wanted = is_private ? "private" : "public";
    const bool is_other =
        pem.find(is_private ? "BEGIN PUBLIC KEY" : "PRIVATE KEY") != std::string::npos;
    throw input_error("not a usable " + wanted + " key", where,
                      is_other     ? "this is the other half of a pair"
                      : is_private ? "give an unencrypted PEM file, as assay keygen writes it"
                                   : "give a PEM file, as assay keygen writes it with .pub");
  }
  if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
    throw input_error("the key is not Ed25519", where);
  }
  return key;
}

std::string key_file(const fs::path& path, Half half) {
  std::string pem = read_file(path);
  (void)read_key(pem, half, path.string());
  return pem;
}

std::string text_of(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem_of_public(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  require(bio != nullptr && PEM_write_bio_PUBKEY(bio.get(), key) == 1);
  return text_of(bio);
}

std::string id_of(EVP_PKEY* key) {
  unsigned char* data = nullptr;
  const int size = i2d_PUBKEY(key, &data);
  require(size > 0);
  const std::string der(data, data + size);
  OPENSSL_free(data);
  return sha256_hex(der);
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

KeyPair generate_key_pair() {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  require(key != nullptr);
  const Bio bio(BIO_new(BIO_s_secmem()));
  require(bio != nullptr && PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0,
                                                          nullptr, nullptr) == 1);
  return {text_of(bio), pem_of_public(key.get()), id_of(key.get())};
}

void write_key_pair(const fs::path& path, const KeyPair& keys) {
  const fs::path public_path = path.string() + ".pub";
  for (const fs::path& each : {path, public_path}) {
    std::error_code error;
    if (fs::exists(fs::symlink_status(each, error))) {
      throw input_error("exists already; a key is never overwritten", each.string());
    }
  }
  write_file_atomically(path, keys.private_pem, {.mode = 0600, .replace = false});
  try {
    write_file_atomically(public_path, keys.public_pem, {.mode = 0666, .replace = false});
  } catch (const Error&) {
    std::error_code error;
    fs::remove(path, error);
    throw;
  }
}

std::string read_private_key(const fs::path& path) {
  return key_file(path, Half::private_key);
}

std::string read_public_key(const fs::path& path) {
  return key_file(path, Half::public_key);
}

PrivateKey::PrivateKey(const std::string& pem)
    : key_(read_key(pem, Half::private_key)), id_(id_of(key_.get())) {}

std::string PrivateKey::sign(std::string_view bytes) const {
  const Context context(EVP_MD_CTX_new());
  require(context != nullptr);
  std::string signature(kSignatureBytes, '\0');
  std::size_t size = signature.size();
  require(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1);
  require(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                         bytes_of(bytes), bytes.size()) == 1 &&
          size == kSignatureBytes);
  return signature;
}

std::string PrivateKey::public_pem() const {
  return pem_of_public(key_.get());
}

PublicKey::PublicKey(const std::string& pem)
    : key_(read_key(pem, Half::public_key)), id_(id_of(key_.get())) {}

bool PublicKey::verify(std::string_view bytes, std::string_view signature) const {
  if (signature.size() != kSignatureBytes) return false;
  const Context context(EVP_MD_CTX_new());
  require(context != nullptr);
  require(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1);
  const int verdict = EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                       bytes_of(bytes), bytes.size());
  ERR_clear_error();
  return verdict == 1;
}

std::string sign(const std::string& private_pem, std::string_view bytes) {
  return PrivateKey(private_pem).sign(bytes);
}

bool verify_signature(const std::string& public_pem, std::string_view bytes,
                      std::string_view signature) {
  return PublicKey(public_pem).verify(bytes, signature);
}

std::string public_pem_of(const std::string& private_pem) {
  return PrivateKey(private_pem).public_pem();
}

std::string key_id_of(const std::string& public_pem) {
  return PublicKey(public_pem).id();
}

}  // namespace assay
