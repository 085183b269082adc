#include "pricing/ledger/documents_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/error.h"
#include "pricing/documents.h"
#include "pricing/ledger/certificate_document.h"
#include "pricing/ledger/claim_amount.h"
#include "pricing/ledger/decimal.h"
#include "pricing/ledger/invariant_checks.h"
#include "pricing/programme/library.h"
#include "results/document.h"

namespace assay::pricing::ledger {

namespace {

using Json = nlohmann::json;

/// The documents by digest.
class Documents {
 public:
  explicit Documents(const DocumentPlaces& documents) : laboratory_pem_(documents.laboratory_pem) {
    for (const auto& path : documents_of(documents.places)) {
      const Json document = parse_json(read_file(path), path.string());
      // A list as `assay programme show --json` prints it.
      if (document.is_array()) {
        for (const Json& each : document) add_programme(each, path.string());
      }
      add_programme(document, path.string());
      if (kind_of(document) == "assay.claim") claims_[assay::digest(document)] = path;
      if (document.contains("payloadType")) certificates_[assay::digest(document)] = path;
    }
  }

  [[nodiscard]] programme::Claim claim_of(const std::string& digest) const {
    return programme::read_claim(path_of(claims_, digest, "claim"));
  }
  [[nodiscard]] const programme::Programme& rule_of(const std::string& digest) const {
    const auto found = std::find_if(library_.begin(), library_.end(),
                                    [&](const auto& each) { return each.digest == digest; });
    if (found == library_.end()) throw missing("programme", digest);
    return *found;
  }
  [[nodiscard]] CertificateDocument certificate_of(const std::string& digest) const {
    return read_certificate_document(path_of(certificates_, digest, "certificate"),
                                     laboratory_pem_);
  }

 private:
  using Paths = std::map<std::string, std::filesystem::path>;

  /// One version may have stood in several files over the years: it is its digest that counts.
  void add_programme(const Json& document, const std::string& where) {
    if (kind_of(document) != "assay.programme") return;
    library_.push_back(programme::programme_from_json(document, where));
  }

  static std::string kind_of(const Json& document) {
    if (!document.is_object()) return {};
    const auto schema = document.find("schema");
    if (schema == document.end() || !schema->is_object() || !schema->contains("name") ||
        !schema->at("name").is_string()) {
      return {};
    }
    return schema->at("name").get<std::string>();
  }

  static Error missing(const char* kind, const std::string& digest) {
    return input_error(fmt::format("no {} with the digest {} is among the documents", kind, digest),
                       "--documents", "keep every document that the ledger names");
  }

  static const std::filesystem::path& path_of(const Paths& paths, const std::string& digest,
                                              const char* kind) {
    const auto found = paths.find(digest);
    if (found == paths.end()) throw missing(kind, digest);
    return found->second;
  }

  std::string laboratory_pem_;
  programme::Library library_ = programme::built_in_programmes();
  Paths claims_;
  Paths certificates_;
};

/// `check`'s answer, or the line of the error that kept it from one.
template <class Check>
std::string answer_of(const Check& check) {
  try {
    return check();
  } catch (const Error& error) {
    return error.line();
  }
}

/// Empty where the claim gives what was recorded.
std::string why_other_amount(const State& before, const Redeem& redeem,
                             const Documents& documents) {
  const Evaluation& said = *redeem.evaluation;
  const ClaimAmount found =
      amount_of_claim(before, redeem, documents.rule_of(said.programme_digest),
                      documents.claim_of(said.claim_digest));
  const Evaluation& again = found.evaluation;
  if (found.amount_fen != redeem.rule_amount_fen) {
    return fmt::format("its claim gives {} CNY, recorded are {}", cny_text(found.amount_fen),
                       cny_text(redeem.rule_amount_fen));
  }
  if (again.programme != said.programme || again.version != said.version ||
      again.claim != said.claim || again.paid_before_fen != said.paid_before_fen) {
    return "its documents are of another programme, version, claim or earlier payment";
  }
  return {};
}

std::string why_other_certificate(const State& before, const Redeem& redeem,
                                  const Documents& documents) {
  const auto found = before.certificates.find(redeem.certificate);
  if (found == before.certificates.end()) return {};  // the rules say that it is not registered
  return answer_of([&] {
    hold_registration(found->second.registered, documents.certificate_of(redeem.certificate));
    return std::string();
  });
}

}  // namespace

HeldAgainstDocuments held_against(const DocumentPlaces& places) {
  return [documents = std::make_shared<const Documents>(places)](const State& before,
                                                                 const Redeem& redeem) {
    std::string why = why_other_certificate(before, redeem, *documents);
    if (!why.empty() || !redeem.evaluation) return why;
    return answer_of([&] { return why_other_amount(before, redeem, *documents); });
  };
}

DerivedAgain derive_again(std::span<const Record> records, const DocumentPlaces& places) {
  const Documents documents(places);
  DerivedAgain again;
  std::set<std::string> certificates_done;
  State state;
  for (const Record& record : records) {
    if (const auto* redeem = std::get_if<Redeem>(&record.operation.body)) {
      const auto hold = [&](Findings& findings, const std::string& why) {
        if (why.empty()) return;
        note(findings,
             fmt::format("entry {}: redemption {}: {}", record.id, redeem->redemption, why));
      };
      if (redeem->evaluation) {
        ++again.evaluations;
        hold(again.of_evaluations,
             answer_of([&] { return why_other_amount(state, *redeem, documents); }));
      }
      if (certificates_done.insert(redeem->certificate).second) {
        ++again.certificates;
        hold(again.of_certificates, why_other_certificate(state, *redeem, documents));
      }
    }
    carry_out(state, record.operation, record.circumstances, record.postings);
  }
  return again;
}

}  // namespace assay::pricing::ledger
