/// assay verify: audits a certificate, as a stranger would.
#include <filesystem>
#include <memory>
#include <optional>

#include "results/certificate.h"
#include "results/document.h"
#include "results/keys.h"
#include "results/result_io.h"
#include "support/context.h"
#include "support/table.h"

namespace assay::cli {
namespace {

struct VerifyOptions {
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::filesystem::path result;
};

void verify_certificate(const VerifyOptions& options, Context& context) {
  std::optional<ResultDocument> result;
  std::string result_digest;
  if (!options.result.empty()) {
    const nlohmann::json document = parse_json(read_file(options.result), options.result.string());
    result_digest = digest(document);
    result = result_from_json(document, options.result.string());
  }
  const std::string public_pem = options.key.empty() ? std::string() : read_public_key(options.key);
  const auto lines = verify_certificate(options.certificate, public_pem,
                                        result ? &*result : nullptr, result_digest);
  Table table({{"check"}, {"verdict"}, {"detail"}});
  nlohmann::json checks = nlohmann::json::array();
  std::size_t derived = 0;
  std::size_t failed = 0;
  std::string first_failed;
  for (const VerifyLine& line : lines) {
    // Figures that came out the same again are one row; each that did not has its own.
    if (line.passed && line.detail == kDerivedEqual) {
      ++derived;
    } else {
      table.add({line.name, line.passed ? "pass" : "FAIL", line.detail});
    }
    checks.push_back({{"name", line.name}, {"passed", line.passed}, {"detail", line.detail}});
    if (line.passed) continue;
    if (failed++ == 0) first_failed = line.name + ": " + line.detail;
  }
  const bool passed = failed == 0;
  if (derived > 0) {
    table.add({std::to_string(derived) + " groups of figures", "pass", std::string(kDerivedEqual)});
  }
  say(context, table.text());
  // Anyone can write a certificate that agrees with itself: only a signature makes it somebody's.
  const bool verified = passed && !options.key.empty();
  std::string verdict = verified ? "VERIFIED"
                        : passed ? "CONSISTENT, but nobody's signature was checked: give --key"
                                 : "NOT VERIFIED";
  if (passed && !result) verdict += "; figures were not derived again: give --result";
  say(context, verdict);
  say_json(context, {{"verified", verified},
                     {"checks_passed", passed},
                     {"signature_checked", !options.key.empty()},
                     {"figures_derived_again", result.has_value()},
                     {"checks", checks}});
  if (passed) return;
  if (failed > 1) first_failed += "; " + std::to_string(failed - 1) + " more";
  context.failure = check_error("not verified: " + first_failed, options.certificate.string());
}

}  // namespace

void add_verify(CLI::App& app, Context& context) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = add_command(
      app, context, "verify", "Audit a certificate: signature, validity, all figures again",
      "assay verify certificate.json --key laboratory.key.pub --result result.json",
      [options, &context] { verify_certificate(*options, context); });
  command->add_option("certificate", options->certificate, "Certificate to audit")->required();
  command->add_option("-k,--key", options->key, "Public key of the laboratory");
  command->add_option("-r,--result", options->result,
                      "Result document: derive every figure again from its raw samples");
}

}  // namespace assay::cli
