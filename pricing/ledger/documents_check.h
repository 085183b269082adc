#pragma once
/// What a ledger took from documents, taken from them again: amounts from claims by the programmes'
/// evaluator, K_cert from certificates.
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "pricing/ledger/invariants.h"

namespace assay::pricing::ledger {

/// Files and folders with claims, programmes and certificates, known by their digests. Other
/// documents are passed over.
struct DocumentPlaces {
  std::vector<std::filesystem::path> places;
  std::string laboratory_pem;  ///< public
};

struct DerivedAgain {
  std::size_t evaluations = 0;
  std::size_t certificates = 0;
  Findings of_evaluations;
  Findings of_certificates;  ///< of those that redemptions rest on
};

/// Why a redemption's amount or K_cert, which `before` is about to take, are not what the documents
/// say; empty where they are. A document that is not there is a reason.
using HeldAgainstDocuments = std::function<std::string(const State& before, const Redeem& redeem)>;

/// Errors: input_error for places that can't be read.
[[nodiscard]] HeldAgainstDocuments held_against(const DocumentPlaces& documents);

/// A document that is not there is a finding. Errors: input_error for places that can't be read.
[[nodiscard]] DerivedAgain derive_again(std::span<const Record> records,
                                        const DocumentPlaces& documents);

}  // namespace assay::pricing::ledger
