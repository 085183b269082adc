/// Rules of a voucher's life outside redemption: issue, reserve, release, expire, claw-back of what
/// is available, money received.
#include <fmt/format.h>

#include <algorithm>

#include "pricing/ledger/entry.h"
#include "pricing/ledger/quantity.h"

namespace assay::pricing::ledger {

namespace {

std::optional<Refusal> judge_quantity(std::int64_t quantity) {
  if (quantity > 0 && quantity <= kLargestAmount) return std::nullopt;
  return refuse("amount", "the quantity must be above zero and at most 1e9 CU",
                "check its unit and its decimal point");
}

Refusal unknown_voucher(const std::string& name) {
  return refuse("unknown-voucher", fmt::format("no voucher '{}' is issued", name),
                "list the vouchers: assay voucher show");
}

Refusal not_enough(const char* place, std::int64_t there_ucu) {
  return refuse(fmt::format("not-enough-{}", place),
                fmt::format("{} uCU of the voucher are {}", there_ucu, place),
                "ask for no more than that");
}

/// CU that have left the voucher, for good or in redemptions.
std::int64_t gone_ucu(const Voucher& voucher) {
  return voucher.of(Account::issued) - voucher.available_ucu() - voucher.of(Account::reserved);
}

/// U(to) - U(from).
std::int64_t value_between(const Voucher& voucher, std::int64_t from_ucu, std::int64_t to_ucu) {
  return value_fen(to_ucu, voucher.value_ucny_per_cu) -
         value_fen(from_ucu, voucher.value_ucny_per_cu);
}

std::int64_t covered_ucu(const Voucher& voucher) {
  return voucher.of(Account::covered) + voucher.of(Account::reserved);
}

/// What the CU from..to are covered with anew, where `drawn_fen` are drawn. Refunds are rounded on
/// their redemption and not on the voucher, so the differences of U that are drawn again can come
/// to a fen more than U of all: the voucher's value is the end of it.
std::int64_t cover_anew(const Voucher& voucher, std::int64_t from_ucu, std::int64_t to_ucu,
                        std::int64_t drawn_fen) {
  const std::int64_t whole = value_between(voucher, 0, voucher.of(Account::issued));
  return std::clamp<std::int64_t>(whole - drawn_fen, 0, value_between(voucher, from_ucu, to_ucu));
}

/// Money that covering `quantity_ucu` more would take.
std::int64_t cover_of_more(const Voucher& voucher, std::int64_t quantity_ucu) {
  const std::int64_t top = gone_ucu(voucher) + covered_ucu(voucher);
  return cover_anew(voucher, top, top + quantity_ucu, voucher.drawn_fen());
}

/// Money that leaves the cover when the last `quantity_ucu` lose it.
std::int64_t cover_of_last(const Voucher& voucher, std::int64_t quantity_ucu) {
  const std::int64_t all = voucher.of(Account::committed);
  if (quantity_ucu == covered_ucu(voucher)) return all;
  const std::int64_t top = gone_ucu(voucher) + covered_ucu(voucher);
  return std::min(all, value_between(voucher, top - quantity_ucu, top));
}

std::optional<Refusal> judge_award(const State& state, const Programme& programme,
                                   const std::string& award) {
  if (!programme.opened.needs_award) return std::nullopt;
  const auto found = state.awards.find(award);
  if (found == state.awards.end() || found->second.withdrawn) {
    return refuse("no-award",
                  fmt::format("programme '{}' pays by award, and no award stands for this",
                              programme.opened.programme),
                  "post the award with its document first: assay ledger post");
  }
  return std::nullopt;
}

/// Whether a year can commit that much more for a control group.
std::optional<Refusal> judge_commitment(const Budget& budget, const std::string& group,
                                        const std::optional<std::int64_t>& cap_fen,
                                        std::int64_t more_fen) {
  if (budget.closed) {
    return refuse("year-closed", fmt::format("the year {} is closed", budget.year),
                  "name a year that is open");
  }
  if (budget.of(Account::free) < more_fen) {
    return refuse("budget",
                  fmt::format("{} fen are needed and {} are free in the budget of {}", more_fen,
                              budget.of(Account::free), budget.year),
                  "fund the budget, or ask for less");
  }
  const auto drawn = budget.drawn_fen.find(group);
  const std::int64_t before = drawn == budget.drawn_fen.end() ? 0 : drawn->second;
  if (cap_fen && checked_sum(before, more_fen) > *cap_fen) {
    return refuse("cap",
                  fmt::format("control group '{}' has drawn {} of {} fen in {}, {} more are asked",
                              group, before, *cap_fen, budget.year, more_fen),
                  "ask for no more than its cap");
  }
  return std::nullopt;
}

const std::optional<std::int64_t>& cap_of(const State& state, const Voucher& voucher) {
  return state.programmes.at(voucher.issue.programme).rules.at(voucher.issue.rule_version).cap_fen;
}

Decision take_available(const State& state, const Voucher& voucher, std::int64_t quantity_ucu,
                        Account to) {
  const std::uint32_t owner = state.voucher_index.at(voucher.issue.voucher);
  const std::int64_t covered = std::min(quantity_ucu, voucher.of(Account::covered));
  Entry entry(owner);
  entry.move(covered, Account::covered, to);
  entry.move(quantity_ucu - covered, Account::contingent, to);
  entry.move(cover_of_next(voucher, covered), Account::committed, owner,
             home_of_money(state.budgets[voucher.budget]), voucher.budget);
  return entry.take();
}

std::int64_t worth(const Redemption& redemption, std::int64_t whole_fen, std::int64_t quantity) {
  const std::int64_t net = redemption.net_ucu();
  const std::int64_t all = redemption.redeem.quantity_ucu;
  return share_of(whole_fen, net, all) - share_of(whole_fen, net - quantity, all);
}

Decision claw_back_settled(const State& state, const Redemption& redemption,
                           std::int64_t quantity_ucu) {
  if (!redemption.is_settled) {
    return refuse("not-settled", "the redemption is not settled", "refund it instead");
  }
  if (quantity_ucu > redemption.net_ucu()) return not_enough("settled", redemption.net_ucu());
  const Voucher& voucher = state.vouchers[redemption.voucher];
  const std::int64_t amount = worth(redemption, redemption.amount_fen, quantity_ucu);
  Entry entry(redemption.voucher);
  entry.move(quantity_ucu, Account::settled, Account::clawed_back);
  entry.move(amount, Account::recovered, redemption.voucher,
             home_of_money(state.budgets[voucher.budget]), voucher.budget);
  entry.move(amount, Account::repayment_claim, Account::receivable);
  return entry.take();
}

Decision refund_unsettled(const State& state, const Circumstances& now,
                          const Redemption& redemption, std::int64_t quantity_ucu) {
  const Voucher& voucher = state.vouchers[redemption.voucher];
  const Budget& budget = state.budgets[voucher.budget];
  const Programme& programme = state.programmes.at(voucher.issue.programme);
  const std::int64_t amount = worth(redemption, redemption.amount_fen, quantity_ucu);
  const std::int64_t held = worth(redemption, redemption.held_fen, quantity_ucu);
  const bool is_expired = now.recorded_s >= voucher.issue.expires_s;
  const bool stays_covered =
      !is_expired && !budget.closed && programme.opened.commits_at == CommitsAt::issue;
  Entry entry(redemption.voucher);
  entry.move(quantity_ucu, Account::redeemed,
             is_expired      ? Account::expired
             : stays_covered ? Account::covered
                             : Account::contingent);
  const Account home = stays_covered ? Account::committed : home_of_money(budget);
  const std::uint32_t owner = stays_covered ? redemption.voucher : voucher.budget;
  entry.move(amount, Account::payable, redemption.voucher, home, owner);
  entry.move(held, Account::held, redemption.voucher, home, owner);
  return entry.take();
}

/// The money was paid: it is claimed back, and what the CU need to be covered again is committed
/// anew where the year has it.
Decision refund_settled(const State& state, const Circumstances& now, const Redemption& redemption,
                        std::int64_t quantity_ucu) {
  const Voucher& voucher = state.vouchers[redemption.voucher];
  Budget budget = state.budgets[voucher.budget];
  const Programme& programme = state.programmes.at(voucher.issue.programme);
  const std::int64_t amount = worth(redemption, redemption.amount_fen, quantity_ucu);
  Entry entry(redemption.voucher);
  entry.move(amount, Account::recovered, redemption.voucher, home_of_money(budget), voucher.budget);
  entry.move(amount, Account::repayment_claim, Account::receivable);
  if (now.recorded_s >= voucher.issue.expires_s) {
    entry.move(quantity_ucu, Account::settled, Account::expired);
    return entry.take();
  }
  if (!budget.closed) {
    auto& free = budget.balance[index_of(Account::free) - kVoucherAccounts];
    free = checked_sum(free, amount);
    budget.drawn_fen[voucher.issue.control_group] -= amount;
  }
  const std::int64_t gone = gone_ucu(voucher);
  const std::int64_t cover =
      cover_anew(voucher, gone - quantity_ucu, gone, voucher.drawn_fen() - amount);
  const bool is_covered =
      programme.opened.commits_at == CommitsAt::issue &&
      !judge_commitment(budget, voucher.issue.control_group, cap_of(state, voucher), cover);
  entry.move(quantity_ucu, Account::settled, is_covered ? Account::covered : Account::contingent);
  if (is_covered) {
    entry.move(cover, Account::free, voucher.budget, Account::committed, redemption.voucher);
  }
  return entry.take();
}

}  // namespace

std::int64_t value_of_next(const Voucher& voucher, std::int64_t quantity_ucu) {
  const std::int64_t gone = gone_ucu(voucher);
  return value_between(voucher, gone, gone + quantity_ucu);
}

std::int64_t cover_of_next(const Voucher& voucher, std::int64_t quantity_ucu) {
  const std::int64_t all = voucher.of(Account::committed);
  if (quantity_ucu == covered_ucu(voucher)) return all;
  return std::min(all, value_of_next(voucher, quantity_ucu));
}

Decision judge(const State& state, const Circumstances& now, const Issue& body) {
  const auto programme = state.programmes.find(body.programme);
  if (programme == state.programmes.end()) {
    return refuse("unknown-programme", fmt::format("no programme '{}' is open", body.programme),
                  "post an open-programme operation first: assay ledger post");
  }
  if (state.voucher(body.voucher) != nullptr) {
    return refuse("voucher-exists", fmt::format("voucher '{}' is issued already", body.voucher),
                  "give another name");
  }
  if (auto refusal = judge_quantity(body.quantity_ucu)) return *refusal;
  if (body.expires_s <= now.recorded_s) {
    return refuse("expired", "the voucher would be expired when issued", "give a later expiry");
  }
  const auto rule = programme->second.rules.find(body.rule_version);
  const auto rate = programme->second.ceilings.find(body.rate_version);
  const auto holds_now = [&](const auto& version) {
    return version.from_s <= now.recorded_s && now.recorded_s < version.until_s;
  };
  if (rule == programme->second.rules.end() || !holds_now(rule->second)) {
    return refuse("rule-version",
                  fmt::format("rule version '{}' is not in force now", body.rule_version),
                  "name the version that is");
  }
  if (rate == programme->second.ceilings.end() || !holds_now(rate->second)) {
    return refuse("rate-version",
                  fmt::format("rate version '{}' is not in force now", body.rate_version),
                  "name the version that is");
  }
  const auto found = state.budget(body.programme, body.year);
  if (!found || state.budgets[*found].closed) {
    return refuse("unknown-budget",
                  fmt::format("'{}' has no open budget for {}", body.programme, body.year),
                  "fund it first: assay ledger post");
  }
  const std::int64_t unit =
      share_of(rate->second.ceiling_ucny_per_cu, rule->second.share_ppm, 1'000'000);
  const std::int64_t value = value_fen(body.quantity_ucu, unit);
  if (auto refusal = judge_award(state, programme->second, body.award)) return *refusal;
  if (!body.award.empty()) {
    const auto award = state.awards.find(body.award);
    if (award == state.awards.end() || award->second.awarded.programme != body.programme ||
        award->second.awarded.applicant != body.applicant) {
      return refuse("no-award", "the award named is not this applicant's in this programme",
                    "name his award");
    }
    if (checked_sum(award->second.issued_fen, value) > award->second.awarded.amount_fen) {
      return refuse("award-spent",
                    fmt::format("{} fen of the award of {} are issued, {} more are asked",
                                award->second.issued_fen, award->second.awarded.amount_fen, value),
                    "ask for no more than is left");
    }
  }
  const bool commits = programme->second.opened.commits_at == CommitsAt::issue;
  if (commits) {
    if (auto refusal = judge_commitment(state.budgets[*found], body.control_group,
                                        rule->second.cap_fen, value)) {
      return *refusal;
    }
  }
  const auto owner = static_cast<std::uint32_t>(state.vouchers.size());
  Entry entry(owner);
  entry.move(body.quantity_ucu, Account::issued, commits ? Account::covered : Account::contingent);
  if (commits) entry.move(value, Account::free, *found, Account::committed, owner);
  return entry.take();
}

Decision judge(const State& state, const Circumstances& now, const Reserve& body) {
  const Voucher* voucher = state.voucher(body.voucher);
  if (voucher == nullptr) return unknown_voucher(body.voucher);
  if (auto refusal = judge_quantity(body.quantity_ucu)) return *refusal;
  if (now.recorded_s >= voucher->issue.expires_s) {
    return refuse("expired", "the voucher is expired", "issue another");
  }
  if (body.quantity_ucu > voucher->available_ucu()) {
    return not_enough("available", voucher->available_ucu());
  }
  const Programme& programme = state.programmes.at(voucher->issue.programme);
  if (auto refusal = judge_award(state, programme, voucher->issue.award)) return *refusal;
  const std::uint32_t owner = state.voucher_index.at(body.voucher);
  const std::int64_t covered = std::min(body.quantity_ucu, voucher->of(Account::covered));
  const std::int64_t uncovered = body.quantity_ucu - covered;
  Entry entry(owner);
  entry.move(covered, Account::covered, Account::reserved);
  if (uncovered > 0) {
    const std::int64_t cover = cover_of_more(*voucher, uncovered);
    if (auto refusal =
            judge_commitment(state.budgets[voucher->budget], voucher->issue.control_group,
                             cap_of(state, *voucher), cover)) {
      return *refusal;
    }
    entry.move(uncovered, Account::contingent, Account::reserved);
    entry.move(cover, Account::free, voucher->budget, Account::committed, owner);
  }
  return entry.take();
}

Decision judge(const State& state, const Circumstances& /*now*/, const Release& body) {
  const Voucher* voucher = state.voucher(body.voucher);
  if (voucher == nullptr) return unknown_voucher(body.voucher);
  if (auto refusal = judge_quantity(body.quantity_ucu)) return *refusal;
  if (body.quantity_ucu > voucher->of(Account::reserved)) {
    return not_enough("reserved", voucher->of(Account::reserved));
  }
  const std::uint32_t owner = state.voucher_index.at(body.voucher);
  Entry entry(owner);
  if (state.programmes.at(voucher->issue.programme).opened.commits_at == CommitsAt::issue) {
    entry.move(body.quantity_ucu, Account::reserved, Account::covered);
  } else {
    entry.move(body.quantity_ucu, Account::reserved, Account::contingent);
    entry.move(cover_of_last(*voucher, body.quantity_ucu), Account::committed, owner,
               home_of_money(state.budgets[voucher->budget]), voucher->budget);
  }
  return entry.take();
}

Decision judge(const State& state, const Circumstances& /*now*/, const Settle& body) {
  const Redemption* redemption = state.redemption(body.redemption);
  if (redemption == nullptr || redemption->is_settled || redemption->net_ucu() == 0) {
    return refuse("nothing-to-settle",
                  fmt::format("no redemption '{}' waits for settlement", body.redemption),
                  "see what does: assay voucher show");
  }
  const Voucher& voucher = state.vouchers[redemption->voucher];
  const Programme& programme = state.programmes.at(voucher.issue.programme);
  if (auto refusal = judge_award(state, programme, voucher.issue.award)) return *refusal;
  const auto& unresolved = programme.rules.at(redemption->redeem.rule_version).unresolved;
  if (!unresolved.empty()) {
    return refuse("rule-unresolved",
                  fmt::format("rule version '{}' leaves '{}' open", redemption->redeem.rule_version,
                              unresolved.front()),
                  "have the regulator post a fill-rule operation: assay ledger post");
  }
  if (std::string why = why_due(state, *redemption); !why.empty()) {
    return refuse("due-for-claw-back", std::move(why), "refund it: assay voucher refund");
  }
  const std::int64_t net = redemption->net_ucu();
  Entry entry(redemption->voucher);
  entry.move(net, Account::redeemed, Account::settled);
  entry.move(worth(*redemption, redemption->amount_fen, net), Account::payable, Account::paid);
  entry.move(worth(*redemption, redemption->held_fen, net), Account::held, redemption->voucher,
             home_of_money(state.budgets[voucher.budget]), voucher.budget);
  return entry.take();
}

Decision judge(const State& state, const Circumstances& now, const Refund& body) {
  const Redemption* redemption = state.redemption(body.redemption);
  if (redemption == nullptr) {
    return refuse("unknown-redemption", fmt::format("no redemption '{}'", body.redemption),
                  "see a voucher's redemptions: assay voucher show");
  }
  if (auto refusal = judge_quantity(body.quantity_ucu)) return *refusal;
  if (body.quantity_ucu > redemption->net_ucu()) {
    return not_enough("redeemed", redemption->net_ucu());
  }
  return redemption->is_settled ? refund_settled(state, now, *redemption, body.quantity_ucu)
                                : refund_unsettled(state, now, *redemption, body.quantity_ucu);
}

Decision judge(const State& state, const Circumstances& /*now*/, const ClawBack& body) {
  if (auto refusal = judge_quantity(body.quantity_ucu)) return *refusal;
  if (body.redemption.empty() == body.voucher.empty()) {
    return refuse("claw-back-of-what", "a claw-back names a redemption or a voucher",
                  "name one of the two");
  }
  if (!body.redemption.empty()) {
    const Redemption* redemption = state.redemption(body.redemption);
    if (redemption == nullptr) {
      return refuse("unknown-redemption", fmt::format("no redemption '{}'", body.redemption),
                    "see a voucher's redemptions: assay voucher show");
    }
    return claw_back_settled(state, *redemption, body.quantity_ucu);
  }
  const Voucher* voucher = state.voucher(body.voucher);
  if (voucher == nullptr) return unknown_voucher(body.voucher);
  if (body.quantity_ucu > voucher->available_ucu()) {
    return not_enough("available", voucher->available_ucu());
  }
  return take_available(state, *voucher, body.quantity_ucu, Account::clawed_back);
}

Decision judge(const State& state, const Circumstances& now, const Expire& body) {
  const Voucher* voucher = state.voucher(body.voucher);
  if (voucher == nullptr) return unknown_voucher(body.voucher);
  if (now.recorded_s < voucher->issue.expires_s) {
    return refuse("not-expired",
                  "the voucher is valid until " + instant_text(voucher->issue.expires_s),
                  "wait, or claw it back: assay voucher clawback");
  }
  if (voucher->available_ucu() + voucher->of(Account::reserved) == 0) {
    return refuse("nothing-to-expire", "nothing of the voucher is available or reserved", "");
  }
  const std::uint32_t owner = state.voucher_index.at(body.voucher);
  Entry entry(owner);
  for (const Account place : {Account::covered, Account::contingent, Account::reserved}) {
    entry.move(voucher->of(place), place, Account::expired);
  }
  entry.move(voucher->of(Account::committed), Account::committed, owner,
             home_of_money(state.budgets[voucher->budget]), voucher->budget);
  return entry.take();
}

Decision judge(const State& state, const Circumstances& /*now*/, const Receive& body) {
  const Voucher* voucher = state.voucher(body.voucher);
  if (voucher == nullptr) return unknown_voucher(body.voucher);
  if (body.amount_fen <= 0 || body.amount_fen > kLargestAmount) {
    return refuse("amount", "the amount must be above zero and at most 1e15 fen",
                  "check its unit and its decimal point");
  }
  Entry entry(state.voucher_index.at(body.voucher));
  entry.move(body.amount_fen, Account::receivable, Account::received);
  return entry.take();
}

}  // namespace assay::pricing::ledger
