#include "pricing/ledger/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/error.h"
#include "pricing/ledger/entry.h"
#include "pricing/ledger/quantity.h"

namespace assay::pricing::ledger {

namespace {

bool has_role(const Actor& actor, Role role) {
  return std::find(actor.roles.begin(), actor.roles.end(), role) != actor.roles.end();
}

bool signed_by(const Circumstances& now, const std::string& key_id) {
  return std::find(now.verified_keys.begin(), now.verified_keys.end(), key_id) !=
         now.verified_keys.end();
}

std::optional<Refusal> judge_authority(const State& state, const Operation& operation,
                                       const Circumstances& now) {
  if (operation.reason.empty()) {
    return refuse("no-reason", "the operation gives no reason", "say why it is done");
  }
  if (const auto* open = std::get_if<OpenLedger>(&operation.body)) {
    if (operation.actor != open->administrator || operation.role != Role::administrator ||
        !signed_by(now, open->key_id)) {
      return refuse("not-signed", "a ledger is opened by its administrator, who signs",
                    "sign with the administrator's key");
    }
    return std::nullopt;
  }
  const Authority authority = authority_for(state, operation);
  const auto actor = state.actors.find(operation.actor);
  if (actor == state.actors.end()) {
    return refuse("unknown-actor", fmt::format("no actor '{}' is registered", operation.actor),
                  "have an administrator post a register-actor operation: assay ledger post");
  }
  if (operation.role != authority.role || !has_role(actor->second, authority.role)) {
    return refuse(
        "wrong-role",
        fmt::format("{} needs the role {}; '{}' asks as {}", kind_name(operation.body),
                    role_name(authority.role), operation.actor, role_name(operation.role)),
        "let somebody do it who has that role");
  }
  if (authority.signatures == 0) return std::nullopt;
  if (!signed_by(now, actor->second.key_id)) {
    return refuse(
        "not-signed",
        fmt::format("{} needs the signature of '{}'", kind_name(operation.body), operation.actor),
        "sign it with that actor's key: --sign");
  }
  const auto signers =
      std::count_if(state.actors.begin(), state.actors.end(), [&](const auto& entry) {
        return has_role(entry.second, authority.role) && signed_by(now, entry.second.key_id);
      });
  if (signers < authority.signatures) {
    return refuse("second-signature",
                  fmt::format("{} needs a second signature of the role {}",
                              kind_name(operation.body), role_name(authority.role)),
                  "have another actor of that role sign it as well: --sign twice");
  }
  return std::nullopt;
}

/// The rules' own safety net: an entry that does not balance or drives an account below zero is a
/// fault of the program, whatever the operation.
void hold_entry(const State& state, const Postings& postings) {
  std::int64_t sums[2] = {0, 0};
  for (const Posting& posting : postings) {
    auto& sum = sums[static_cast<int>(commodity_of(posting.account))];
    sum = checked_sum(sum, posting.amount);
    std::int64_t after = 0;
    for (const Posting& other : postings) {
      if (other.account == posting.account && other.owner == posting.owner) {
        after = checked_sum(after, other.amount);
      }
    }
    if (is_of_voucher(posting.account) && posting.owner < state.vouchers.size()) {
      after =
          checked_sum(after, state.vouchers[posting.owner].balance.at(index_of(posting.account)));
    }
    if (!is_of_voucher(posting.account) && posting.owner < state.budgets.size()) {
      after = checked_sum(after, state.budgets[posting.owner].balance.at(index_of(posting.account) -
                                                                         kVoucherAccounts));
    }
    if (is_source(posting.account)) after = -after;
    if (after < 0 && posting.account != Account::receivable) {
      throw std::logic_error(std::string("the rules would overdraw ") +
                             account_name(posting.account));
    }
  }
  if (sums[0] != 0 || sums[1] != 0) throw std::logic_error("the rules gave an unbalanced entry");
}

}  // namespace

Decision decide(const State& state, const Operation& operation,
                const Circumstances& circumstances) {
  const bool opens = std::holds_alternative<OpenLedger>(operation.body);
  if (opens != state.ledger.empty()) {
    return opens ? refuse("already-open", "the ledger is open already", "")
                 : refuse("not-open", "the ledger is not open yet", "assay ledger open");
  }
  if (!opens && operation.ledger != state.ledger) {
    return refuse("other-ledger",
                  fmt::format("the operation is meant for the ledger '{}', this is '{}'",
                              operation.ledger, state.ledger),
                  "post it to the ledger that it names");
  }
  if (circumstances.recorded_s < state.last_recorded_s) {
    return refuse("time-goes-back", "the entry before was recorded later than now",
                  "set the machine's clock");
  }
  try {
    if (auto refusal = judge_authority(state, operation, circumstances)) return *refusal;
    Decision decision = std::visit(
        [&](const auto& body) { return judge(state, circumstances, body); }, operation.body);
    if (const auto* postings = std::get_if<Postings>(&decision)) hold_entry(state, *postings);
    return decision;
  } catch (const Error& error) {  // a sum that does not fit
    return refuse("too-large", error.what(), error.mend());
  }
}

}  // namespace assay::pricing::ledger
