#include "pricing/revocations.h"

#include "base/error.h"
#include "pricing/calendar.h"
#include "results/csv.h"
#include "results/document.h"

namespace assay::pricing {

Revocations parse_revocations(std::string_view text, const std::string& file) {
  const CsvTable table = parse_csv(text, file, {"certificate", "effective_utc", "reason"});
  Revocations revocations;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    for (const std::string& column : table.header) {
      if (table.at(row, column).empty()) {
        throw input_error("is empty", table.where(row, column), "fill it in");
      }
    }
    const std::string effective =
        checked_instant(table.at(row, "effective_utc"), table.where(row, "effective_utc"));
    const bool added =
        revocations
            .emplace(table.at(row, "certificate"), Revocation{effective, table.at(row, "reason")})
            .second;
    if (!added) {
      throw input_error("the certificate stands there twice", table.where(row, "certificate"),
                        "keep the revocation that took effect first");
    }
  }
  return revocations;
}

Revocations read_revocations(const std::filesystem::path& path) {
  return parse_revocations(read_file(path), path.string());
}

std::string why_revoked(const Certificate& certificate, const Revocations& revocations,
                        const std::string& date_utc) {
  const auto said = certificate.predicate.find("revocation");
  if (said != certificate.predicate.end() && !said->at("value").is_null()) {
    return "revoked: " + said->at("value").get<std::string>();
  }
  const auto found = revocations.find(certificate.certificate_id);
  if (found == revocations.end() || date_utc < found->second.effective_utc) return {};
  return "revoked from " + found->second.effective_utc + ": " + found->second.reason;
}

std::string why_not_valid(const Certificate& certificate, const Revocations& revocations,
                          const std::string& date_utc) {
  if (certificate.issued_utc > date_utc) {
    return "the certificate was not yet issued: " + certificate.issued_utc;
  }
  if (certificate.valid_until_utc < date_utc) {
    return "the certificate expired: " + certificate.valid_until_utc;
  }
  const std::string revoked = why_revoked(certificate, revocations, date_utc);
  return revoked.empty() ? revoked : "the certificate was " + revoked;
}

std::string why_not_credited(const Certificate& certificate, const std::string& basket,
                             const Revocations& revocations, const std::string& date_utc) {
  if (certificate.basket.name != basket) {
    return "the certificate is of another basket: " + certificate.basket.name;
  }
  std::string invalid = why_not_valid(certificate, revocations, date_utc);
  if (!invalid.empty()) return invalid;
  const Assessment& assessment = certificate.assessment;
  if (assessment.grade != "certified") return "uncertified: the grade is " + assessment.grade;
  if (!assessment.k_cert_cu_per_h.has_value()) {
    return "the certificate has no K_cert: " + assessment.k_cert_cu_per_h.reason;
  }
  if (*assessment.k_cert_cu_per_h.value <= 0) return "K_cert is not above 0";
  return {};
}

}  // namespace assay::pricing
