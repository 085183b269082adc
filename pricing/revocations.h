#pragma once
/// Certificates that were revoked since they were issued, as a registry states it: what the
/// certificate itself, signed before, cannot say.
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "results/certificate.h"

namespace assay::pricing {

struct Revocation {
  std::string effective_utc;  ///< uses from then on do not count
  std::string reason;
};

/// By certificate id.
using Revocations = std::map<std::string, Revocation>;

/// CSV with the columns certificate (its id), effective_utc, reason. Errors: input_error naming
/// file, line and column: what results/csv.h refuses, an empty field, an instant that does not
/// exist, a certificate that stands there twice.
[[nodiscard]] Revocations read_revocations(const std::filesystem::path& path);
[[nodiscard]] Revocations parse_revocations(std::string_view text, const std::string& file);

/// Why the certificate does not count at `date_utc`, by the list or by what it says itself; empty
/// where it was not revoked by then.
[[nodiscard]] std::string why_revoked(const Certificate& certificate,
                                      const Revocations& revocations, const std::string& date_utc);

/// Why the certificate does not count at `date_utc`: not yet issued, expired (it is valid through
/// the last instant it names), or revoked; empty where it does.
[[nodiscard]] std::string why_not_valid(const Certificate& certificate,
                                        const Revocations& revocations,
                                        const std::string& date_utc);

/// Why a device-hour at `date_utc` is not credited by the certificate: it is of another basket, not
/// valid then, not of grade certified, or has no K_cert above 0; empty where it is.
[[nodiscard]] std::string why_not_credited(const Certificate& certificate,
                                           const std::string& basket,
                                           const Revocations& revocations,
                                           const std::string& date_utc);

}  // namespace assay::pricing
