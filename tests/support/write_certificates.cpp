/// Writes the certificates of the example cost sheets: simulated results of grade certified, signed
/// by the test key.
///
///   example_certificates FOLDER PRIVATE_KEY
#include <filesystem>
#include <iostream>

#include "base/error.h"
#include "results/certificate.h"
#include "results/document.h"
#include "results/result_io.h"
#include "support/sample_result.h"

namespace {

using namespace assay;

struct Simulated {
  const char* file;
  const char* device;
  const char* basket;
  double pflops;
};

/// 40 % of 989.4 TFLOP/s dense (H800) and 48 % of 312 (A800): made up, like the devices.
constexpr Simulated kSimulated[] = {
    {"simulated-h800.json", "simulated H800", "tb1", 0.39576},
    {"simulated-a800.json", "simulated A800", "tb1", 0.15},
    {"simulated-h800-lite.json", "simulated H800", "tb1-lite", 0.39576},
};

void write_certificate(const std::filesystem::path& folder, const Simulated& simulated,
                       const std::string& private_pem) {
  const ResultDocument result =
      certified_sample_result(simulated.basket, simulated.device, simulated.pflops);
  CertificateRequest request;
  request.laboratory = "TEST KEY: no laboratory, simulated results";
  request.customer = "nobody: an example";
  request.signatory = "TEST KEY";
  request.issued_utc = "2026-01-01T00:00:00Z";
  request.validity_days = 3650;
  const std::string digest_of_result = digest(to_json(result));
  write_document(folder / simulated.file, certify(result, digest_of_result, request, private_pem));
}

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count != 3) {
    std::cerr << "usage: example_certificates FOLDER PRIVATE_KEY\n";
    return 2;
  }
  try {
    const std::string private_pem = read_file(arguments[2]);
    for (const Simulated& simulated : kSimulated) {
      write_certificate(arguments[1], simulated, private_pem);
    }
  } catch (const Error& error) {
    std::cerr << error.line() << '\n';
    return 1;
  }
  return 0;
}
