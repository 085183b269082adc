#include "pricing/ledger/state.h"

#include "pricing/ledger/quantity.h"

namespace assay::pricing::ledger {

namespace {

constexpr std::array<const char*, kAccounts> kNames{
    "issued",          "covered",   "contingent", "reserved", "redeemed", "settled",   "expired",
    "clawed-back",     "committed", "held",       "payable",  "paid",     "recovered", "receivable",
    "repayment-claim", "received",  "budget",     "free",     "lapsed"};

}  // namespace

const char* account_name(Account account) {
  return kNames.at(index_of(account));
}

const Voucher* State::voucher(const std::string& name) const {
  const auto found = voucher_index.find(name);
  return found == voucher_index.end() ? nullptr : &vouchers[found->second];
}

const Redemption* State::redemption(const std::string& name) const {
  const auto found = redemption_index.find(name);
  return found == redemption_index.end() ? nullptr : &redemptions[found->second];
}

std::optional<std::uint32_t> State::budget(const std::string& programme, int year) const {
  for (std::uint32_t i = 0; i < budgets.size(); ++i) {
    if (budgets[i].year == year && budgets[i].programme == programme) return i;
  }
  return std::nullopt;
}

ClaimSum standing_on_claim(const State& state, const std::string& programme,
                           const std::string& claim) {
  ClaimSum sum;
  const auto found = state.claims.find({programme, claim});
  if (found == state.claims.end()) return sum;
  for (const std::uint32_t index : found->second) {
    const Redemption& each = state.redemptions[index];
    const std::int64_t net_ucu = each.net_ucu();
    sum.quantity_ucu = checked_sum(sum.quantity_ucu, net_ucu);
    sum.amount_fen =
        checked_sum(sum.amount_fen, share_of(each.amount_fen, net_ucu, each.redeem.quantity_ucu));
  }
  return sum;
}

std::string why_due(const State& state, const Redemption& redemption) {
  if (redemption.net_ucu() == 0) return {};
  const std::string& digest = redemption.redeem.certificate;
  const auto certificate = state.certificates.find(digest);
  if (certificate != state.certificates.end() && certificate->second.revoked_from_s) {
    for (const DeviceUse& use : redemption.redeem.uses) {
      if (use.end_s > *certificate->second.revoked_from_s) {
        return "certificate " + digest.substr(0, 12) + " is revoked for the time of use";
      }
    }
  }
  for (const InvoiceUse& use : redemption.redeem.invoices) {
    const auto line = state.invoice_lines.find(use.line);
    if (line != state.invoice_lines.end() && line->second.is_reversed) {
      return "a red-letter invoice reverses its line";
    }
  }
  return {};
}

std::vector<DueForClawBack> due_for_claw_back(const State& state) {
  std::vector<DueForClawBack> due;
  for (const Redemption& redemption : state.redemptions) {
    std::string why = why_due(state, redemption);
    if (!why.empty()) due.push_back({redemption.redeem.redemption, std::move(why)});
  }
  return due;
}

std::string account_text(const State& state, Account account, std::uint32_t owner) {
  const std::string place = account_name(account);
  if (is_of_voucher(account)) {
    const char* commodity = commodity_of(account) == Commodity::cu ? "cu:" : "cny:";
    return commodity + state.vouchers.at(owner).issue.voucher + ":" + place;
  }
  const Budget& budget = state.budgets.at(owner);
  return "cny:" + budget.programme + ":" + std::to_string(budget.year) + ":" + place;
}

}  // namespace assay::pricing::ledger
