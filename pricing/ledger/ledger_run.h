#pragma once
/// What `assay voucher` and `assay ledger` do. Each function opens the ledger, does one thing and
/// says what it did, as text and as a document.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pricing/ledger/operations.h"

namespace assay::pricing::ledger {

class Store;

/// Who asks, as the command takes it.
struct Request {
  std::filesystem::path ledger;
  std::string actor;
  std::string reason;
  std::string key;                          ///< idempotency key; empty: a new random one
  std::vector<std::filesystem::path> sign;  ///< private keys of those who sign
  std::filesystem::path draft;              ///< write the operation here instead of posting it
  std::filesystem::path anchors;            ///< settle: where the new head is anchored
};

/// What a command prints. With a `failure`, one line, the exit code is 1.
struct Said {
  std::string text;
  nlohmann::json document;
  std::string failure = {};
};

/// Opens a new ledger. Errors: as post.
[[nodiscard]] Said open_ledger(const Request& request, const std::string& name,
                               const std::string& second_signature_above_cny);

/// Builds the operation, signs it, posts it. Errors: input_error for what can't be read or written,
/// check_error where the rules refuse: then nothing was written.
[[nodiscard]] Said post_body(const Request& request, Body body);

/// The same in a ledger that is open already.
[[nodiscard]] Said post_in(Store& store, const Request& request, Body body);

/// Where claims, programmes and certificates are filed, and the public key of the laboratory that
/// signed the certificates: both or neither.
struct Filed {
  std::vector<std::filesystem::path> documents;  ///< files and folders
  std::filesystem::path laboratory_key;
};

/// Posts operations from files, each a document of `ledger-operation` or lines of such documents
/// (.jsonl), in one transaction; request.sign adds signatures. Refused ones are listed. A
/// redemption on a claim is posted only where the filed documents give its amount again.
[[nodiscard]] Said post_files(const Request& request,
                              const std::vector<std::filesystem::path>& files, const Filed& filed);

/// Adds signatures to an operation's file.
[[nodiscard]] Said sign_file(const std::vector<std::filesystem::path>& keys,
                             const std::filesystem::path& file);

/// One voucher, or a list of all.
[[nodiscard]] Said show_vouchers(const std::filesystem::path& ledger, const std::string& voucher);

/// What `assay ledger check` holds the ledger against; each may be empty.
struct HeldAgainst {
  std::filesystem::path anchors;
  std::filesystem::path anchor_key;  ///< public
  Filed filed;
};
[[nodiscard]] Said check(const std::filesystem::path& ledger, const HeldAgainst& against);
[[nodiscard]] Said anchor(const std::filesystem::path& ledger, const std::filesystem::path& anchors,
                          const std::filesystem::path& key);
/// `format`: hledger, focus-1.2, focus-1.4.
[[nodiscard]] Said export_ledger(const std::filesystem::path& ledger, const std::string& format,
                                 const std::filesystem::path& output);
[[nodiscard]] Said statement(const std::filesystem::path& ledger, const std::string& programme);
[[nodiscard]] Said reconcile_files(const std::filesystem::path& ledger,
                                   const std::filesystem::path& payments,
                                   const std::filesystem::path& bank);

}  // namespace assay::pricing::ledger
