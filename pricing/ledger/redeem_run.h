#pragma once
/// `assay voucher redeem` and `assay ledger certificate`: operations made of documents that others
/// signed or filed, so that nobody types K_cert or an amount.
#include <filesystem>
#include <string>
#include <vector>

#include "pricing/ledger/ledger_run.h"

namespace assay::pricing::ledger {

struct RedeemDocuments {
  /// JSON: the definition `redeem` of ledger-operation without what the other documents say.
  std::filesystem::path redemption;
  /// Empty: the voucher pays by its own rate, and the redemption states its amount itself.
  std::filesystem::path claim;
  std::vector<std::filesystem::path> programmes;  ///< beside the built-in ones
  std::filesystem::path certificate;
  std::filesystem::path laboratory_key;  ///< public
  std::filesystem::path revocations;     ///< empty: none
};

/// Reads and holds all of them against each other and the ledger, then posts. Errors: input_error
/// for what can't be used or does not agree (claim_amount.h, certificate_document.h); check_error
/// where a signature does not hold or rules refuse. Nothing is written then.
[[nodiscard]] Said redeem(const Request& request, const RedeemDocuments& documents);

/// Registers a certificate by its document. `devices`: where it names none.
[[nodiscard]] Said register_certificate(const Request& request,
                                        const std::filesystem::path& certificate,
                                        const std::filesystem::path& laboratory_key,
                                        const std::vector<std::string>& devices);

}  // namespace assay::pricing::ledger
