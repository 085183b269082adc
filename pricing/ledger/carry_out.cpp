/// Carrying an accepted operation into a state: postings into balances, the body into registers.
#include <algorithm>

#include "base/error.h"
#include "pricing/ledger/entry.h"
#include "pricing/ledger/quantity.h"

namespace assay::pricing::ledger {

namespace {

constexpr bool counts_as_drawn(Account account) {
  return account == Account::committed || account == Account::held || account == Account::payable ||
         account == Account::paid || account == Account::recovered;
}

Error no_place(const std::string& what) {
  return check_error("an entry has no place in the ledger before it: " + what, "ledger",
                     "the ledger was changed behind its back: assay ledger check");
}

Voucher& voucher_of(State& state, const std::string& name) {
  const auto found = state.voucher_index.find(name);
  if (found == state.voucher_index.end()) throw no_place("no voucher '" + name + "'");
  return state.vouchers[found->second];
}

Redemption& redemption_of(State& state, const std::string& name) {
  const auto found = state.redemption_index.find(name);
  if (found == state.redemption_index.end()) throw no_place("no redemption '" + name + "'");
  return state.redemptions[found->second];
}

Programme& programme_of(State& state, const std::string& name) {
  const auto found = state.programmes.find(name);
  if (found == state.programmes.end()) throw no_place("no programme '" + name + "'");
  return found->second;
}

template <class Map>
auto& entry_of(Map& map, const std::string& name, const char* kind) {
  const auto found = map.find(name);
  if (found == map.end()) throw no_place(std::string("no ") + kind + " '" + name + "'");
  return found->second;
}

// Before the postings: who is new, so that postings find their owners.

void prepare(State& /*state*/, const auto& /*body*/) {}

void prepare(State& state, const FundBudget& body) {
  if (state.budget(body.programme, body.year)) return;
  Budget budget;
  budget.programme = body.programme;
  budget.year = body.year;
  state.budgets.push_back(std::move(budget));
}

void prepare(State& state, const Issue& body) {
  const Programme& programme = programme_of(state, body.programme);
  const SetRule& rule = entry_of(programme.rules, body.rule_version, "rule version");
  const SetCeiling& rate = entry_of(programme.ceilings, body.rate_version, "rate version");
  const auto budget = state.budget(body.programme, body.year);
  if (!budget) throw no_place("no budget of '" + body.programme + "'");
  Voucher voucher;
  voucher.issue = body;
  voucher.budget = *budget;
  voucher.value_ucny_per_cu = share_of(rate.ceiling_ucny_per_cu, rule.share_ppm, 1'000'000);
  state.voucher_index[body.voucher] = static_cast<std::uint32_t>(state.vouchers.size());
  state.vouchers.push_back(std::move(voucher));
  if (!body.award.empty()) {
    entry_of(state.awards, body.award, "award").issued_fen +=
        value_fen(body.quantity_ucu, state.vouchers.back().value_ucny_per_cu);
  }
}

/// What it draws is judged on the voucher as it is before.
void prepare(State& state, const Redeem& body) {
  const Voucher& voucher = voucher_of(state, body.voucher);
  const RedemptionMoney money = redemption_money(voucher, body);
  Redemption redemption;
  redemption.redeem = body;
  redemption.voucher = state.voucher_index.at(body.voucher);
  redemption.amount_fen = money.amount_fen;
  redemption.held_fen = money.cover_fen - money.amount_fen;
  redemption.subsidy_fen = money.subsidy_fen;
  state.redemption_index[body.redemption] = static_cast<std::uint32_t>(state.redemptions.size());
  state.redemptions.push_back(std::move(redemption));
}

void post(State& state, const Posting& posting) {
  if (is_of_voucher(posting.account)) {
    if (posting.owner >= state.vouchers.size()) throw no_place("a posting to no voucher");
    Voucher& voucher = state.vouchers[posting.owner];
    auto& balance = voucher.balance.at(index_of(posting.account));
    balance = checked_sum(balance, posting.amount);
    if (counts_as_drawn(posting.account)) {
      auto& drawn = state.budgets[voucher.budget].drawn_fen[voucher.issue.control_group];
      drawn = checked_sum(drawn, posting.amount);
    }
    return;
  }
  if (posting.owner >= state.budgets.size()) throw no_place("a posting to no budget");
  auto& balance =
      state.budgets[posting.owner].balance.at(index_of(posting.account) - kVoucherAccounts);
  balance = checked_sum(balance, posting.amount);
}

// After the postings: the registers.

void enter(State& state, const OpenLedger& body) {
  state.second_signature_above_fen = body.second_signature_above_fen;
  state.actors[body.administrator] = {
      body.administrator, body.public_pem, body.key_id, {Role::administrator}};
}
void enter(State& state, const RegisterActor& body) {
  state.actors[body.name] = {body.name, body.public_pem, body.key_id, body.roles};
}
void enter(State& state, const OpenProgramme& body) {
  state.programmes[body.programme].opened = body;
}
void enter(State& state, const SetRule& body) {
  programme_of(state, body.programme).rules[body.version] = body;
}
void enter(State& state, const FillRule& body) {
  auto& rules = programme_of(state, body.programme).rules;
  std::erase(entry_of(rules, body.version, "rule version").unresolved, body.fills);
}
void enter(State& state, const SetCeiling& body) {
  programme_of(state, body.programme).ceilings[body.version] = body;
}
void enter(State& state, const RegisterCertificate& body) {
  state.certificates[body.certificate].registered = body;
}
void enter(State& state, const RevokeCertificate& body) {
  entry_of(state.certificates, body.certificate, "certificate").revoked_from_s = body.from_s;
}
void enter(State& state, const ReverseInvoice& body) {
  const auto line = state.invoice_lines.find(body.line);
  if (line == state.invoice_lines.end()) throw no_place("no such invoice line");
  line->second.is_reversed = true;
}
void enter(State& state, const Award& body) {
  state.awards[body.award].awarded = body;
}
void enter(State& state, const WithdrawAward& body) {
  entry_of(state.awards, body.award, "award").withdrawn = true;
}

void enter(State& state, const Redeem& body) {
  const std::uint32_t index = state.redemption_index.at(body.redemption);
  const Redemption& redemption = state.redemptions[index];
  const std::string& group =
      programme_of(state, state.vouchers[redemption.voucher].issue.programme).opened.stack_group;
  for (const DeviceUse& use : body.uses) {
    state.device_seconds[use.device][use.start_s] = {use.end_s, index};
  }
  for (const ContractDays& days : body.days) {
    state.contract_days[{group, days.contract}][days.from_day] = {days.until_day, index};
  }
  for (std::size_t i = 0; i < body.invoices.size(); ++i) {
    CountedLine& line = state.invoice_lines[body.invoices[i].line];
    line.eligible_fen = body.invoices[i].eligible_fen;
    line.subsidy_fen = checked_sum(line.subsidy_fen, redemption.subsidy_fen[i]);
    line.counted_fen[group] = checked_sum(line.counted_fen[group], body.invoices[i].counted_fen);
  }
  if (body.evaluation) {
    state.claims[{body.evaluation->programme, body.evaluation->claim}].push_back(index);
  }
}

void enter(State& state, const Settle& body) {
  redemption_of(state, body.redemption).is_settled = true;
}

void enter(State& state, const Refund& body) {
  Redemption& redemption = redemption_of(state, body.redemption);
  redemption.refunded_ucu = checked_sum(redemption.refunded_ucu, body.quantity_ucu);
  if (!redemption.is_undone()) return;
  const Redeem& redeem = redemption.redeem;
  const std::string& group =
      programme_of(state, state.vouchers[redemption.voucher].issue.programme).opened.stack_group;
  for (const DeviceUse& use : redeem.uses) state.device_seconds[use.device].erase(use.start_s);
  for (const ContractDays& days : redeem.days) {
    state.contract_days[{group, days.contract}].erase(days.from_day);
  }
  for (std::size_t i = 0; i < redeem.invoices.size(); ++i) {
    CountedLine& line = state.invoice_lines[redeem.invoices[i].line];
    line.subsidy_fen -= redemption.subsidy_fen[i];
    line.counted_fen[group] -= redeem.invoices[i].counted_fen;
  }
}

void enter(State& state, const ClawBack& body) {
  if (body.redemption.empty()) return;
  Redemption& redemption = redemption_of(state, body.redemption);
  redemption.clawed_back_ucu = checked_sum(redemption.clawed_back_ucu, body.quantity_ucu);
}

void enter(State& state, const CloseYear& body) {
  const auto budget = state.budget(body.programme, body.year);
  if (!budget) throw no_place("no budget of '" + body.programme + "'");
  state.budgets[*budget].closed = true;
}

void enter(State& /*state*/, const FundBudget& /*body*/) {}
void enter(State& /*state*/, const Issue& /*body*/) {}
void enter(State& /*state*/, const Reserve& /*body*/) {}
void enter(State& /*state*/, const Release& /*body*/) {}
void enter(State& /*state*/, const Expire& /*body*/) {}
void enter(State& /*state*/, const Receive& /*body*/) {}

}  // namespace

void carry_out(State& state, const Operation& operation, const Circumstances& circumstances,
               const Postings& postings) {
  if (std::holds_alternative<OpenLedger>(operation.body)) state.ledger = operation.ledger;
  std::visit([&](const auto& body) { prepare(state, body); }, operation.body);
  for (const Posting& posting : postings) post(state, posting);
  std::visit([&](const auto& body) { enter(state, body); }, operation.body);
  state.last_recorded_s = circumstances.recorded_s;
}

}  // namespace assay::pricing::ledger
