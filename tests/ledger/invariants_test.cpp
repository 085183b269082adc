/// Each invariant violated on purpose, behind the rules' back, and found under its name.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "scenario.h"

namespace assay::pricing::ledger::test {
namespace {

template <class T>
T& body_of(Scenario& ledger, std::size_t nth = 0) {
  for (Record& record : ledger.records) {
    if (T* body = std::get_if<T>(&record.operation.body)) {
      if (nth-- == 0) return *body;
    }
  }
  throw std::logic_error("no such operation in the scenario");
}

template <class T>
Record& record_of(Scenario& ledger, std::size_t nth = 0) {
  for (Record& record : ledger.records) {
    if (std::holds_alternative<T>(record.operation.body) && nth-- == 0) return record;
  }
  throw std::logic_error("no such operation in the scenario");
}

std::int64_t& balance(Scenario& ledger, Account account) {
  return ledger.state.vouchers[0].balance[index_of(account)];
}

struct Violation {
  const char* invariant;
  const char* what;
  std::function<void(Scenario&)> act;
};

const std::vector<Violation>& violations() {
  static const std::vector<Violation> kAll{
      {"debits-equal-credits", "a fen out of nothing",
       [](Scenario& l) { record_of<Settle>(l).postings[2].amount += 1; }},
      {"debits-equal-credits", "a CU paid for with fen",
       [](Scenario& l) {
         auto& postings = record_of<Reserve>(l).postings;
         postings[1] = {Account::committed, postings[1].owner, postings[1].amount};
       }},
      {"cu-equation", "CU out of nothing", [](Scenario& l) { balance(l, Account::settled) += 1; }},
      {"money-equation", "a fen out of nothing",
       [](Scenario& l) { l.state.budgets[0].balance[1] += 1; }},
      {"money-equation", "a receivable that nobody claimed",
       [](Scenario& l) { balance(l, Account::receivable) += 1; }},
      {"nothing-negative", "an overdrawn place of CU",
       [](Scenario& l) {
         balance(l, Account::covered) -= 100 * kCu;
         balance(l, Account::reserved) += 100 * kCu;
       }},
      {"nothing-negative", "an overdrawn budget",
       [](Scenario& l) {
         l.state.budgets[0].balance[1] -= 1'000'000;
         l.state.budgets[0].balance[2] += 1'000'000;
       }},
      {"cap", "a cap lower than what is drawn",
       [](Scenario& l) { l.state.programmes["fixed"].rules["r1"].cap_fen = 100; }},
      {"cap", "a sum that is not its vouchers'",
       [](Scenario& l) { l.state.budgets[0].drawn_fen["group-1"] += 1; }},
      {"budget-not-overdrawn", "a budget cut under what is paid",
       [](Scenario& l) { l.state.budgets[0].balance[0] = -100; }},
      {"device-seconds-once", "the same hour again",
       [](Scenario& l) {
         body_of<Redeem>(l, 1).uses[0].start_s = body_of<Redeem>(l).uses[0].start_s;
       }},
      {"costs-once", "the same day of a contract again",
       [](Scenario& l) { body_of<Redeem>(l, 1).days = body_of<Redeem>(l).days; }},
      {"costs-once", "the same fen of an invoice again",
       [](Scenario& l) { body_of<Redeem>(l, 1).invoices = body_of<Redeem>(l).invoices; }},
      {"stack-within-cost", "two programmes that exclude each other",
       [](Scenario& l) {
         body_of<Redeem>(l, 2).invoices[0].line = body_of<Redeem>(l).invoices[0].line;
       }},
      {"stack-within-cost", "more subsidy than cost",
       [](Scenario& l) {
         auto& use = body_of<Redeem>(l).invoices[0];
         use.eligible_fen = use.counted_fen = 10;
       }},
      {"device-capacity", "more CU than K_cert gives",
       [](Scenario& l) { body_of<RegisterCertificate>(l).k_cert_ucu_per_hour /= 2; }},
      {"device-capacity", "CU that nothing made",
       [](Scenario& l) { body_of<Redeem>(l).uses[0].quantity_ucu -= 1; }},
      {"valid-at-use", "a certificate that ended before",
       [](Scenario& l) { body_of<RegisterCertificate>(l).until_s = kStart + 1; }},
      {"valid-at-use", "a rule version of another time",
       [](Scenario& l) { body_of<SetRule>(l).from_s = kStart + kDay; }},
      {"valid-at-use", "a rate version that does not exist",
       [](Scenario& l) { body_of<Redeem>(l).rate_version = "c9"; }},
      {"valid-at-use", "a use after the revocation",
       [](Scenario& l) {
         const auto revoke = std::find_if(l.records.begin(), l.records.end(), [](const Record& r) {
           return std::holds_alternative<RevokeCertificate>(r.operation.body);
         });
         std::rotate(l.records.begin() + 20, revoke, revoke + 1);
       }},
      {"refund-within-redeemed", "more given back than redeemed",
       [](Scenario& l) { body_of<Refund>(l).quantity_ucu = 9 * kCu; }},
      {"refund-within-redeemed", "a claw-back after a whole refund",
       [](Scenario& l) { body_of<ClawBack>(l).quantity_ucu = 11 * kCu; }},
      {"frozen-value", "a voucher worth more than at issue",
       [](Scenario& l) { l.state.vouchers[0].value_ucny_per_cu += 1; }},
      {"frozen-value", "a redemption above the programme's rule",
       [](Scenario& l) { body_of<Redeem>(l).rule_amount_fen = 1'999; }},
      {"valid-at-use", "CU of another basket",
       [](Scenario& l) { body_of<RegisterCertificate>(l, 2).basket = "tb1-lite"; }},
      {"evaluated-by-rule", "an amount by another document",
       [](Scenario& l) { body_of<Redeem>(l, 4).evaluation->programme_digest[0] = '0'; }},
      {"evaluated-by-rule", "a claim that forgets what it got before",
       [](Scenario& l) { body_of<Redeem>(l, 5).evaluation->paid_before_fen = 0; }},
      {"evaluated-by-rule", "a stated amount where the rule evaluates",
       [](Scenario& l) { body_of<Redeem>(l, 5).evaluation.reset(); }},
      {"authority", "an issue that nobody signed",
       [](Scenario& l) { record_of<Issue>(l).circumstances.verified_keys.clear(); }},
      {"authority", "an entry without a reason",
       [](Scenario& l) { record_of<Reserve>(l).operation.reason.clear(); }},
      {"authority", "an entry by somebody without the role",
       [](Scenario& l) { record_of<Reserve>(l).operation.actor = "issuer"; }},
      {"authority", "a change with one signature",
       [](Scenario& l) { record_of<SetRule>(l).circumstances.verified_keys.pop_back(); }},
      {"authority", "a large award with one signature",
       [](Scenario& l) {
         body_of<OpenLedger>(l).second_signature_above_fen = 39'999;
         record_of<Award>(l).circumstances.verified_keys.pop_back();
       }},
      {"keys-once", "a key used twice",
       [](Scenario& l) { l.records[9].operation.key = l.records[4].operation.key; }},
      {"keys-once", "an entry taken out",
       [](Scenario& l) { l.records.erase(l.records.end() - 2); }},
      {"replay", "a balance shifted from one place to another",
       [](Scenario& l) {
         balance(l, Account::settled) -= 1;
         balance(l, Account::clawed_back) += 1;
       }},
      {"replay", "an operation that the rules refuse",
       [](Scenario& l) { body_of<Issue>(l).quantity_ucu = 1'000 * kCu; }},
      {"replay", "an entry other than the rules give",
       [](Scenario& l) {
         std::swap(record_of<Settle>(l).postings[0], record_of<Settle>(l).postings[1]);
       }},
  };
  return kAll;
}

TEST(Invariants, HoldOfASoundLedger) {
  const Scenario ledger = full_scenario();
  for (const Breach& breach : breaches(ledger.history())) {
    ADD_FAILURE() << breach.invariant << ": " << breach.finding;
  }
  const State again = replay(ledger.records);
  for (const Breach& breach : breaches({ledger.records, again})) {
    ADD_FAILURE() << breach.invariant << ": " << breach.finding;
  }
}

TEST(Invariants, EachViolationIsFoundUnderItsName) {
  std::set<std::string> violated;
  for (const Violation& violation : violations()) {
    Scenario ledger = full_scenario();
    violation.act(ledger);
    const auto found = breaches(ledger.history());
    const bool named = std::any_of(found.begin(), found.end(), [&](const Breach& breach) {
      return breach.invariant == violation.invariant;
    });
    EXPECT_TRUE(named) << violation.invariant << " did not find: " << violation.what;
    violated.insert(violation.invariant);
  }
  for (const Invariant& invariant : invariants()) {
    EXPECT_TRUE(violated.contains(invariant.name)) << "nothing violates " << invariant.name;
  }
  std::printf("%zu invariants, %zu violations\n", invariants().size(), violations().size());
}

/// What the sums can't show, the checks of a single place do: each finds its violation alone.
TEST(Invariants, AreNeeded) {
  const std::vector<std::string> alone{"device-seconds-once", "costs-once",   "stack-within-cost",
                                       "device-capacity",     "valid-at-use", "frozen-value",
                                       "evaluated-by-rule",   "authority",    "keys-once"};
  for (const std::string& name : alone) {
    bool is_alone = false;
    for (const Violation& violation : violations()) {
      if (violation.invariant != name) continue;
      Scenario ledger = full_scenario();
      violation.act(ledger);
      const auto found = breaches(ledger.history());
      is_alone |= std::all_of(found.begin(), found.end(), [&](const Breach& breach) {
        return breach.invariant == name || breach.invariant == "replay";
      });
    }
    EXPECT_TRUE(is_alone) << name << " finds nothing that another check does not";
  }
}

}  // namespace
}  // namespace assay::pricing::ledger::test
