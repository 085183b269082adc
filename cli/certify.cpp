/// assay certify: result -> signed certificate.
#include <filesystem>
#include <memory>

#include "results/atomic_file.h"
#include "results/certificate.h"
#include "results/document.h"
#include "results/keys.h"
#include "results/result_io.h"
#include "support/certificate_table.h"
#include "support/context.h"

namespace assay::cli {
namespace {

struct CertifyOptions {
  std::filesystem::path result;
  std::filesystem::path key;
  std::filesystem::path output = "certificate.json";
  std::filesystem::path report;
  CertificateRequest request;
};

void certify(const CertifyOptions& options, const Context& context) {
  // Before anything is written: a path that can't be would leave the other document behind.
  check_file_can_be_written(options.output);
  if (!options.report.empty()) check_file_can_be_written(options.report);
  const nlohmann::json document = parse_json(read_file(options.result), options.result.string());
  const std::string private_pem = read_private_key(options.key);
  const nlohmann::json envelope = certify(result_from_json(document, options.result.string()),
                                          digest(document), options.request, private_pem);
  write_document(options.output, envelope);
  const Certificate certificate = read_certificate(options.output, public_pem_of(private_pem));
  if (!options.report.empty()) {
    write_file_atomically(options.report, certificate_markdown(certificate));
  }
  say(context, certificate_table(certificate));
  say(context, "certificate  " + options.output.string());
  say_json(context, certificate.predicate);
}

}  // namespace

void add_certify(CLI::App& app, Context& context) {
  auto options = std::make_shared<CertifyOptions>();
  CLI::App* command = add_command(app, context, "certify",
                                  "Derive every figure of a result and sign them as a certificate",
                                  "assay certify result.json --key laboratory.key -o "
                                  "certificate.json",
                                  [options, &context] { certify(*options, context); });
  command->add_option("result", options->result, "Result document of assay run")->required();
  command->add_option("-k,--key", options->key, "Private key (assay keygen)")->required();
  command->add_option("-o,--output", options->output, "Certificate to write")
      ->capture_default_str();
  command->add_option("--report", options->report, "Also write a Markdown page");
  command->add_option("--laboratory", options->request.laboratory, "Laboratory's name and address");
  command->add_option("--customer", options->request.customer, "Customer's name and address");
  command->add_option("--signatory", options->request.signatory, "Who authorises the certificate");
  command->add_option("--validity-days", options->request.validity_days, "Days it is valid")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
}

}  // namespace assay::cli
