#include "results/envelope.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "results/base64.h"
#include "results/document.h"
#include "results/json_path.h"
#include "results/keys.h"

namespace assay {
namespace {

using nlohmann::json;

std::string decoded(const json& field, const std::string& where, const std::string& pointer) {
  auto bytes = base64_decode(field.get_ref<const std::string&>());
  if (!bytes) throw input_error("is not base64", place(where, pointer));
  return std::move(*bytes);
}

/// Throws unless the signature of that key is there and holds. A key id is only a label that
/// anyone may write: it selects, the signature decides.
void require_signature(const json& signatures, const std::string& public_pem,
                       const std::string& signed_bytes, const std::string& key_id,
                       const std::string& where) {
  std::string others;
  for (std::size_t i = 0; i < signatures.size(); ++i) {
    const std::string present = signatures[i].at("keyid").get<std::string>();
    if (present != key_id) {
      others += " " + present.substr(0, 16);
      continue;
    }
    const std::string pointer = fmt::format("/signatures/{}/sig", i);
    const std::string signature = decoded(signatures[i].at("sig"), where, pointer);
    if (!verify_signature(public_pem, signed_bytes, signature)) {
      throw check_error("the signature does not hold: the content or the signature was changed",
                        place(where, pointer));
    }
    return;
  }
  throw check_error(fmt::format("not signed by the key {}", key_id.substr(0, 16)), where,
                    "signed by" + others);
}

}  // namespace

std::string pre_authentication_encoding(std::string_view payload_type, std::string_view payload) {
  return fmt::format("DSSEv1 {} {} {} {}", payload_type.size(), payload_type, payload.size(),
                     payload);
}

json seal(const json& predicate, const std::string& predicate_type,
          const std::vector<Subject>& subjects, const std::string& private_pem) {
  json subject_list = json::array();
  for (const Subject& subject : subjects) {
    subject_list.push_back({{"name", subject.name}, {"digest", {{"sha256", subject.sha256}}}});
  }
  const json statement = {{"_type", kStatementType},
                          {"subject", subject_list},
                          {"predicateType", predicate_type},
                          {"predicate", predicate}};
  validate(statement, "statement", "statement");
  // Refuses what would not be read back as it is: NaN, integers beyond 2^53, text not in UTF-8.
  const std::string payload = readable_json(statement);
  const std::string signature =
      sign(private_pem, pre_authentication_encoding(kPayloadType, payload));
  const std::string key_id = key_id_of(public_pem_of(private_pem));
  return {{"payloadType", kPayloadType},
          {"payload", base64_encode(payload)},
          {"signatures", json::array({{{"keyid", key_id}, {"sig", base64_encode(signature)}}})}};
}

Opened open_envelope(const json& envelope, const std::string& predicate_type,
                     const std::string& public_pem, const std::string& where) {
  validate(envelope, "envelope", where);
  const std::string payload = decoded(envelope.at("payload"), where, "/payload");
  const json& signatures = envelope.at("signatures");
  Opened opened;
  for (std::size_t i = 0; i < signatures.size(); ++i) {
    const std::string pointer = fmt::format("/signatures/{}", i);
    decoded(signatures[i].at("sig"), where, pointer + "/sig");
    const auto key_id = signatures[i].at("keyid").get<std::string>();
    if (std::find(opened.key_ids.begin(), opened.key_ids.end(), key_id) != opened.key_ids.end()) {
      throw input_error("two signatures of one key", place(where, pointer));
    }
    opened.key_ids.push_back(key_id);
  }
  if (!public_pem.empty()) {
    const std::string key_id = key_id_of(public_pem);
    require_signature(signatures, public_pem, pre_authentication_encoding(kPayloadType, payload),
                      key_id, where);
    opened.verified_key_id = key_id;
  }

  const std::string inside = place(where, "/payload");
  const json statement = parse_json(payload, inside);
  validate(statement, "statement", inside);
  const auto type = statement.at("predicateType").get<std::string>();
  if (type != predicate_type) {
    throw input_error(fmt::format("is a \"{}\", not a \"{}\"", excerpt(type), predicate_type),
                      inside);
  }
  for (const json& subject : statement.at("subject")) {
    opened.subjects.push_back({subject.at("name").get<std::string>(),
                               subject.at("digest").at("sha256").get<std::string>()});
  }
  opened.predicate = statement.at("predicate");
  return opened;
}

}  // namespace assay
