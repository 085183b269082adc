/// Ed25519 keys: files, signatures, and what is refused.
#include "results/keys.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <memory>

#include "results/base64.h"
#include "results/document.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace assay {
namespace {

namespace fs = std::filesystem;

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

/// RFC 8032, section 7.1, test 2; the secret key in the PKCS #8 frame of RFC 8410, section 7.
TEST(Keys, SignatureOfRfc8032) {
  const std::string private_pem =
      "-----BEGIN PRIVATE KEY-----\n" +
      base64_encode(from_hex("302e020100300506032b657004220420"
                             "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")) +
      "\n-----END PRIVATE KEY-----\n";
  const std::string signature = from_hex(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_EQ(sign(private_pem, "\x72"), signature);
  EXPECT_TRUE(verify_signature(public_pem_of(private_pem), "\x72", signature));
  EXPECT_EQ(
      key_id_of(public_pem_of(private_pem)),
      sha256_hex(from_hex("302a300506032b6570032100"
                          "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")));
}

TEST(Keys, SignAndVerify) {
  const KeyPair keys = generate_key_pair();
  EXPECT_EQ(public_pem_of(keys.private_pem), keys.public_pem);
  EXPECT_EQ(key_id_of(keys.public_pem), keys.key_id);
  EXPECT_EQ(keys.key_id.size(), 64U);
  const std::string text(10'000, 'a');
  const std::string signature = sign(keys.private_pem, text);
  EXPECT_EQ(signature.size(), 64U);
  EXPECT_TRUE(verify_signature(keys.public_pem, text, signature));
  EXPECT_FALSE(verify_signature(keys.public_pem, text + "a", signature));
  EXPECT_FALSE(verify_signature(keys.public_pem, text, signature.substr(1)));
  EXPECT_FALSE(verify_signature(keys.public_pem, text, ""));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    std::string changed = signature;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(verify_signature(keys.public_pem, text, changed)) << i;
  }
  const KeyPair others = generate_key_pair();
  EXPECT_NE(others.key_id, keys.key_id);
  EXPECT_FALSE(verify_signature(others.public_pem, text, signature));
}

TEST(Keys, FilesAreWrittenOnce) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "lab.key";
  const KeyPair keys = generate_key_pair();
  write_key_pair(path, keys);
  EXPECT_EQ(read_file(path), keys.private_pem);
  EXPECT_EQ(read_file(path.string() + ".pub"), keys.public_pem);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);

  expect_input_error([&] { write_key_pair(path, generate_key_pair()); },
                     {path.string(), "exists already"});
  EXPECT_EQ(read_file(path), keys.private_pem);
  fs::remove(path);
  expect_input_error([&] { write_key_pair(path, generate_key_pair()); },
                     {path.string() + ".pub", "exists already"});
  EXPECT_FALSE(fs::exists(path));
  expect_input_error([&] { write_key_pair(folder.path() / "none" / "k", keys); }, {"No such file"});
}

TEST(Keys, UnusableKeysAreRefused) {
  const KeyPair keys = generate_key_pair();
  for (const char* junk :
       {"", "{}", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"}) {
    expect_input_error([&] { (void)sign(junk, "a"); }, {"not a usable private key"});
    expect_input_error([&] { (void)key_id_of(junk); }, {"not a usable public key"});
  }
  expect_input_error([&] { (void)sign(keys.public_pem, "a"); }, {"other half"});
  expect_input_error([&] { (void)verify_signature(keys.private_pem, "a", ""); }, {"other half"});
}

TEST(Keys, OtherAlgorithmsAndEncryptedKeysAreRefused) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free);
  ASSERT_NE(key, nullptr);
  const auto pem = [&](const EVP_CIPHER* cipher) {
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), BIO_free_all);
    std::string phrase = "phrase";
    PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), cipher, phrase.data(), 6, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
  };
  expect_input_error([&] { (void)sign(pem(nullptr), "a"); }, {"not Ed25519"});
  expect_input_error([&] { (void)sign(pem(EVP_aes_256_cbc()), "a"); }, {"unencrypted"});
}

}  // namespace
}  // namespace assay
