#pragma once
/// What a ledger's operations have come to: balances, which only postings change, and registers of
/// who and what is known. A plain value: copy it, compare it, throw it away.
///
/// Two commodities. CU of a voucher lie in one of seven places, with `issued` as their source:
///   issued = covered + contingent (both available) + reserved + redeemed + settled + expired +
///            clawed back
/// Money of a programme's year (fen):
///   budget = free + committed + payable + paid + lapsed - recovered
/// where committed is what covers available and reserved CU, plus what is `held` on redeemed CU
/// above the amount payable until they are settled. A claw-back or refund after payment books
/// `recovered` and, beside it, a receivable.
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "pricing/ledger/operations.h"

namespace assay::pricing::ledger {

enum class Account : std::uint8_t {
  // CU of one voucher
  issued,
  covered,     ///< available, with money committed to it
  contingent,  ///< available, without
  reserved,
  redeemed,
  settled,
  expired,
  clawed_back,
  // CNY of one voucher
  committed,  ///< to covered and reserved CU
  held,       ///< to redeemed CU, above what is payable
  payable,
  paid,
  recovered,
  receivable,
  repayment_claim,  ///< source of receivables
  received,
  // CNY of one programme's year
  budget,
  free,
  lapsed,
};
inline constexpr std::size_t kAccounts = 19;
inline constexpr std::size_t kVoucherAccounts = 16;

enum class Commodity { cu, cny };

[[nodiscard]] constexpr std::size_t index_of(Account account) {
  return static_cast<std::size_t>(account);
}
[[nodiscard]] constexpr Commodity commodity_of(Account account) {
  return account < Account::committed ? Commodity::cu : Commodity::cny;
}
[[nodiscard]] constexpr bool is_of_voucher(Account account) {
  return index_of(account) < kVoucherAccounts;
}
/// Sources have credit balances: their postings and balances are negative numbers.
[[nodiscard]] constexpr bool is_source(Account account) {
  return account == Account::issued || account == Account::recovered ||
         account == Account::repayment_claim || account == Account::budget;
}
[[nodiscard]] const char* account_name(Account account);

/// One line of an entry. Debits are positive, credits negative.
struct Posting {
  Account account{};
  std::uint32_t owner = 0;  ///< index of the voucher or of the budget
  std::int64_t amount = 0;
  bool operator==(const Posting&) const = default;
};
using Postings = std::vector<Posting>;

struct Actor {
  std::string name;
  std::string public_pem;
  std::string key_id;
  std::vector<Role> roles;
};

struct Certificate {
  RegisterCertificate registered;
  std::optional<std::int64_t> revoked_from_s;
};

struct Programme {
  OpenProgramme opened;
  std::map<std::string, SetRule> rules;  ///< by version
  std::map<std::string, SetCeiling> ceilings;
};

struct AwardState {
  Award awarded;
  std::int64_t issued_fen = 0;
  bool withdrawn = false;
};

struct Voucher {
  Issue issue;
  std::uint32_t budget = 0;
  std::int64_t value_ucny_per_cu = 0;  ///< frozen at issue
  std::array<std::int64_t, kVoucherAccounts> balance{};

  /// A balance with the sign that it usually has.
  [[nodiscard]] std::int64_t of(Account account) const {
    const std::int64_t amount = balance[index_of(account)];
    return is_source(account) ? -amount : amount;
  }
  [[nodiscard]] std::int64_t available_ucu() const {
    return of(Account::covered) + of(Account::contingent);
  }
  /// What counts against the cap of its control group.
  [[nodiscard]] std::int64_t drawn_fen() const {
    return of(Account::committed) + of(Account::held) + of(Account::payable) + of(Account::paid) -
           of(Account::recovered);
  }
};

struct Budget {
  std::string programme;
  int year = 0;
  bool closed = false;
  std::array<std::int64_t, 3> balance{};          ///< budget, free, lapsed
  std::map<std::string, std::int64_t> drawn_fen;  ///< by control group

  [[nodiscard]] std::int64_t of(Account account) const {
    const std::int64_t amount = balance[index_of(account) - kVoucherAccounts];
    return is_source(account) ? -amount : amount;
  }
};

struct Redemption {
  Redeem redeem;
  std::uint32_t voucher = 0;
  std::int64_t amount_fen = 0;            ///< as redeemed
  std::int64_t held_fen = 0;              ///< as redeemed
  std::vector<std::int64_t> subsidy_fen;  ///< of the amount, on each invoice line
  std::int64_t refunded_ucu = 0;
  std::int64_t clawed_back_ucu = 0;
  bool is_settled = false;

  [[nodiscard]] std::int64_t net_ucu() const {
    return redeem.quantity_ucu - refunded_ucu - clawed_back_ucu;
  }
  /// All of it was given back and nothing clawed back: what it counted may be counted again.
  [[nodiscard]] bool is_undone() const { return refunded_ucu == redeem.quantity_ucu; }
};

struct CountedSpan {
  std::int64_t end = 0;
  std::uint32_t redemption = 0;
};
using Spans = std::map<std::int64_t, CountedSpan>;  ///< by start; none overlap

struct CountedLine {
  std::int64_t eligible_fen = 0;
  std::int64_t subsidy_fen = 0;
  bool is_reversed = false;
  std::map<std::string, std::int64_t> counted_fen;  ///< by stack group
};

struct State {
  std::string ledger;
  std::optional<std::int64_t> second_signature_above_fen;
  std::int64_t last_recorded_s = 0;
  std::map<std::string, Actor> actors;
  std::map<std::string, Programme> programmes;
  std::map<std::string, Certificate> certificates;
  std::map<std::string, AwardState> awards;
  std::vector<Voucher> vouchers;
  std::vector<Budget> budgets;
  std::vector<Redemption> redemptions;
  std::unordered_map<std::string, std::uint32_t> voucher_index;
  std::unordered_map<std::string, std::uint32_t> redemption_index;
  std::map<std::string, Spans> device_seconds;                         ///< by device
  std::map<std::pair<std::string, std::string>, Spans> contract_days;  ///< by group and contract
  std::map<InvoiceLine, CountedLine> invoice_lines;
  /// Redemptions on a claim, by programme and the claim's id.
  std::map<std::pair<std::string, std::string>, std::vector<std::uint32_t>> claims;

  [[nodiscard]] const Voucher* voucher(const std::string& name) const;
  [[nodiscard]] const Redemption* redemption(const std::string& name) const;
  [[nodiscard]] std::optional<std::uint32_t> budget(const std::string& programme, int year) const;
};

/// What stands of the redemptions on a claim: redeemed and neither given back nor clawed back.
struct ClaimSum {
  std::int64_t amount_fen = 0;
  std::int64_t quantity_ucu = 0;
};
[[nodiscard]] ClaimSum standing_on_claim(const State& state, const std::string& programme,
                                         const std::string& claim);

/// A redemption that rests on a certificate revoked for its time, or on a reversed invoice.
struct DueForClawBack {
  std::string redemption;
  std::string why;
};
[[nodiscard]] std::vector<DueForClawBack> due_for_claw_back(const State& state);
/// Empty where a redemption is due for nothing.
[[nodiscard]] std::string why_due(const State& state, const Redemption& redemption);

/// "cu:voucher-7:reserved", "cny:programme-a:2026:free".
[[nodiscard]] std::string account_text(const State& state, Account account, std::uint32_t owner);

}  // namespace assay::pricing::ledger
