#pragma once
/// Operations as documents (results/schema/ledger-operation.schema.json) and as the bytes that are
/// signed and chained: RFC 8785 canonical JSON with every decimal written out.
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "pricing/ledger/operations.h"
#include "results/keys.h"

namespace assay::pricing::ledger {

/// An Ed25519 signature (results/keys.h) of an operation's canonical bytes, under DSSE's
/// pre-authentication encoding with kOperationType.
struct OperationSignature {
  std::string key_id;
  std::string signature;  ///< 64 bytes
};

struct SignedOperation {
  Operation operation;
  std::vector<OperationSignature> signatures;
};

inline constexpr const char* kOperationType = "application/vnd.assay.ledger-operation+json";

/// The bytes that stand for the operation.
[[nodiscard]] std::string canonical_text(const Operation& operation);
/// Signatures as canonical JSON, in the order given.
[[nodiscard]] std::string canonical_text(const std::vector<OperationSignature>& signatures);

/// Errors: input_error naming `where` for anything but what canonical_text() writes.
[[nodiscard]] Operation operation_from_canonical(const std::string& text, const std::string& where);
[[nodiscard]] std::vector<OperationSignature> signatures_from_canonical(const std::string& text,
                                                                        const std::string& where);

/// A document of an operation, with its signatures if it has any. Errors: input_error naming the
/// path in the document.
[[nodiscard]] SignedOperation operation_from_document(const nlohmann::json& document,
                                                      const std::string& where);
[[nodiscard]] nlohmann::json operation_document(const SignedOperation& signed_operation);

/// One body's part of a document, "redeem" for instance. Errors: as above.
[[nodiscard]] Body body_from_json(const nlohmann::json& part, std::string_view kind,
                                  const std::string& where);

/// Adds a signature by this key. Errors: input_error where it has signed already.
void add_signature(SignedOperation& signed_operation, const PrivateKey& key);

/// Whether a signature is that key's.
[[nodiscard]] bool signature_holds(const std::string& operation_text,
                                   const OperationSignature& signature, const PublicKey& key);

}  // namespace assay::pricing::ledger
