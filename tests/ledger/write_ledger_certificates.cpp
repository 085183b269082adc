/// Writes the certificates that voucher_test.py redeems under: of one simulated result, of a device
/// "gpu-0" of about 1.2 CU/h, signed by the test key. Each but the first differs from it in what a
/// redemption must look at.
///
///   ledger_certificates FOLDER PRIVATE_KEY
#include <filesystem>
#include <iostream>

#include "base/error.h"
#include "results/certificate.h"
#include "results/document.h"
#include "results/envelope.h"
#include "results/keys.h"
#include "results/result_io.h"
#include "support/sample_result.h"

namespace {

using namespace assay;
using nlohmann::json;

Opened simulated_certificate(const std::string& private_pem) {
  ResultDocument result = certified_sample_result("tb1", "simulated GPU", 1.2);
  result.device.uuid = Stated<std::string>::known("gpu-0");
  CertificateRequest request;
  request.laboratory = "TEST KEY: no laboratory, simulated results";
  request.issued_utc = "2025-12-31T16:00:00Z";
  request.validity_days = 3650;
  const std::string of_result = digest(to_json(result));
  return open_envelope(certify(result, of_result, request, private_pem), kCertificateType, {},
                       "certificate.json");
}

void write_all(const std::filesystem::path& folder, const std::string& test_key) {
  const Opened opened = simulated_certificate(test_key);
  // One field is changed, by its JSON pointer.
  const auto write = [&](const char* file, const char* field, const json& value,
                         const std::string& key) {
    json predicate = opened.predicate;
    predicate[json::json_pointer(field)] = value;
    write_document(folder / file, seal(predicate, kCertificateType, opened.subjects, key));
  };
  const json same = opened.predicate.at("certificate_id");
  const json other = "urn:uuid:00000000-0000-4000-8000-000000000002";
  write("certificate.json", "/certificate_id", same, test_key);
  write("again.json", "/certificate_id", other, test_key);
  write("expired.json", "/valid_until_utc", "2026-01-01T00:00:00Z", test_key);
  write("lite.json", "/method/basket/name", "tb1-lite", test_key);
  write("nameless.json", "/item/device/uuid", {{"value", nullptr}, {"reason", "none"}}, test_key);
  write("indicative.json", "/assessment/grade", "indicative", test_key);
  write("revoked.json", "/revocation", {{"value", "a false statement"}}, test_key);
  write("stranger.json", "/certificate_id", same, generate_key_pair().private_pem);
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 3) {
    std::cerr << "usage: ledger_certificates FOLDER PRIVATE_KEY\n";
    return 2;
  }
  try {
    write_all(arguments[1], read_file(arguments[2]));
  } catch (const Error& error) {
    std::cerr << error.line() << '\n';
    return 1;
  }
  return 0;
}
