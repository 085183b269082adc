#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "results/certificate.h"
#include "results/certificate_content.h"
#include "results/document.h"
#include "results/edition/arithmetic.h"
#include "results/edition/basket.h"
#include "results/edition/edition.h"
#include "results/figure_comparison.h"
#include "results/utc_time.h"

namespace assay {
namespace {

using nlohmann::json;

VerifyLine signature_line(const json& envelope, const std::string& public_pem,
                          const std::string& where) {
  try {
    const Opened opened = open_envelope(envelope, kCertificateType, public_pem, where);
    return {"signature", true, "ed25519, key " + opened.verified_key_id};
  } catch (const Error& error) {
    // An unusable key or envelope is the caller's mistake, not a verdict.
    if (error.code() != ExitCode::failed_check) throw;
    return {"signature", false, error.line()};
  }
}

VerifyLine validity_line(const Certificate& certificate) {
  const std::string now = utc_now();
  const std::string span = certificate.issued_utc + " to " + certificate.valid_until_utc;
  if (now < certificate.issued_utc) return {"validity", false, "not yet valid: " + span};
  if (now > certificate.valid_until_utc) return {"validity", false, "expired: " + span};
  return {"validity", true, span};
}

VerifyLine revocation_line(const Certificate& certificate) {
  const json& revocation = certificate.predicate.at("revocation");
  if (revocation.at("value").is_null()) {
    return {"revocation", true, revocation.at("reason").get<std::string>()};
  }
  return {"revocation", false, revocation.at("value").get<std::string>()};
}

VerifyLine edition_line(const Certificate& certificate) {
  const std::string& edition = certificate.assessment.edition;
  if (edition == kEdition) return {"edition", true, edition};
  return {"edition", false,
          fmt::format("{} is not an edition of this program, which knows {}", edition, kEdition)};
}

VerifyLine basket_line(const Certificate& certificate) {
  const BasketRecord& named = certificate.basket;
  const std::string label = named.name + " " + named.version;
  const auto names = basket_names();
  if (std::find(names.begin(), names.end(), named.name) == names.end()) {
    return {"basket", false, "this program has no basket " + label};
  }
  const Basket known = load_basket(named.name);
  if (known.digest != named.digest || known.version != named.version) {
    return {"basket", false,
            fmt::format("{} has digest {}, this program's {} has {}", label, named.digest,
                        known.version, known.digest)};
  }
  return {"basket", true, label + ", digest " + named.digest};
}

VerifyLine result_digest_line(const Certificate& certificate, const std::string& result_digest) {
  if (certificate.result_digest == result_digest) return {"result digest", true, result_digest};
  return {"result digest", false,
          fmt::format("the certificate is about {}, the result given is {}",
                      certificate.result_digest, result_digest)};
}

VerifyLine compare_line(const std::string& name, const json& stated, const json& derived) {
  const Comparison comparison = compare_figures(stated, derived, name);
  if (!comparison.agrees) return {name, false, comparison.difference};
  return {name, true,
          comparison.worst_deviation > 0.0
              ? fmt::format("within {:.1e}", comparison.worst_deviation)
              : kDerivedEqual};
}

VerifyLine arithmetic_line(const Assessment& assessment) {
  const std::string contradiction = arithmetic_contradiction(assessment);
  if (!contradiction.empty()) return {"arithmetic", false, contradiction};
  return {"arithmetic", true, "K, its uncertainty and K_cert follow from the figures beside them"};
}

/// One line for each workload of a list, by its name.
void compare_workloads(const std::string& place, const json& stated, const json& derived,
                       std::vector<VerifyLine>& lines) {
  if (stated.size() != derived.size()) {
    lines.push_back(
        {place, false, fmt::format("{} entries, derived {}", stated.size(), derived.size())});
    return;
  }
  for (std::size_t i = 0; i < derived.size(); ++i) {
    const auto name = derived[i].at("workload").get<std::string>();
    lines.push_back(compare_line(fmt::format("{}[{}]", place, name), stated[i], derived[i]));
  }
}

/// Derives everything again; one line a section, and one a figure within the assessment.
void audit_figures(const Certificate& certificate, const ResultDocument& result,
                   const std::string& result_digest, std::vector<VerifyLine>& lines) {
  json derived;
  try {
    derived = derived_content(result, result_digest);
  } catch (const Error& error) {
    lines.push_back({"assessment", false, "can't be derived: " + error.line()});
    return;
  }
  const json& stated = certificate.predicate;
  for (const auto& [section, value] : derived.items()) {
    if (section != "assessment") {
      lines.push_back(compare_line(section, stated.at(section), value));
      continue;
    }
    for (const auto& [figure, stated_figure] : stated.at(section).items()) {
      if (!value.contains(figure)) {
        lines.push_back({section + "." + figure, false, "the result has no such figure"});
      }
    }
    for (const auto& [figure, derived_figure] : value.items()) {
      const std::string place = section + "." + figure;
      if (!stated.at(section).contains(figure)) {
        lines.push_back({place, false, "the certificate lacks this figure"});
        continue;
      }
      const json& stated_figure = stated.at(section).at(figure);
      if (figure == "items" || figure == "kernels") {
        compare_workloads(place, stated_figure, derived_figure, lines);
      } else {
        lines.push_back(compare_line(place, stated_figure, derived_figure));
      }
    }
  }
}

}  // namespace

std::vector<VerifyLine> verify_certificate(const std::filesystem::path& path,
                                           const std::string& public_pem,
                                           const ResultDocument* result,
                                           const std::string& result_digest) {
  const std::string where = path.string();
  const json envelope = parse_json(read_file(path), where);
  std::vector<VerifyLine> lines;
  if (!public_pem.empty()) lines.push_back(signature_line(envelope, public_pem, where));
  // The rest is audited whoever signed: a wrong figure should be named beside a wrong signature.
  const Opened opened = open_envelope(envelope, kCertificateType, {}, where);
  Certificate certificate;
  try {
    certificate = certificate_from(opened, where);
  } catch (const Error& error) {
    lines.push_back({"schema", false, error.line()});
    return lines;
  }
  lines.push_back({"schema", true, "assay.certificate 1"});
  lines.push_back(validity_line(certificate));
  lines.push_back(revocation_line(certificate));
  lines.push_back(edition_line(certificate));
  lines.push_back(basket_line(certificate));
  if (result != nullptr) {
    lines.push_back(result_digest_line(certificate, result_digest));
    audit_figures(certificate, *result, result_digest, lines);
  } else {
    lines.push_back(arithmetic_line(certificate.assessment));
  }
  return lines;
}

}  // namespace assay
