#pragma once
/// What the rules share: building an entry that balances, and a refusal.
#include <string>

#include "pricing/ledger/rules.h"

namespace assay::pricing::ledger {

/// Postings in pairs: what leaves one account enters another.
class Entry {
 public:
  explicit Entry(std::uint32_t owner) : owner_(owner) {}
  void move(std::int64_t amount, Account from, Account to) {
    move(amount, from, owner_, to, owner_);
  }
  void move(std::int64_t amount, Account from, std::uint32_t from_owner, Account to,
            std::uint32_t to_owner) {
    if (amount == 0) return;
    postings_.push_back({from, from_owner, -amount});
    postings_.push_back({to, to_owner, amount});
  }
  [[nodiscard]] Postings take() { return std::move(postings_); }

 private:
  std::uint32_t owner_;
  Postings postings_;
};

[[nodiscard]] inline Refusal refuse(std::string rule, std::string what, std::string mend) {
  return {std::move(rule), std::move(what), std::move(mend)};
}

/// The bodies, each judged on its own: rules_setup.cpp, rules_voucher.cpp, rules_redeem.cpp.
Decision judge(const State& state, const Circumstances& now, const OpenLedger& body);
Decision judge(const State& state, const Circumstances& now, const RegisterActor& body);
Decision judge(const State& state, const Circumstances& now, const OpenProgramme& body);
Decision judge(const State& state, const Circumstances& now, const SetRule& body);
Decision judge(const State& state, const Circumstances& now, const FillRule& body);
Decision judge(const State& state, const Circumstances& now, const SetCeiling& body);
Decision judge(const State& state, const Circumstances& now, const RegisterCertificate& body);
Decision judge(const State& state, const Circumstances& now, const RevokeCertificate& body);
Decision judge(const State& state, const Circumstances& now, const ReverseInvoice& body);
Decision judge(const State& state, const Circumstances& now, const FundBudget& body);
Decision judge(const State& state, const Circumstances& now, const Award& body);
Decision judge(const State& state, const Circumstances& now, const WithdrawAward& body);
Decision judge(const State& state, const Circumstances& now, const Issue& body);
Decision judge(const State& state, const Circumstances& now, const Reserve& body);
Decision judge(const State& state, const Circumstances& now, const Release& body);
Decision judge(const State& state, const Circumstances& now, const Redeem& body);
Decision judge(const State& state, const Circumstances& now, const Settle& body);
Decision judge(const State& state, const Circumstances& now, const Refund& body);
Decision judge(const State& state, const Circumstances& now, const ClawBack& body);
Decision judge(const State& state, const Circumstances& now, const Expire& body);
Decision judge(const State& state, const Circumstances& now, const Receive& body);
Decision judge(const State& state, const Circumstances& now, const CloseYear& body);

/// What a redemption draws from its voucher, and how it is shared among the invoice lines.
struct RedemptionMoney {
  std::int64_t cover_fen = 0;   ///< committed to these CU
  std::int64_t amount_fen = 0;  ///< min(cover, CU x unit value, the programme's rule)
  std::vector<std::int64_t> subsidy_fen;
};
[[nodiscard]] RedemptionMoney redemption_money(const Voucher& voucher, const Redeem& redeem);

/// Money that leaves a voucher's cover with the next `quantity_ucu` of its covered CU.
[[nodiscard]] std::int64_t cover_of_next(const Voucher& voucher, std::int64_t quantity_ucu);

/// What those CU are worth at the voucher's unit value, as the next part of the whole.
[[nodiscard]] std::int64_t value_of_next(const Voucher& voucher, std::int64_t quantity_ucu);

/// Where money goes that a year gets back.
[[nodiscard]] inline Account home_of_money(const Budget& budget) {
  return budget.closed ? Account::lapsed : Account::free;
}

}  // namespace assay::pricing::ledger
