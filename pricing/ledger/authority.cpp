/// Who may do what, and how many must sign.
#include <algorithm>
#include <array>

#include "pricing/ledger/entry.h"
#include "pricing/ledger/quantity.h"
#include "pricing/ledger/rules.h"

namespace assay::pricing::ledger {

namespace {

constexpr std::array<const char*, std::variant_size_v<Body>> kKinds{"open-ledger",
                                                                    "register-actor",
                                                                    "open-programme",
                                                                    "set-rule",
                                                                    "fill-rule",
                                                                    "set-ceiling",
                                                                    "register-certificate",
                                                                    "revoke-certificate",
                                                                    "reverse-invoice",
                                                                    "fund-budget",
                                                                    "award",
                                                                    "withdraw-award",
                                                                    "issue",
                                                                    "reserve",
                                                                    "release",
                                                                    "redeem",
                                                                    "settle",
                                                                    "refund",
                                                                    "claw-back",
                                                                    "expire",
                                                                    "receive",
                                                                    "close-year"};

/// Signatures that an operation needs: none, one, a second above the limit, or always a second
/// where there is a limit (what has no amount is above every limit).
enum class Signing { none, by_amount, change };

struct Stake {
  Role role;
  Signing signing;
  std::int64_t amount_fen = 0;
};

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

std::int64_t issued_fen(const State& state, const Issue& issue) {
  const auto programme = state.programmes.find(issue.programme);
  if (programme == state.programmes.end()) return 0;
  const auto rule = programme->second.rules.find(issue.rule_version);
  const auto rate = programme->second.ceilings.find(issue.rate_version);
  if (rule == programme->second.rules.end() || rate == programme->second.ceilings.end()) return 0;
  return value_fen(issue.quantity_ucu,
                   share_of(rate->second.ceiling_ucny_per_cu, rule->second.share_ppm, 1'000'000));
}

std::int64_t settled_fen(const State& state, const std::string& name) {
  const Redemption* redemption = state.redemption(name);
  if (redemption == nullptr) return 0;
  return share_of(redemption->amount_fen, redemption->net_ucu(), redemption->redeem.quantity_ucu);
}

std::int64_t clawed_back_fen(const State& state, const ClawBack& claw_back) {
  if (const Voucher* voucher = state.voucher(claw_back.voucher)) {
    return cover_of_next(*voucher, std::min(claw_back.quantity_ucu, voucher->of(Account::covered)));
  }
  return settled_fen(state, claw_back.redemption);
}

Stake stake_of(const State& state, const Body& body) {
  const auto change = [](Role role) { return Stake{role, Signing::change}; };
  const auto amount = [](Role role, std::int64_t fen) {
    return Stake{role, Signing::by_amount, fen};
  };
  const auto daily = [](Role role) { return Stake{role, Signing::none}; };
  return std::visit(
      Overloaded{
          [&](const OpenLedger&) { return amount(Role::administrator, 0); },
          [&](const RegisterActor&) { return change(Role::administrator); },
          [&](const OpenProgramme&) { return change(Role::regulator); },
          [&](const SetRule&) { return change(Role::regulator); },
          [&](const FillRule&) { return change(Role::regulator); },
          [&](const SetCeiling&) { return change(Role::regulator); },
          [&](const RegisterCertificate&) { return change(Role::regulator); },
          [&](const RevokeCertificate&) { return change(Role::regulator); },
          [&](const ReverseInvoice&) { return daily(Role::operator_); },
          [&](const FundBudget& b) { return amount(Role::treasurer, magnitude(b.amount_fen)); },
          [&](const Award& b) { return amount(Role::issuer, b.amount_fen); },
          [&](const WithdrawAward&) { return amount(Role::issuer, 0); },
          [&](const Issue& b) { return amount(Role::issuer, issued_fen(state, b)); },
          [&](const Reserve&) { return daily(Role::operator_); },
          [&](const Release&) { return daily(Role::operator_); },
          [&](const Redeem&) { return daily(Role::operator_); },
          [&](const Settle& b) {
            return amount(Role::treasurer, settled_fen(state, b.redemption));
          },
          [&](const Refund&) { return daily(Role::operator_); },
          [&](const ClawBack& b) { return amount(Role::regulator, clawed_back_fen(state, b)); },
          [&](const Expire&) { return daily(Role::operator_); },
          [&](const Receive& b) { return amount(Role::treasurer, b.amount_fen); },
          [&](const CloseYear&) { return amount(Role::treasurer, 0); },
      },
      body);
}

}  // namespace

const char* kind_name(const Body& body) {
  return kKinds.at(body.index());
}

const char* role_name(Role role) {
  switch (role) {
    case Role::administrator:
      return "administrator";
    case Role::regulator:
      return "regulator";
    case Role::issuer:
      return "issuer";
    case Role::operator_:
      return "operator";
    case Role::treasurer:
      return "treasurer";
  }
  return "unknown";
}

Role role_for(const Body& body) {
  return stake_of(State{}, body).role;
}

Authority authority_for(const State& state, const Operation& operation) {
  const Stake stake = stake_of(state, operation.body);
  if (stake.signing == Signing::none) return {stake.role, 0};
  const auto& limit = state.second_signature_above_fen;
  bool second = limit && (stake.signing == Signing::change || stake.amount_fen > *limit);
  if (stake.role == Role::administrator) {
    // The first administrator is alone until he has entered another.
    const auto administrators =
        std::count_if(state.actors.begin(), state.actors.end(), [](const auto& entry) {
          const auto& roles = entry.second.roles;
          return std::find(roles.begin(), roles.end(), Role::administrator) != roles.end();
        });
    second = second && administrators > 1;
  }
  return {stake.role, second ? 2 : 1};
}

}  // namespace assay::pricing::ledger
