/// DSSE envelopes: the published vector, and every way to tamper with one.
#include "results/envelope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "results/base64.h"
#include "results/document.h"
#include "results/keys.h"
#include "support/expect_error.h"

namespace assay {
namespace {

using nlohmann::json;

constexpr const char* kType = "urn:assay:test:1";

class Envelope : public testing::Test {
 protected:
  void SetUp() override {
    keys_ = generate_key_pair();
    predicate_ = {{"k_cu_per_h", 3.0}, {"samples", {1, 2, 3}}, {"name", "\xC3\xB6"}};
    subjects_ = {{"result.json", std::string(64, 'a')}};
    envelope_ = seal(predicate_, kType, subjects_, keys_.private_pem);
  }

  [[nodiscard]] Opened open(const json& envelope) const {
    return open_envelope(envelope, kType, keys_.public_pem, "c.json");
  }
  /// An envelope around any payload, with a signature that holds.
  [[nodiscard]] json signed_payload(const std::string& payload) const {
    json envelope = envelope_;
    envelope["payload"] = base64_encode(payload);
    envelope["signatures"][0]["sig"] =
        base64_encode(sign(keys_.private_pem, pre_authentication_encoding(kPayloadType, payload)));
    return envelope;
  }
  [[nodiscard]] json statement() const {
    return parse_json(*base64_decode(envelope_.at("payload").get<std::string>()), "payload");
  }
  void refuses(const json& envelope, ExitCode code, const std::vector<std::string>& parts) const {
    const std::string line = error_line([&] { (void)open(envelope); }, code);
    for (const std::string& part : parts) {
      EXPECT_NE(line.find(part), std::string::npos) << "\"" << part << "\" is not in: " << line;
    }
  }

