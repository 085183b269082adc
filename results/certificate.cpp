#include "results/certificate.h"

#include "base/error.h"
#include "results/certificate_content.h"
#include "results/document.h"
#include "results/edition/assessment_json.h"
#include "results/result_io.h"

namespace assay {
namespace {

using nlohmann::json;

constexpr const char* kSubject = "assay-result";

}  // namespace

json certify(const ResultDocument& result, const std::string& result_digest,
             const CertificateRequest& request, const std::string& private_pem) {
  json predicate = declared_content(request);
  predicate.update(derived_content(result, result_digest));
  validate(predicate, "certificate", "certificate");
  return seal(predicate, kCertificateType, {{kSubject, result_digest}}, private_pem);
}

Certificate certificate_from(const Opened& opened, const std::string& where) {
  const json& predicate = opened.predicate;
  validate(predicate, "certificate", where);
  Certificate certificate;
  predicate.at("certificate_id").get_to(certificate.certificate_id);
  predicate.at("issued_utc").get_to(certificate.issued_utc);
  predicate.at("valid_until_utc").get_to(certificate.valid_until_utc);
  predicate.at("digests").at("result").get_to(certificate.result_digest);
  if (opened.subjects.size() != 1 || opened.subjects[0].sha256 != certificate.result_digest) {
    throw input_error("the statement's subject is not the result that the certificate names",
                      where);
  }
  const json& basket = predicate.at("method").at("basket");
  basket.at("name").get_to(certificate.basket.name);
  basket.at("version").get_to(certificate.basket.version);
  basket.at("digest").get_to(certificate.basket.digest);
  certificate.device = device_from_json(predicate.at("item").at("device"));
  predicate.at("item").at("device_count").get_to(certificate.device_count);
  certificate.assessment = assessment_from_json(predicate.at("assessment"));
  certificate.key_ids = opened.key_ids;
  certificate.verified_key_id = opened.verified_key_id;
  certificate.predicate = predicate;
  return certificate;
}

Certificate read_certificate(const std::filesystem::path& path, const std::string& public_pem) {
  const std::string where = path.string();
  const json envelope = parse_json(read_file(path), where);
  return certificate_from(open_envelope(envelope, kCertificateType, public_pem, where), where);
}

}  // namespace assay
