#include "pricing/ledger/certificate_document.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "pricing/ledger/decimal.h"
#include "pricing/ledger/quantity.h"
#include "pricing/money.h"
#include "pricing/rational.h"
#include "results/document.h"

namespace assay::pricing::ledger {

namespace {

constexpr int kMicro = 1'000'000;

std::vector<std::string> uuids_of(const assay::Certificate& certificate) {
  std::vector<std::string> uuids;
  const auto add = [&](const Stated<std::string>& uuid) {
    if (uuid.has_value()) uuids.push_back(*uuid.value);
  };
  if (certificate.assessment.many_devices) {
    for (const DeviceFigures& device : certificate.assessment.many_devices->devices) {
      add(device.uuid);
    }
  } else {
    add(certificate.device.uuid);
  }
  return uuids;
}

std::int64_t k_cert_ucu(const CertificateDocument& document) {
  const double value = *document.certificate.assessment.k_cert_cu_per_h.value;
  const Rational micro =
      parse_decimal(shortest_decimal(value, document.where), document.where) * Rational(kMicro);
  const Integer down =
      boost::multiprecision::numerator(micro) / boost::multiprecision::denominator(micro);
  return to_int64(down, document.where);
}

}  // namespace

CertificateDocument read_certificate_document(const std::filesystem::path& path,
                                              const std::string& laboratory_pem) {
  const std::string where = path.string();
  const nlohmann::json envelope = parse_json(read_file(path), where);
  return {certificate_from(open_envelope(envelope, kCertificateType, laboratory_pem, where), where),
          digest(envelope), where};
}

RegisterCertificate registration_of(const CertificateDocument& document,
                                    const std::vector<std::string>& devices) {
  const assay::Certificate& certificate = document.certificate;
  // What it says of itself: a list of revocations is asked when it is used.
  const std::string why =
      why_not_credited(certificate, certificate.basket.name, {}, certificate.issued_utc);
  if (!why.empty()) {
    throw input_error(why, document.where, "give a certificate of grade certified that stands");
  }
  const std::vector<std::string> uuids = uuids_of(certificate);
  if (uuids.empty() == devices.empty()) {
    throw input_error(
        uuids.empty() ? "the certificate names no device by UUID"
                      : "the certificate names its devices itself",
        document.where,
        uuids.empty() ? "name the devices that it is of: --device" : "leave out --device");
  }
  RegisterCertificate body;
  body.certificate = document.digest;
  body.basket = certificate.basket.name;
  body.k_cert_ucu_per_hour = k_cert_ucu(document);
  body.from_s = parse_instant_s(certificate.issued_utc, document.where);
  body.until_s = parse_instant_s(certificate.valid_until_utc, document.where) + 1;
  body.devices = uuids.empty() ? devices : uuids;
  return body;
}

void hold_registration(const RegisterCertificate& registered, const CertificateDocument& document) {
  const auto differs = [&](const char* what, const std::string& ours, const std::string& theirs) {
    if (ours == theirs) return;
    throw input_error(
        fmt::format("{}: the certificate says {}, the ledger registered {}", what, theirs, ours),
        document.where, "register the certificate by its document: assay ledger certificate");
  };
  const bool is_by_uuid = !uuids_of(document.certificate).empty();
  const RegisterCertificate said =
      registration_of(document, is_by_uuid ? std::vector<std::string>() : registered.devices);
  differs("digest", registered.certificate, said.certificate);
  differs("basket", registered.basket, said.basket);
  differs("K_cert in CU/h", cu_text(registered.k_cert_ucu_per_hour),
          cu_text(said.k_cert_ucu_per_hour));
  differs("valid from", instant_text(registered.from_s), instant_text(said.from_s));
  differs("valid until", instant_text(registered.until_s), instant_text(said.until_s));
  differs("devices", fmt::format("{}", fmt::join(registered.devices, ", ")),
          fmt::format("{}", fmt::join(said.devices, ", ")));
}

void hold_uses(const Redeem& redeem, const CertificateDocument& document, const std::string& basket,
               const Revocations& revocations, std::optional<std::int64_t> revoked_from_s) {
  const auto wrong = [&](const std::string& what) {
    return input_error(what, document.where, "redeem under a certificate valid at the time of use");
  };
  const std::vector<std::string> uuids = uuids_of(document.certificate);
  for (const DeviceUse& use : redeem.uses) {
    for (const std::int64_t instant_s : {use.start_s, use.end_s - 1}) {
      const std::string why =
          why_not_credited(document.certificate, basket, revocations, instant_text(instant_s));
      if (!why.empty()) throw wrong(why);
    }
    if (revoked_from_s && use.end_s > *revoked_from_s) {
      throw wrong("the ledger has it revoked from " + instant_text(*revoked_from_s));
    }
    if (!uuids.empty() && std::find(uuids.begin(), uuids.end(), use.device) == uuids.end()) {
      throw wrong(fmt::format("the certificate is not of device '{}'", use.device));
    }
  }
}

}  // namespace assay::pricing::ledger