  KeyPair keys_;
  json predicate_;
  std::vector<Subject> subjects_;
  json envelope_;
};

TEST(PreAuthenticationEncoding, PublishedVector) {
  EXPECT_EQ(pre_authentication_encoding("http://example.com/HelloWorld", "hello world"),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(pre_authentication_encoding("", ""), "DSSEv1 0  0 ");
}

TEST_F(Envelope, OpensWhatWasSealed) {
  const Opened opened = open(parse_json(readable_json(envelope_), "c.json"));
  EXPECT_EQ(opened.predicate, predicate_);
  EXPECT_EQ(digest(opened.predicate), digest(predicate_));
  ASSERT_EQ(opened.subjects.size(), 1U);
  EXPECT_EQ(opened.subjects[0].name, "result.json");
  EXPECT_EQ(opened.subjects[0].sha256, subjects_[0].sha256);
  EXPECT_EQ(opened.key_ids, std::vector<std::string>{keys_.key_id});
  EXPECT_EQ(opened.verified_key_id, keys_.key_id);
  EXPECT_EQ(statement().at("_type"), "https://in-toto.io/Statement/v1");
}

TEST_F(Envelope, WithoutAKeyNothingIsVerified) {
  const Opened opened = open_envelope(envelope_, kType, "", "c.json");
  EXPECT_EQ(opened.verified_key_id, "");
  EXPECT_EQ(opened.key_ids, std::vector<std::string>{keys_.key_id});
}

TEST_F(Envelope, OtherKeysDoNotOpenIt) {
  const KeyPair others = generate_key_pair();
  const std::string line =
      error_line([&] { (void)open_envelope(envelope_, kType, others.public_pem, "c.json"); },
                 ExitCode::failed_check);
  EXPECT_NE(line.find(others.key_id.substr(0, 16)), std::string::npos) << line;
  EXPECT_NE(line.find(keys_.key_id.substr(0, 16)), std::string::npos) << line;
  // A label is no proof: another's signature under this key's id does not hold.
  json forged = seal(predicate_, kType, subjects_, others.private_pem);
  forged["signatures"][0]["keyid"] = keys_.key_id;
  refuses(forged, ExitCode::failed_check, {"c.json: /signatures/0/sig", "does not hold"});
}

TEST_F(Envelope, EveryFlippedByteShows) {
  const std::string payload = *base64_decode(envelope_["payload"].get<std::string>());
  for (std::size_t i = 0; i < payload.size(); ++i) {
    std::string changed = payload;
    changed[i] = static_cast<char>(changed[i] ^ 0x20);
    json envelope = envelope_;
    envelope["payload"] = base64_encode(changed);
    refuses(envelope, ExitCode::failed_check, {"does not hold"});
  }
  const std::string signature =
      *base64_decode(envelope_["signatures"][0]["sig"].get<std::string>());
  for (std::size_t i = 0; i < signature.size(); ++i) {
    std::string changed = signature;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    json envelope = envelope_;
    envelope["signatures"][0]["sig"] = base64_encode(changed);
    refuses(envelope, ExitCode::failed_check, {"does not hold"});
  }
}

TEST_F(Envelope, SecondSignatureMayBeTheOneAskedFor) {
  const KeyPair others = generate_key_pair();
  json envelope = seal(predicate_, kType, subjects_, others.private_pem);
  envelope["signatures"].push_back(envelope_["signatures"][0]);
  const Opened opened = open(envelope);
  EXPECT_EQ(opened.key_ids, (std::vector<std::string>{others.key_id, keys_.key_id}));
  EXPECT_EQ(opened.verified_key_id, keys_.key_id);
  envelope["signatures"].push_back(envelope_["signatures"][0]);
  refuses(envelope, ExitCode::usage, {"/signatures/2", "two signatures of one key"});
}

TEST_F(Envelope, RefusesWhatIsNoEnvelope) {
  const auto changed = [&](const std::function<void(json&)>& change) {
    json envelope = envelope_;
    change(envelope);
    return envelope;
  };
  refuses(changed([](json& e) { e["signatures"] = json::array(); }), ExitCode::usage,
          {"c.json: /signatures", "1 elements or more"});
  refuses(changed([](json& e) { e["payloadType"] = "text/plain"; }), ExitCode::usage,
          {"/payloadType", "in-toto+json"});
  refuses(changed([](json& e) { e["signatures"][0]["keyid"] = "lab"; }), ExitCode::usage,
          {"/signatures/0/keyid"});
  refuses(changed([](json& e) { e.erase("payload"); }), ExitCode::usage,
          {"missing field \"payload\""});
  refuses(changed([](json& e) { e["payloads"] = 1; }), ExitCode::usage,
          {"unknown field \"payloads\"", "did you mean \"payload\"?"});
  refuses(changed([](json& e) { e["payload"] = e["payload"].get<std::string>() + "\n"; }),
          ExitCode::usage, {"/payload", "not base64"});
  refuses(changed([](json& e) { e["signatures"][0]["sig"] = "A-_="; }), ExitCode::usage,
          {"/signatures/0/sig", "not base64"});
  refuses(json::array(), ExitCode::usage, {"expected an object, got an array"});
}

TEST_F(Envelope, RefusesOtherStatements) {
  refuses(signed_payload("hello world"), ExitCode::usage, {"c.json: /payload:1:1"});
  json other = statement();
  other["predicateType"] = "urn:assay:other:1";
  refuses(signed_payload(other.dump()), ExitCode::usage, {"urn:assay:other:1", kType});
  other = statement();
  other["_type"] = "https://in-toto.io/Statement/v0.1";
  refuses(signed_payload(other.dump()), ExitCode::usage, {"/_type"});
  other = statement();
  other["subject"][0]["digest"]["sha256"] = "ab";
  refuses(signed_payload(other.dump()), ExitCode::usage, {"/subject/0/digest/sha256"});
}

TEST_F(Envelope, SealsOnlyWhatCanBeReadBack) {
  expect_input_error(
      [&] {
        (void)seal({{"a", std::nan("")}}, kType, subjects_, keys_.private_pem);
      },
      {"finite"});
  expect_input_error(
      [&] {
        (void)seal({{"a", ~std::uint64_t{0}}}, kType, subjects_, keys_.private_pem);
      },
      {"2^53"});
  expect_input_error([&] { (void)seal(predicate_, kType, {}, keys_.private_pem); }, {"/subject"});
  expect_input_error([&] { (void)seal(predicate_, kType, subjects_, "no key"); }, {"key"});
}

TEST(Base64, VectorsOfRfc4648) {
  const std::vector<std::pair<std::string, std::string>> vectors = {{"", ""},
                                                                    {"f", "Zg=="},
                                                                    {"fo", "Zm8="},
                                                                    {"foo", "Zm9v"},
                                                                    {"foob", "Zm9vYg=="},
                                                                    {"fooba", "Zm9vYmE="},
                                                                    {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
}

TEST(Base64, OneTextForEachMeaning) {
  for (const char* text : {"Zg", "Zg=", "Zh==", "Zm9=", "Zm9v\n", " Zm9v", "Zm9v    ", "Zm-_",
                           "=Zg=", "Z===", "====", "Zg==Zg=="}) {
    EXPECT_FALSE(base64_decode(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace assay
