#include "pricing/ledger/redeem_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "base/error.h"
#include "pricing/ledger/certificate_document.h"
#include "pricing/ledger/claim_amount.h"
#include "pricing/ledger/decimal.h"
#include "pricing/ledger/operations_json.h"
#include "pricing/ledger/store.h"
#include "pricing/programme/library.h"
#include "results/document.h"
#include "results/json_path.h"
#include "results/test_key.h"

namespace assay::pricing::ledger {

namespace {

using Json = nlohmann::json;

/// What the other documents say must not be said again; `certificate` may be, and must then agree.
Json read_redemption(const RedeemDocuments& documents, const std::string& certificate_digest) {
  const std::string where = documents.redemption.string();
  Json body = parse_json(read_file(documents.redemption), where);
  if (!body.is_object()) return body;  // the schema says what is wrong
  if (!documents.claim.empty()) {
    for (const char* name : {"rule_amount_cny", "evaluation", "evaluation_digest"}) {
      if (!body.contains(name)) continue;
      throw input_error("the amount is what the programme finds for the claim",
                        place(where, std::string("/") + name), "leave it out");
    }
    // Stands for them until the claim is evaluated.
    body["rule_amount_cny"] = "0";
    body["evaluation_digest"] = std::string(certificate_digest.size(), '0');
  } else if (body.contains("evaluation")) {
    throw input_error("an evaluation without its claim", place(where, "/evaluation"),
                      "give the claim: --claim");
  }
  if (!body.contains("certificate")) body["certificate"] = certificate_digest;
  return body;
}

/// The basket that the voucher's money is for, by all who name one.
std::set<std::string> baskets_of(const State& state, const Redeem& redeem,
                                 const programme::Programme* rule, const programme::Claim* claim) {
  std::set<std::string> baskets;
  const Voucher* voucher = state.voucher(redeem.voucher);
  if (voucher != nullptr) {
    const auto& ceilings = state.programmes.at(voucher->issue.programme).ceilings;
    const auto rate = ceilings.find(redeem.rate_version);
    if (rate != ceilings.end() && !rate->second.basket.empty()) baskets.insert(rate->second.basket);
  }
  if (rule != nullptr && rule->rate_ceiling.value) {
    baskets.insert(rule->rate_ceiling.value->basket);
  }
  if (claim != nullptr && claim->verified_cu) baskets.insert(claim->verified_cu->basket);
  return baskets;
}

/// The certificate as the ledger has it.
Certificate hold_certificate(const State& state, const Redeem& redeem,
                             const CertificateDocument& document, std::set<std::string> baskets,
                             const std::filesystem::path& revocations) {
  const Revocations list = revocations.empty() ? Revocations() : read_revocations(revocations);
  const auto found = state.certificates.find(document.digest);
  const auto revoked_from_s =
      found == state.certificates.end() ? std::nullopt : found->second.revoked_from_s;
  if (baskets.empty()) baskets.insert(document.certificate.basket.name);
  for (const std::string& basket : baskets) {
    hold_uses(redeem, document, basket, list, revoked_from_s);
  }
  if (found == state.certificates.end()) {
    throw input_error("the certificate " + document.digest + " is not registered", document.where,
                      "have the regulator register it: assay ledger certificate");
  }
  hold_registration(found->second.registered, document);
  return found->second;
}

/// What a reader must know beside the entry: how the amount came about, and by which K_cert.
void say_trace(Said& said, const Redeem& redeem, const RegisterCertificate& registered,
               bool is_test_key) {
  const std::string amount = cny_text(redeem.rule_amount_fen);
  const std::string k_cert = cu_text(registered.k_cert_ucu_per_hour);
  said.document["rule_amount_cny"] = amount;
  said.document["certificate"] = redeem.certificate;
  said.document["k_cert_cu_per_hour"] = k_cert;
  said.document["test_key"] = is_test_key;
  if (redeem.evaluation) {
    const Evaluation& evaluation = *redeem.evaluation;
    said.text += fmt::format("\nrule        {} CNY by {} {} of claim {}", amount,
                             evaluation.programme, evaluation.version, evaluation.claim);
  } else {
    said.text += fmt::format("\nrule        {} CNY as stated, worked out in {}", amount,
                             redeem.evaluation_digest);
  }
  said.text += fmt::format("\ncredited    at most {} CU/h by certificate {}", k_cert,
                           redeem.certificate.substr(0, 12));
  if (is_test_key) said.text += std::string("\nWARNING     ") + kTestKeyWarning;
}

}  // namespace

Said redeem(const Request& request, const RedeemDocuments& documents) {
  const CertificateDocument document =
      read_certificate_document(documents.certificate, read_file(documents.laboratory_key));
  const std::string where = documents.redemption.string();
  Body body = body_from_json(read_redemption(documents, document.digest), "redeem", where);
  auto& redeem = std::get<Redeem>(body);
  if (redeem.certificate != document.digest) {
    throw input_error("the redemption names another certificate than " + document.where,
                      place(where, "/certificate"), "leave it out, or give that certificate");
  }
  Store store(request.ledger, Database::Mode::write);
  const State& state = store.state();
  Certificate registered;
  if (documents.claim.empty()) {
    registered =
        hold_certificate(state, redeem, document, baskets_of(state, redeem, nullptr, nullptr),
                         documents.revocations);
  } else {
    const programme::Claim claim = programme::read_claim(documents.claim);
    const programme::Library library = programme::programmes_with(documents.programmes);
    const programme::Programme& rule = programme::programme_of(library, claim);
    registered = hold_certificate(state, redeem, document, baskets_of(state, redeem, &rule, &claim),
                                  documents.revocations);
    redeem.evaluation_digest.clear();
    const Redemption* there = state.redemption(redeem.redemption);
    if (there != nullptr && there->redeem.evaluation &&
        there->redeem.evaluation->claim_digest == claim.digest) {
      // Asked again: by now this very redemption stands on the claim. The key decides (store.h).
      redeem.rule_amount_fen = there->redeem.rule_amount_fen;
      redeem.evaluation = there->redeem.evaluation;
    } else {
      ClaimAmount found = amount_of_claim(state, redeem, rule, claim);
      redeem.rule_amount_fen = found.amount_fen;
      redeem.evaluation = std::move(found.evaluation);
    }
  }
  const Redeem posted = redeem;
  Said said = post_in(store, request, std::move(body));
  say_trace(said, posted, registered.registered, signed_by_test_key(document.certificate));
  return said;
}

Said register_certificate(const Request& request, const std::filesystem::path& certificate,
                          const std::filesystem::path& laboratory_key,
                          const std::vector<std::string>& devices) {
  const CertificateDocument document =
      read_certificate_document(certificate, read_file(laboratory_key));
  const RegisterCertificate body = registration_of(document, devices);
  Store store(request.ledger, Database::Mode::write);
  Said said = post_in(store, request, body);
  said.text +=
      fmt::format("\ncertificate {}\nK_cert      {} CU/h, basket {}, devices {}", body.certificate,
                  cu_text(body.k_cert_ucu_per_hour), body.basket, fmt::join(body.devices, ", "));
  said.document["certificate"] = body.certificate;
  said.document["k_cert_cu_per_hour"] = cu_text(body.k_cert_ucu_per_hour);
  said.document["devices"] = body.devices;
  if (signed_by_test_key(document.certificate)) {
    said.text += std::string("\nWARNING     ") + kTestKeyWarning;
  }
  return said;
}

}  // namespace assay::pricing::ledger
