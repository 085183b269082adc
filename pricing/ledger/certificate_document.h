#pragma once
/// What a ledger knows of a certificate, read from the certificate's own document: K_cert, the time
/// it is valid, its basket and its devices.
#include <filesystem>
#include <string>

#include "pricing/ledger/state.h"
#include "pricing/revocations.h"
#include "results/certificate.h"

namespace assay::pricing::ledger {

struct CertificateDocument {
  assay::Certificate certificate;
  std::string digest;  ///< of the envelope's canonical form
  std::string where;   ///< its file
};

/// Errors: those of read_certificate(); the key must be the laboratory's.
[[nodiscard]] CertificateDocument read_certificate_document(const std::filesystem::path& path,
                                                            const std::string& laboratory_pem);

/// As it is registered: K_cert rounded down to micro-CU, valid through the last instant it names.
/// `devices` are named by the regulator, and only where the certificate names no device by UUID.
/// Errors: input_error: not of grade certified, without K_cert, revoked in its own text, devices.
[[nodiscard]] RegisterCertificate registration_of(const CertificateDocument& document,
                                                  const std::vector<std::string>& devices);

/// Whether a ledger's registration says what the document says. Errors: input_error naming both
/// figures where it does not.
void hold_registration(const RegisterCertificate& registered, const CertificateDocument& document);

/// Whether each use is credited by the certificate. Errors: input_error: expired, not yet issued,
/// revoked (in its own text, by the list, or by the ledger from `revoked_from_s`), of another
/// basket, not of that device.
void hold_uses(const Redeem& redeem, const CertificateDocument& document, const std::string& basket,
               const Revocations& revocations, std::optional<std::int64_t> revoked_from_s);

}  // namespace assay::pricing::ledger
