#pragma once
/// The certificate: an assessment, what it is about, who signs it. A DSSE envelope around an
/// in-toto Statement whose subject is the result document's digest.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "results/edition/assessment.h"
#include "results/envelope.h"
#include "results/result.h"

namespace assay {

inline constexpr const char* kCertificateType = "urn:assay:certificate:1";

/// What the laboratory declares; all else is derived.
struct CertificateRequest {
  std::string laboratory;  ///< empty: null with a reason
  std::string customer;
  std::string signatory;
  std::string issued_utc;  ///< RFC 3339; empty: now
  int validity_days = 365;
};

struct Certificate {
  std::string certificate_id;  ///< urn:uuid
  std::string issued_utc;
  std::string valid_until_utc;
  std::string result_digest;
  BasketRecord basket;
  DeviceRecord device;
  std::int64_t device_count = 1;
  Assessment assessment;
  std::vector<std::string> key_ids;
  std::string verified_key_id;  ///< empty where no key was given
  nlohmann::json predicate;     ///< the whole signed content
};

/// Assesses and signs. Errors: those of assess(), and of the key.
[[nodiscard]] nlohmann::json certify(const ResultDocument& result, const std::string& result_digest,
                                     const CertificateRequest& request,
                                     const std::string& private_pem);

/// A certificate of an envelope that was opened. Errors: input_error naming `where` and the field.
[[nodiscard]] Certificate certificate_from(const Opened& opened, const std::string& where);

/// Reads an envelope strictly. public_pem may be empty: then the signature is not judged.
[[nodiscard]] Certificate read_certificate(const std::filesystem::path& path,
                                           const std::string& public_pem);

/// The detail of a line whose figures came out the same again.
inline constexpr const char* kDerivedEqual = "derived again, equal";

/// One line of an audit of a certificate.
struct VerifyLine {
  std::string name;
  bool passed = false;
  std::string detail;
};

/// Audits: signature (where a key is given), schema, validity, revocation, edition, basket, and,
/// given the result, its digest and every derived figure again, one line a section and one a figure
/// of the assessment; without it, whether the figures agree with each other. A missing figure is a
/// failing figure; a null with a reason must be null again, for the same reason. Errors:
/// input_error where the file is no envelope of a certificate, or the key is unusable; everything
/// else is a line.
[[nodiscard]] std::vector<VerifyLine> verify_certificate(const std::filesystem::path& certificate,
                                                         const std::string& public_pem,
                                                         const ResultDocument* result,
                                                         const std::string& result_digest);

/// A Markdown page a person can read: grade, K with its interval, budget, items, item
/// identification, conditions, digests, how to verify.
[[nodiscard]] std::string certificate_markdown(const Certificate& certificate);

}  // namespace assay
