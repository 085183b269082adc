/// The rules by hand-computed cases: where CU and fen go, and what is refused.
#include <gtest/gtest.h>

#include "scenario.h"

namespace assay::pricing::ledger::test {
namespace {

/// A fixed programme with 600 CNY for each of two years, and devices.
Scenario plain(CommitsAt commits_at = CommitsAt::issue) {
  Scenario ledger;
  ledger.open_programme("p", commits_at);
  ledger.certify();
  ledger.fund("p", 2026, 60'000);
  ledger.fund("p", 2027, 60'000);
  return ledger;
}

void expect_sound(const Scenario& ledger) {
  for (const Breach& breach : breaches(ledger.history())) {
    ADD_FAILURE() << breach.invariant << ": " << breach.finding;
  }
}

TEST(Quantity, RoundsHalfEvenAndChecksBounds) {
  EXPECT_EQ(value_fen(kCu, 5'000'000), 500);  // 1 CU at 5 CNY
  EXPECT_EQ(value_fen(1'000, 5'000'000), 0);  // half a fen: to the even one
  EXPECT_EQ(value_fen(3'000, 5'000'000), 2);  // one and a half
  EXPECT_EQ(value_fen(1'001, 5'000'000), 1);
  EXPECT_EQ(share_of(5, 1, 2), 2);
  EXPECT_EQ(share_of(7, 1, 2), 4);
  EXPECT_EQ(capacity_ucu(2 * kCu, 1), 555);  // rounded down
  EXPECT_ANY_THROW((void)value_fen(INT64_MAX, INT64_MAX));
  EXPECT_ANY_THROW((void)checked_sum(INT64_MAX, 1));
  EXPECT_EQ(instant_text(year_start_s(2026, 480)), "2025-12-31T16:00:00Z");
  EXPECT_EQ(parse_instant_s("2025-12-31T16:00:00Z", "x"), year_start_s(2026, 480));
  EXPECT_ANY_THROW((void)parse_instant_s("2025-02-30T16:00:00Z", "x"));
}

TEST(Rules, EveryKindOfOperationIsSound) {
  const Scenario ledger = full_scenario();
  expect_sound(ledger);
  std::vector<bool> seen(std::variant_size_v<Body>);
  for (const Record& record : ledger.records) seen[record.operation.body.index()] = true;
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_TRUE(seen[i]) << "kind " << i;
}

TEST(Rules, TheWayOfAVoucher) {
  Scenario ledger = plain();
  ledger.must(issue("v", "p", 40 * kCu));  // 200.00 CNY
  EXPECT_EQ(ledger.of("v", Account::covered), 40 * kCu);
  EXPECT_EQ(ledger.of("v", Account::committed), 20'000);
  EXPECT_EQ(ledger.money("p", 2026, Account::free), 40'000);
  ledger.must(Reserve{"v", 30 * kCu});
  // The programme's rule gives less than 6 CU x 5 CNY: the rest stays committed until settlement.
  ledger.must(redeem("a", "v", 6 * kCu, 0, 2'000));
  EXPECT_EQ(ledger.of("v", Account::payable), 2'000);
  EXPECT_EQ(ledger.of("v", Account::held), 1'000);
  // It gives more: the voucher's value is what is paid.
  ledger.must(redeem("b", "v", 8 * kCu, 24, 1'000'000));
  EXPECT_EQ(ledger.of("v", Account::payable), 6'000);
  EXPECT_EQ(ledger.of("v", Account::committed), 13'000);
  ledger.must(Settle{"a", "payment-1"});
  EXPECT_EQ(ledger.of("v", Account::paid), 2'000);
  EXPECT_EQ(ledger.of("v", Account::held), 0);
  EXPECT_EQ(ledger.money("p", 2026, Account::free), 41'000);
  EXPECT_EQ(ledger.post(Settle{"a", "payment-2"}), "nothing-to-settle");
  // Before settlement a refund covers the CU again.
  ledger.must(Refund{"b", 3 * kCu});
  EXPECT_EQ(ledger.of("v", Account::payable), 2'500);
  EXPECT_EQ(ledger.of("v", Account::covered), 13 * kCu);
  EXPECT_EQ(ledger.of("v", Account::committed), 14'500);
  // After it, the money is claimed back and committed anew: 2 of 6 CU were paid 666.67.
  ledger.must(Refund{"a", 2 * kCu});
  EXPECT_EQ(ledger.of("v", Account::recovered), 667);
  EXPECT_EQ(ledger.of("v", Account::receivable), 667);
  EXPECT_EQ(ledger.of("v", Account::committed), 15'500);
  EXPECT_EQ(ledger.money("p", 2026, Account::free), 41'000 + 667 - 1'000);
  ledger.must(Receive{"v", 700, "bank-1"});
  EXPECT_EQ(ledger.of("v", Account::receivable), -33);  // more than was claimed
  ledger.must(ClawBack{"a", "", 4 * kCu});
  EXPECT_EQ(ledger.of("v", Account::recovered), 2'000);
  EXPECT_EQ(ledger.post(ClawBack{"b", "", kCu}), "not-settled");
  ledger.must(ClawBack{"", "v", 15 * kCu});
  EXPECT_EQ(ledger.of("v", Account::clawed_back), 19 * kCu);
  EXPECT_EQ(ledger.post(ClawBack{"", "v", kCu}), "not-enough-available");
  EXPECT_EQ(ledger.post(Expire{"v"}), "not-expired");
  ledger.now_s = ledger.voucher("v").issue.expires_s;
  EXPECT_EQ(ledger.post(Reserve{"v", 1}), "expired");
  ledger.must(Expire{"v"});
  EXPECT_EQ(ledger.of("v", Account::reserved), 0);
  EXPECT_EQ(ledger.of("v", Account::committed), 0);
  EXPECT_EQ(ledger.post(Expire{"v"}), "nothing-to-expire");
  // Expired: refunded CU do not come back to life.
  ledger.must(Refund{"b", 5 * kCu});
  EXPECT_EQ(ledger.of("v", Account::expired), ledger.of("v", Account::issued) - 19 * kCu);
  EXPECT_EQ(ledger.money("p", 2026, Account::free), 60'000);  // nothing stays paid
  expect_sound(ledger);
}

TEST(Rules, PartsAddUpToTheWhole) {
  // 1,001 uCU at 5 CNY are half a fen and a bit: monthly and at once come to the same.
  Scenario parts = plain();
  parts.must(issue("v", "p", 12 * 1'001));
  parts.must(Reserve{"v", 12 * 1'001});
  for (int i = 0; i < 12; ++i) {
    parts.must(redeem("m" + std::to_string(i), "v", 1'001, 24 * i, 100));
  }
  EXPECT_EQ(parts.of("v", Account::payable), value_fen(12 * 1'001, 5'000'000));
  EXPECT_EQ(parts.of("v", Account::committed), 0);
  for (int i = 0; i < 12; ++i) parts.must(Refund{"m" + std::to_string(i), 1'001});
  EXPECT_EQ(parts.of("v", Account::committed), value_fen(12 * 1'001, 5'000'000));
  expect_sound(parts);
}

/// 1,000 uCU are worth half a fen, 3,000 two. What a refund gives back in parts worth nothing is
/// not drawn a second time.
TEST(Rules, RefundsDoNotRaiseAVouchersValue) {
  Scenario ledger = plain(CommitsAt::reservation);
  ledger.must(issue("v", "p", 3'000));
  for (const int i : {0, 1, 2, 3}) {
    ledger.must(Reserve{"v", 1'000});
    ledger.must(redeem("r" + std::to_string(i), "v", 1'000, 24 * i, 100));
    if (i == 1) ledger.must(Refund{"r0", 1'000});
  }
  EXPECT_EQ(ledger.of("v", Account::payable), 2);
  EXPECT_EQ(ledger.of("v", Account::redeemed), 3'000);
  expect_sound(ledger);
}

TEST(Rules, CommitmentAtReservation) {
  Scenario ledger = plain(CommitsAt::reservation);
  ledger.must(issue("v", "p", 200 * kCu));  // 1,000 CNY of a budget of 600: contingent
  EXPECT_EQ(ledger.of("v", Account::contingent), 200 * kCu);
  EXPECT_EQ(ledger.of("v", Account::committed), 0);
  EXPECT_EQ(ledger.post(Reserve{"v", 110 * kCu}), "cap");
  EXPECT_EQ(ledger.post(Reserve{"v", 130 * kCu}), "budget");
  ledger.must(Reserve{"v", 100 * kCu});
  EXPECT_EQ(ledger.of("v", Account::committed), 50'000);
  ledger.must(Release{"v", 10 * kCu});
  EXPECT_EQ(ledger.of("v", Account::committed), 45'000);
  EXPECT_EQ(ledger.of("v", Account::contingent), 110 * kCu);
  ledger.must(redeem("a", "v", 10 * kCu, 0, 3'000));
  ledger.must(Refund{"a", 10 * kCu});
  EXPECT_EQ(ledger.of("v", Account::contingent), 120 * kCu);
  EXPECT_EQ(ledger.money("p", 2026, Account::free), 20'000);
  expect_sound(ledger);
}

TEST(Rules, BudgetCapAndAward) {
  Scenario ledger = plain();
  EXPECT_EQ(ledger.post(issue("v", "p", 121 * kCu)), "budget");
  EXPECT_EQ(ledger.post(issue("v", "p", 101 * kCu)), "cap");
  ledger.must(issue("v", "p", 100 * kCu));  // at the cap
  EXPECT_EQ(ledger.post(issue("w", "p", 3'000)), "cap");
  EXPECT_EQ(ledger.post(issue("w", "p", 21 * kCu, 2026, "group-2")), "budget");
  ledger.must(issue("w", "p", 20 * kCu, 2026, "group-2"));  // to the last fen
  ledger.must(issue("x", "p", 100 * kCu, 2027));            // another year, another cap
  EXPECT_EQ(ledger.post(issue("w", "p", kCu)), "voucher-exists");
  EXPECT_EQ(ledger.post(issue("y", "p", kCu, 2028)), "unknown-budget");
  EXPECT_EQ(ledger.post(issue("y", "q", kCu)), "unknown-programme");
  EXPECT_EQ(ledger.post(issue("y", "p", 0)), "amount");
  EXPECT_EQ(ledger.post(issue("y", "p", -5)), "amount");
  EXPECT_EQ(ledger.post(FundBudget{"p", 2026, -1}), "budget");
  EXPECT_EQ(ledger.post(FundBudget{"p", 2027, -10'001}), "budget");
  ledger.must(FundBudget{"p", 2027, -10'000});

  ledger.open_programme("most", CommitsAt::issue, AtClose::lapse, true);
  ledger.fund("most", 2026, 60'000);
  Issue body = issue("z", "most", 10 * kCu);
  EXPECT_EQ(ledger.post(body), "no-award");
  ledger.must(Award{"a", "most", body.applicant, 5'001, std::string(64, '8')});
  body.award = "a";
  ledger.must(body);
  body.voucher = "z2";
  body.quantity_ucu = 4'000;  // two fen
  EXPECT_EQ(ledger.post(body), "award-spent");
  ledger.must(Reserve{"z", 5 * kCu});
  ledger.must(redeem("r", "z", 2 * kCu, 0, 1'000));
  ledger.must(WithdrawAward{"a"});
  EXPECT_EQ(ledger.post(Reserve{"z", kCu}), "no-award");
  EXPECT_EQ(ledger.post(Settle{"r", "p"}), "no-award");
  expect_sound(ledger);
}

TEST(Rules, NothingIsCountedTwice) {
  Scenario ledger = plain();
  ledger.must(issue("v", "p", 40 * kCu));
  ledger.must(Reserve{"v", 40 * kCu});
  ledger.must(redeem("a", "v", 8 * kCu, 0, 2'000));  // gpu-0, hours 0 to 4
  EXPECT_EQ(ledger.post(redeem("a", "v", 2 * kCu, 24, 500)), "redemption-exists");
  EXPECT_EQ(ledger.post(redeem("b", "v", 2 * kCu, 3, 500)), "device-seconds");
  ledger.must(redeem("b", "v", 2 * kCu, 4, 500));
  Redeem again = redeem("c", "v", 2 * kCu, 5, 500);
  again.invoices[0].line.invoice_number = "a";
  EXPECT_EQ(ledger.post(again), "invoice-line");  // 80,000 + 80,000 of 100,000 fen
  again.invoices[0].counted_fen = 20'000;
  again.days[0].contract = "contract-a";
  EXPECT_EQ(ledger.post(again), "contract-days");
  again.days[0].contract = "contract-c";
  again.invoices[0].eligible_fen = 100'001;
  EXPECT_EQ(ledger.post(again), "invoice-line");  // another cost of the same line
  again.invoices[0].eligible_fen = 100'000;
  again.uses.push_back(again.uses[0]);
  again.quantity_ucu *= 2;
  EXPECT_EQ(ledger.post(again), "device-seconds");  // twice in one redemption
  again.uses.pop_back();
  EXPECT_EQ(ledger.post(again), "use");
  again.quantity_ucu /= 2;
  ledger.must(again);
  // Given back whole, what it counted is free again.
  ledger.must(Refund{"a", 8 * kCu});
  ledger.must(redeem("d", "v", 2 * kCu, 2, 500));
  // Another programme of another group stands on the same cost only where both allow it.
  ledger.open_programme("q");
  ledger.fund("q", 2026, 60'000);
  ledger.must(issue("w", "q", 40 * kCu, 2026, "group-2"));
  ledger.must(Reserve{"w", 40 * kCu});
  Redeem other = redeem("e", "w", 2 * kCu, 30, 500);
  other.invoices[0].line = again.invoices[0].line;
  EXPECT_EQ(ledger.post(other), "stacking");
  expect_sound(ledger);
}

TEST(Rules, SubsidiesOfAStackStayWithinTheCost) {
  Scenario ledger;
  for (const std::string name : {"p", "q"}) {
    OpenProgramme programme;
    programme.programme = name;
    programme.stack_group = name;
    programme.stacks_beside = {name == "p" ? "q" : "p"};
    ledger.must(programme);
    SetRule rule;
    rule.programme = name;
    rule.version = "r1";
    rule.from_s = kStart;
    rule.until_s = year_start_s(2028, 480);
    rule.share_ppm = 500'000;
    ledger.must(rule);
    ledger.must(SetCeiling{name, "c1", "", rule.from_s, rule.until_s, 10'000'000});
    ledger.fund(name, 2026, 100'000);
    ledger.must(issue("v" + name, name, 100 * kCu));
    ledger.must(Reserve{"v" + name, 100 * kCu});
  }
  ledger.certify();
  Redeem one = redeem("a", "vp", 20 * kCu, 0, 6'000);
  one.invoices[0].eligible_fen = 10'000;
  one.invoices[0].counted_fen = 10'000;
  ledger.must(one);
  Redeem two = redeem("b", "vq", 20 * kCu, 24, 4'001);
  two.invoices = one.invoices;
  EXPECT_EQ(ledger.post(two), "stacking");  // one fen beyond the cost
  two.rule_amount_fen = 4'000;
  ledger.must(two);
  expect_sound(ledger);
}

TEST(Rules, WhatARedemptionRestsOnIsValidAtTheTimeOfUse) {
  Scenario ledger = plain();
  ledger.must(issue("v", "p", 40 * kCu));
  ledger.must(Reserve{"v", 20 * kCu});
  const Redeem good = redeem("a", "v", 2 * kCu, 10, 500);
  const auto refused = [&](auto change) {
    Redeem body = good;
    change(body);
    return ledger.post(body);
  };
  EXPECT_EQ(refused([](Redeem& r) { r.voucher = "nobody"; }), "unknown-voucher");
  EXPECT_EQ(refused([](Redeem& r) { r.certificate = "x"; }), "certificate");
  EXPECT_EQ(refused([](Redeem& r) { r.uses[0].device = "x"; }), "certificate");
  EXPECT_EQ(refused([](Redeem& r) { r.rule_version = "r9"; }), "rule-version");
  EXPECT_EQ(refused([](Redeem& r) { r.rate_version = "c9"; }), "rate-version");
  EXPECT_EQ(refused([](Redeem& r) { r.uses[0].start_s = kStart - 1; }), "certificate");
  EXPECT_EQ(refused([](Redeem& r) { r.uses[0].end_s -= 1; }), "device-capacity");
  EXPECT_EQ(refused([](Redeem& r) { r.quantity_ucu = r.uses[0].quantity_ucu = 2 * kCu + 1; }),
            "device-capacity");
  EXPECT_EQ(refused([](Redeem& r) { r.quantity_ucu = r.uses[0].quantity_ucu = 21 * kCu; }),
            "not-enough-reserved");
  EXPECT_EQ(refused([](Redeem& r) { r.uses.clear(); }), "use");
  EXPECT_EQ(refused([](Redeem& r) { r.days.clear(); }), "contract-days");
  EXPECT_EQ(refused([](Redeem& r) { r.days[0].from_day += 1, r.days[0].until_day += 1; }),
            "contract-days");
  EXPECT_EQ(refused([](Redeem& r) { r.invoices.clear(); }), "invoice-line");
  EXPECT_EQ(refused([](Redeem& r) { r.invoices.push_back(r.invoices[0]); }), "invoice-line");
  EXPECT_EQ(refused([](Redeem& r) { r.rule_amount_fen = -1; }), "amount");
  EXPECT_EQ(ledger.post(redeem("a", "v", 2 * kCu, 24 * 50, 500)), "use-in-future");
  ledger.must(good);
  // Revoked from hour 12 on: later use is refused, earlier use stands, and what was redeemed of the
  // time after an earlier effective time is listed and not settled.
  ledger.must(redeem("b", "v", 2 * kCu, 12, 500));
  ledger.must(RevokeCertificate{kCertificate, kStart + 12 * kHour});
  EXPECT_EQ(ledger.post(redeem("c", "v", 2 * kCu, 13, 500)), "certificate-revoked");
  ASSERT_EQ(due_for_claw_back(ledger.state).size(), 1U);
  EXPECT_EQ(due_for_claw_back(ledger.state)[0].redemption, "b");
  EXPECT_EQ(ledger.post(Settle{"b", "x"}), "due-for-claw-back");
  ledger.must(Settle{"a", "x"});
  ledger.must(ReverseInvoice{good.invoices[0].line, std::string(64, '7')});
  EXPECT_EQ(due_for_claw_back(ledger.state).size(), 2U);
  ledger.must(ClawBack{"a", "", 2 * kCu});
  EXPECT_EQ(due_for_claw_back(ledger.state).size(), 1U);
  expect_sound(ledger);
}

TEST(Rules, UnresolvedRulesAreNotSettled) {
  Scenario ledger = plain();
  SetRule rule;
  rule.programme = "p";
  rule.version = "r2";
  rule.from_s = kStart;
  rule.until_s = year_start_s(2028, 480);
  rule.share_ppm = 500'000;
  rule.unresolved = {"day_count"};
  ledger.must(rule);
  ledger.must(issue("v", "p", 10 * kCu));
  ledger.must(Reserve{"v", 10 * kCu});
  Redeem body = redeem("a", "v", 2 * kCu, 10, 500);
  body.rule_version = "r2";
  ledger.must(body);
  EXPECT_EQ(ledger.post(Settle{"a", "x"}), "rule-unresolved");
  EXPECT_EQ(ledger.post(FillRule{"p", "r2", "rounding", ""}), "nothing-to-fill");
  ledger.must(FillRule{"p", "r2", "day_count", std::string(64, '1')});
  ledger.must(Settle{"a", "x"});
  rule.version = "r1";
  EXPECT_EQ(ledger.post(rule), "version-exists");
}

/// An evaluated amount is by the rule version's document, on top of what stands on its claim.
TEST(Rules, EvaluatedAmounts) {
  Scenario ledger = full_scenario();
  ledger.now_s = kStart + 180 * kDay;
  ledger.state.last_recorded_s = ledger.now_s;  // the scenario ends after the vouchers' expiry
  ledger.must(issue("w", "fixed", 10 * kCu, 2027));
  ledger.must(Reserve{"w", 10 * kCu});
  const Redeem good = evaluated(redeem("g", "w", 1 * kCu, 90, 200, "new"), 550);
  const auto refused = [&](const auto& change) {
    Redeem body = good;
    change(body);
    return ledger.post(body);
  };
  EXPECT_EQ(refused([](Redeem& r) { r.evaluation.reset(); }), "evaluation");
  EXPECT_EQ(refused([](Redeem& r) { r.evaluation->programme = "most"; }), "evaluation");
  EXPECT_EQ(refused([](Redeem& r) { r.evaluation->programme_digest[0] = '0'; }), "evaluation");
  EXPECT_EQ(refused([](Redeem& r) { r.evaluation->paid_before_fen = 549; }), "evaluation");
  EXPECT_EQ(refused([](Redeem& r) { r.evaluation->claim = "claim-2"; }), "evaluation");
  EXPECT_EQ(refused([](Redeem& r) { r.certificate = kCertificate, r.uses[0].device = "gpu-0"; }),
            "basket");
  // A rule that evaluates nothing pays what is stated, and takes an evaluation by its document.
  EXPECT_EQ(refused([](Redeem& r) { r.rule_version = "r1"; }), "evaluation");
  ledger.must(Refund{"f", kCu / 2});
  EXPECT_EQ(ledger.post(good), "evaluation");
  Redeem after = good;
  after.evaluation->paid_before_fen = 425;
  ledger.must(after);
}

TEST(Rules, CloseOfAYear) {
  Scenario ledger = plain();
  ledger.open_programme("carries", CommitsAt::issue, AtClose::carry_over);
  ledger.fund("carries", 2026, 60'000);
  ledger.must(issue("v", "p", 40 * kCu));
  ledger.must(issue("w", "carries", 40 * kCu));
  for (const std::string name : {"v", "w"}) {
    ledger.must(Reserve{name, 20 * kCu});
    ledger.must(redeem("a" + name, name, 4 * kCu, name == "v" ? 0 : 24, 1'500));
    ledger.must(redeem("b" + name, name, 4 * kCu, name == "v" ? 48 : 72, 1'500));
    ledger.must(Settle{"a" + name, "x"});
  }
  EXPECT_EQ(ledger.post(CloseYear{"p", 2026}), "year-runs");
  ledger.now_s = year_start_s(2027, 480);
  EXPECT_EQ(ledger.post(CloseYear{"p", 2025}), "unknown-budget");
  ledger.must(CloseYear{"p", 2026});
  EXPECT_EQ(ledger.post(CloseYear{"p", 2026}), "year-closed");
  EXPECT_EQ(ledger.money("p", 2026, Account::lapsed), 40'500);
  EXPECT_EQ(ledger.post(CloseYear{"carries", 2026}), "no-next-year");
  ledger.fund("carries", 2027, 1'000);
  ledger.must(CloseYear{"carries", 2026});
  EXPECT_EQ(ledger.money("carries", 2026, Account::budget), 19'500);
  EXPECT_EQ(ledger.money("carries", 2027, Account::free), 41'500);
  // What was committed is paid still; what comes back lapses.
  ledger.must(Settle{"bv", "y"});
  EXPECT_EQ(ledger.money("p", 2026, Account::lapsed), 41'000);
  ledger.must(ClawBack{"av", "", 4 * kCu});
  EXPECT_EQ(ledger.money("p", 2026, Account::lapsed), 42'500);
  ledger.must(Refund{"bv", 4 * kCu});
  EXPECT_EQ(ledger.of("v", Account::contingent), 4 * kCu);
  EXPECT_EQ(ledger.post(Reserve{"v", 21 * kCu}), "year-closed");
  ledger.must(Reserve{"v", 20 * kCu});  // what is covered still is
  EXPECT_EQ(ledger.post(FundBudget{"p", 2026, 1}), "year-closed");
  expect_sound(ledger);
}

TEST(Rules, ActorsRolesAndSignatures) {
  Scenario ledger(1'000);
  ledger.open_programme("p");
  ledger.certify();
  ledger.fund("p", 2026, 60'000);
  Operation operation;
  operation.ledger = "test-ledger";
  operation.key = "k";
  operation.actor = "issuer";
  operation.role = Role::issuer;
  operation.reason = "a test";
  operation.body = issue("v", "p", 2 * kCu);  // at the limit: one signature
  EXPECT_EQ(ledger.post(operation, {}), "not-signed");
  EXPECT_EQ(ledger.post(operation, {"key-treasurer"}), "not-signed");
  Operation other = operation;
  other.actor = "nobody";
  EXPECT_EQ(ledger.post(other, {"key-issuer"}), "unknown-actor");
  other = operation;
  other.actor = "operator";
  EXPECT_EQ(ledger.post(other, {"key-operator"}), "wrong-role");
  other = operation;
  other.role = Role::treasurer;
  EXPECT_EQ(ledger.post(other, {"key-issuer"}), "wrong-role");
  other = operation;
  other.reason.clear();
  EXPECT_EQ(ledger.post(other, {"key-issuer"}), "no-reason");
  other = operation;
  other.ledger = "another";
  EXPECT_EQ(ledger.post(other, {"key-issuer"}), "other-ledger");
  EXPECT_EQ(ledger.post(operation, {"key-issuer"}), "");
  operation.key = "k2";
  operation.body = issue("w", "p", 2 * kCu + 2'000);  // a fen above it: two of the role
  EXPECT_EQ(ledger.post(operation, {"key-issuer"}), "second-signature");
  EXPECT_EQ(ledger.post(operation, {"key-issuer", "key-treasurer"}), "second-signature");
  EXPECT_EQ(ledger.post(operation, {"key-issuer", "key-issuer"}), "second-signature");
  EXPECT_EQ(ledger.post(operation, {"key-issuer", "key-issuer-2"}), "");
  // A change has no amount: it always takes two where there is a limit.
  operation.actor = "regulator";
  operation.role = Role::regulator;
  operation.body = SetCeiling{"p", "c2", "", kStart, kStart + 1, 1};
  EXPECT_EQ(ledger.post(operation, {"key-regulator"}), "second-signature");
  // A key is one person's, and somebody must be able to enter people.
  EXPECT_EQ(ledger.post(RegisterActor{"twin", "pem", "key-issuer", {Role::issuer}}), "key-in-use");
  ledger.must(RegisterActor{"admin-2", "pem", "key-admin-2", {}});
  EXPECT_EQ(ledger.post(RegisterActor{"admin", "pem", "key-admin", {}}), "last-administrator");
  ledger.must(RegisterActor{"issuer-2", "pem", "key-issuer-2", {}});
  operation.actor = "issuer-2";
  operation.role = Role::issuer;
  operation.body = issue("x", "p", kCu);
  EXPECT_EQ(ledger.post(operation, {"key-issuer-2"}), "wrong-role");
  EXPECT_EQ(ledger.post(OpenLedger{"admin", "pem", "key-admin", std::nullopt}), "already-open");
  ledger.now_s -= 1;
  EXPECT_EQ(ledger.post(issue("x", "p", kCu)), "time-goes-back");
  expect_sound(ledger);
}

TEST(Rules, WithoutALimitOneSignatureIsEnough) {
  Scenario ledger{std::optional<std::int64_t>()};
  ledger.open_programme("p");
  ledger.fund("p", 2026, 60'000);
  Operation operation;
  operation.ledger = "test-ledger";
  operation.key = "k";
  operation.actor = "issuer";
  operation.role = Role::issuer;
  operation.reason = "a test";
  operation.body = issue("v", "p", 90 * kCu);
  EXPECT_EQ(ledger.post(operation, {"key-issuer"}), "");
  expect_sound(ledger);
}

TEST(Rules, NothingBeforeTheLedgerIsOpen) {
  Operation operation;
  operation.ledger = "x";
  operation.reason = "a test";
  operation.body = FundBudget{"p", 2026, 1};
  const Decision decision = decide(State{}, operation, {});
  EXPECT_EQ(std::get<Refusal>(decision).rule, "not-open");
}

TEST(Rules, FiguresBeyondAllBoundsAreRefused) {
  Scenario ledger = plain();
  EXPECT_EQ(ledger.post(FundBudget{"p", 2026, INT64_MIN}), "amount");
  EXPECT_EQ(ledger.post(FundBudget{"p", 2026, kLargestAmount + 1}), "amount");
  EXPECT_EQ(ledger.post(SetCeiling{"p", "c2", "", kStart, kStart + 500 * kDay, kLargestAmount}),
            "");
  Issue body = issue("v", "p", kLargestAmount);
  body.rate_version = "c2";
  EXPECT_EQ(ledger.post(body), "too-large");
  ledger.must(issue("w", "p", 10 * kCu));
  EXPECT_EQ(ledger.post(Reserve{"w", INT64_MAX}), "amount");
  EXPECT_EQ(ledger.post(Reserve{"w", INT64_MIN}), "amount");
  EXPECT_EQ(ledger.post(Receive{"w", INT64_MAX, ""}), "amount");
}

}  // namespace
}  // namespace assay::pricing::ledger::test
