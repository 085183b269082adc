/// The invariant about amounts that the programme's evaluator found, read from the records alone.
/// That the amounts are right is shown by the documents: documents_check.h.
#include <fmt/format.h>

#include <map>

#include "pricing/ledger/invariant_checks.h"
#include "pricing/ledger/quantity.h"

namespace assay::pricing::ledger {

namespace {

struct Part {
  std::int64_t amount_fen = 0;
  std::int64_t quantity_ucu = 0;
  std::int64_t net_ucu = 0;
};

using Name = std::pair<std::string, std::string>;

std::int64_t payable_of(const Record& record) {
  std::int64_t payable = 0;
  for (const Posting& posting : record.postings) {
    if (posting.account == Account::payable) payable += posting.amount;
  }
  return payable;
}

}  // namespace

Findings evaluated_by_rule(const History& history) {
  Findings findings;
  std::map<Name, const SetRule*> rules;
  std::map<std::string, std::string> programme_of_voucher;
  std::map<std::string, Part> parts;                  // by redemption
  std::map<Name, std::vector<std::string>> of_claim;  // redemptions by programme and claim
  for (const Record& record : history.records) {
    const Body& body = record.operation.body;
    if (const auto* rule = std::get_if<SetRule>(&body)) {
      rules[{rule->programme, rule->version}] = rule;
    } else if (const auto* issue = std::get_if<Issue>(&body)) {
      programme_of_voucher[issue->voucher] = issue->programme;
    } else if (const auto* refund = std::get_if<Refund>(&body)) {
      parts[refund->redemption].net_ucu -= refund->quantity_ucu;
    } else if (const auto* claw_back = std::get_if<ClawBack>(&body)) {
      if (!claw_back->redemption.empty()) {
        parts[claw_back->redemption].net_ucu -= claw_back->quantity_ucu;
      }
    }
    const auto* redeem = std::get_if<Redeem>(&body);
    if (redeem == nullptr) continue;
    parts[redeem->redemption] = {payable_of(record), redeem->quantity_ucu, redeem->quantity_ucu};
    const std::string& programme = programme_of_voucher[redeem->voucher];
    const auto rule = rules.find({programme, redeem->rule_version});
    if (rule == rules.end()) continue;  // valid-at-use says so
    if (!redeem->evaluation) {
      if (rule->second->evaluated) {
        note(findings, fmt::format("entry {}: redemption {} names no claim, its rule pays by one",
                                   record.id, redeem->redemption));
      }
      continue;
    }
    const Evaluation& evaluation = *redeem->evaluation;
    if (evaluation.programme != programme || evaluation.programme_digest != rule->second->digest) {
      note(findings, fmt::format("entry {}: redemption {} was evaluated by another document",
                                 record.id, redeem->redemption));
    }
    auto& earlier = of_claim[{evaluation.programme, evaluation.claim}];
    Total before = 0;
    for (const std::string& name : earlier) {
      const Part& part = parts[name];
      if (part.net_ucu > 0 && part.quantity_ucu > 0) {
        before += share_of(part.amount_fen, part.net_ucu, part.quantity_ucu);
      }
    }
    if (before != evaluation.paid_before_fen) {
      note(findings,
           fmt::format("entry {}: claim {} got {} fen before, its evaluation says {}", record.id,
                       evaluation.claim, text(before), evaluation.paid_before_fen));
    }
    earlier.push_back(redeem->redemption);
  }
  return findings;
}

}  // namespace assay::pricing::ledger
