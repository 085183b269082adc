#include "scenario.h"

#include <gtest/gtest.h>

namespace assay::pricing::ledger::test {

namespace {

std::string actor_of(Role role) {
  return role == Role::administrator ? "admin" : role_name(role);
}

}  // namespace

Scenario::Scenario(std::optional<std::int64_t> limit_fen) {
  must(OpenLedger{"admin", "pem-admin", "key-admin", limit_fen});
  const std::vector<std::pair<std::string, Role>> people{
      {"regulator", Role::regulator},   {"regulator-2", Role::regulator},
      {"issuer", Role::issuer},         {"issuer-2", Role::issuer},
      {"operator", Role::operator_},    {"treasurer", Role::treasurer},
      {"treasurer-2", Role::treasurer}, {"admin-2", Role::administrator}};
  for (const auto& [name, role] : people) {
    must(RegisterActor{name, "pem-" + name, "key-" + name, {role}});
  }
}

void Scenario::open_programme(const std::string& name, CommitsAt commits_at, AtClose at_close,
                              bool needs_award) {
  OpenProgramme programme;
  programme.programme = name;
  programme.commits_at = commits_at;
  programme.at_close = at_close;
  programme.needs_award = needs_award;
  programme.stack_group = "stack-" + name;
  must(programme);
  SetRule rule;
  rule.programme = name;
  rule.version = "r1";
  rule.digest = std::string(64, 'a');
  rule.from_s = kStart;
  rule.until_s = year_start_s(2028, 480);
  rule.share_ppm = 500'000;
  rule.cap_fen = 50'000;
  must(rule);
  must(SetCeiling{name, "c1", std::string(64, 'b'), rule.from_s, rule.until_s, 10'000'000});
}

void Scenario::fund(const std::string& programme, int year, std::int64_t amount_fen) {
  must(FundBudget{programme, year, amount_fen});
}

void Scenario::certify() {
  must(RegisterCertificate{kCertificate,
                           2 * kCu,
                           kStart,
                           year_start_s(2028, 480),
                           {"gpu-0", "gpu-1", "gpu-2", "gpu-3"}});
}

std::string Scenario::post(Operation operation, std::vector<std::string> signers) {
  Circumstances circumstances{now_s, std::move(signers)};
  const Decision decision = decide(state, operation, circumstances);
  if (const auto* refusal = std::get_if<Refusal>(&decision)) {
    EXPECT_FALSE(refusal->what.empty());
    return refusal->rule;
  }
  const auto& postings = std::get<Postings>(decision);
  carry_out(state, operation, circumstances, postings);
  records.push_back({static_cast<std::int64_t>(records.size()) + 1, std::move(operation),
                     std::move(circumstances), postings});
  return {};
}

std::string Scenario::post(Body body) {
  Operation operation;
  operation.ledger = "test-ledger";
  operation.key = "key-" + std::to_string(records.size());
  operation.role = role_for(body);
  operation.actor = actor_of(operation.role);
  operation.reason = "a test";
  operation.body = std::move(body);
  const std::string key = "key-" + operation.actor;
  return post(std::move(operation), {key, key + "-2"});
}

void Scenario::must(Body body) {
  const std::string kind = kind_name(body);
  EXPECT_EQ(post(std::move(body)), "") << kind;
}

Issue issue(const std::string& voucher, const std::string& programme, std::int64_t quantity_ucu,
            int year, const std::string& group) {
  Issue body;
  body.voucher = voucher;
  body.programme = programme;
  body.year = year;
  body.applicant = "91310000MA1FL00000";
  body.control_group = group;
  body.quantity_ucu = quantity_ucu;
  body.rule_version = "r1";
  body.rate_version = "c1";
  body.expires_s = year_start_s(2027, 480) + 180 * kDay;
  return body;
}

Redeem redeem(const std::string& redemption, const std::string& voucher, std::int64_t quantity_ucu,
              std::int64_t at_hour, std::int64_t rule_amount_fen, const std::string& device) {
  Redeem body;
  body.redemption = redemption;
  body.voucher = voucher;
  body.quantity_ucu = quantity_ucu;
  body.certificate = kCertificate;
  body.rule_version = "r1";
  body.rate_version = "c1";
  body.rule_amount_fen = rule_amount_fen;
  body.evaluation_digest = std::string(64, 'e');
  body.allocation_digest = std::string(64, 'f');
  const std::int64_t start = kStart + at_hour * kHour;
  const std::int64_t hours = (quantity_ucu + 2 * kCu - 1) / (2 * kCu);
  body.uses = {{device, start, start + hours * kHour, quantity_ucu}};
  body.invoices = {{{"91310000MA1FL00001", redemption, 1}, std::string(64, 'd'), 100'000, 80'000}};
  const auto first = static_cast<std::int32_t>((start + 8 * kHour) / kDay);
  const auto last = static_cast<std::int32_t>((start + hours * kHour - 1 + 8 * kHour) / kDay);
  body.days = {{"contract-" + redemption, first, last + 1}};
  return body;
}

Redeem evaluated(Redeem redeem, std::int64_t paid_before_fen) {
  redeem.rule_version = "r3";
  redeem.rate_version = "c3";
  redeem.certificate = std::string(64, '6');
  redeem.evaluation_digest.clear();
  redeem.evaluation = {
      "fixed", "2026", std::string(64, '3'), "claim-1", std::string(64, '4'), paid_before_fen};
  return redeem;
}

Scenario full_scenario() {
  Scenario ledger;
  ledger.open_programme("fixed");
  ledger.open_programme("most", CommitsAt::reservation, AtClose::carry_over, true);
  SetRule unresolved;
  unresolved.programme = "fixed";
  unresolved.version = "r2";
  unresolved.digest = std::string(64, 'a');
  unresolved.from_s = kStart;
  unresolved.until_s = year_start_s(2028, 480);
  unresolved.share_ppm = 400'000;
  unresolved.unresolved = {"rounding"};
  ledger.must(unresolved);
  ledger.must(FillRule{"fixed", "r2", "rounding", std::string(64, '9')});
  ledger.certify();
  ledger.must(RegisterCertificate{std::string(64, '5'), kCu, kStart, kStart + 300 * kDay, {"old"}});
  for (const int year : {2026, 2027}) {
    ledger.fund("fixed", year, 60'000);
    ledger.fund("most", year, 60'000);
  }
  ledger.must(Award{"award-1", "most", "91310000MA1FL00000", 40'000, std::string(64, '8')});
  ledger.must(Award{"award-2", "most", "91310000MA1FL00000", 40'000, std::string(64, '8')});
  ledger.must(WithdrawAward{"award-2"});
  ledger.must(issue("v1", "fixed", 40 * kCu));
  Issue most = issue("v2", "most", 30 * kCu);
  most.award = "award-1";
  ledger.must(most);
  ledger.must(Reserve{"v1", 30 * kCu});
  ledger.must(Reserve{"v2", 20 * kCu});
  ledger.must(Release{"v2", 4 * kCu});
  ledger.must(redeem("a", "v1", 6 * kCu, 0, 2'000));
  ledger.must(redeem("b", "v1", 8 * kCu, 24, 1'000'000));
  ledger.must(redeem("c", "v2", 10 * kCu, 48, 4'321, "gpu-1"));
  Redeem revoked = redeem("d", "v1", 1 * kCu, 30, 400, "old");
  revoked.certificate = std::string(64, '5');
  ledger.must(revoked);
  SetRule by_claim = unresolved;
  by_claim.version = "r3";
  by_claim.digest = std::string(64, '3');
  by_claim.evaluated = true;
  by_claim.unresolved.clear();
  ledger.must(by_claim);
  SetCeiling of_basket{"fixed", "c3", std::string(64, 'b'), kStart, by_claim.until_s, 10'000'000};
  of_basket.basket = "tb1";
  ledger.must(of_basket);
  RegisterCertificate by_basket{std::string(64, '6'), kCu, kStart, by_claim.until_s, {"new"}};
  by_basket.basket = "tb1";
  ledger.must(by_basket);
  ledger.must(evaluated(redeem("e", "v1", 1 * kCu, 60, 300, "new"), 0));
  ledger.must(evaluated(redeem("f", "v1", 1 * kCu, 72, 250, "new"), 300));
  ledger.must(Settle{"a", "payment-1"});
  ledger.must(Settle{"c", "payment-1"});
  ledger.must(Refund{"b", 3 * kCu});
  ledger.must(Refund{"a", 1 * kCu});
  ledger.must(ClawBack{"c", "", 2 * kCu});
  ledger.must(ClawBack{"", "v1", 2 * kCu});
  ledger.must(Receive{"v2", 100, "bank-1"});
  ledger.must(RevokeCertificate{std::string(64, '5'), kStart});
  ledger.must(ReverseInvoice{{"91310000MA1FL00001", "c", 1}, std::string(64, '7')});
  ledger.now_s = year_start_s(2027, 480);
  ledger.must(CloseYear{"fixed", 2026});
  ledger.must(CloseYear{"most", 2026});
  ledger.now_s = year_start_s(2027, 480) + 181 * kDay;
  ledger.must(Expire{"v1"});
  return ledger;
}

}  // namespace assay::pricing::ledger::test
