#include "small_ledger.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace assay::pricing::ledger::test {

namespace {

constexpr std::int64_t kManyHours = 1'000;

/// All figures here are whole CU or fen, small enough for a byte.
void put(std::string& key, std::int64_t value) {
  const auto byte = static_cast<signed char>(value);
  if (byte != value) throw std::range_error("a figure does not fit into the key");
  key.push_back(static_cast<char>(byte));
}

std::int64_t whole_cu(std::int64_t amount_ucu) {
  if (amount_ucu % kCu != 0) throw std::range_error("a part of a CU does not fit into the key");
  return amount_ucu / kCu;
}

std::int64_t small(Account account, std::int64_t amount) {
  return commodity_of(account) == Commodity::cu ? whole_cu(amount) : amount;
}

std::string key_of_redemption(const Redemption& redemption) {
  std::string key;
  put(key, whole_cu(redemption.redeem.quantity_ucu));
  put(key, whole_cu(redemption.net_ucu()));
  put(key, redemption.amount_fen);
  put(key, redemption.held_fen);
  put(key, redemption.is_settled ? 1 : 0);
  return key;
}

/// Reads what key_of_node() wrote.
class KeyReader {
 public:
  explicit KeyReader(const std::string& key) : key_(key) {}
  std::int64_t next() { return static_cast<signed char>(key_.at(at_++)); }

 private:
  const std::string& key_;
  std::size_t at_ = 0;
};

void read_redemption(KeyReader& key, State& state, std::uint32_t voucher) {
  Redemption redemption;
  const std::int64_t quantity = key.next() * kCu;
  const std::int64_t net = key.next() * kCu;
  redemption.amount_fen = key.next();
  redemption.held_fen = key.next();
  redemption.is_settled = key.next() != 0;
  redemption.voucher = voucher;
  redemption.refunded_ucu = quantity - net;
  redemption.redeem = free_redemption(state, state.vouchers[voucher].issue.voucher, quantity,
                                      redemption.amount_fen);
  redemption.subsidy_fen = {redemption.amount_fen};
  const auto index = static_cast<std::uint32_t>(state.redemptions.size());
  const Redeem& redeem = redemption.redeem;
  state.redemption_index[redeem.redemption] = index;
  for (const DeviceUse& use : redeem.uses) {
    state.device_seconds[use.device][use.start_s] = {use.end_s, index};
  }
  for (const ContractDays& days : redeem.days) {
    state.contract_days[{"g", days.contract}][days.from_day] = {days.until_day, index};
  }
  CountedLine& line = state.invoice_lines[redeem.invoices[0].line];
  line.eligible_fen = redeem.invoices[0].eligible_fen;
  line.counted_fen["g"] = redeem.invoices[0].counted_fen;
  line.subsidy_fen = redemption.amount_fen;
  state.redemptions.push_back(std::move(redemption));
}

void read_voucher(KeyReader& key, State& state) {
  const auto index = static_cast<std::uint32_t>(state.vouchers.size());
  Voucher voucher;
  voucher.budget = static_cast<std::uint32_t>(key.next());
  const std::int64_t value = key.next();
  voucher.value_ucny_per_cu = value * 10'000;
  for (std::size_t a = 0; a < index_of(Account::paid); ++a) {
    const std::int64_t amount = key.next();
    voucher.balance.at(a) =
        commodity_of(static_cast<Account>(a)) == Commodity::cu ? amount * kCu : amount;
  }
  voucher.balance.at(index_of(Account::paid)) = key.next();
  const std::int64_t receivable = key.next();
  voucher.balance.at(index_of(Account::receivable)) = receivable;
  voucher.balance.at(index_of(Account::repayment_claim)) = -receivable;
  Budget& budget = state.budgets[voucher.budget];
  voucher.issue = issue_of(index, voucher.of(Account::issued), budget.year, std::to_string(value));
  budget.drawn_fen["g"] += voucher.drawn_fen();
  state.voucher_index[voucher.issue.voucher] = index;
  state.vouchers.push_back(std::move(voucher));
  for (std::int64_t left = key.next(); left > 0; --left) read_redemption(key, state, index);
}

}  // namespace

std::int64_t time_of(int epoch) {
  return kStart + std::array{kManyHours * kHour, kManyHours * kHour + 400 * kDay,
                             kManyHours * kHour + 700 * kDay}
                      .at(static_cast<std::size_t>(epoch));
}

Redeem free_redemption(const State& state, const std::string& voucher, std::int64_t quantity,
                       std::int64_t rule_amount) {
  std::int64_t slot = 0;
  while (state.redemption("r" + std::to_string(slot)) != nullptr) ++slot;
  Redeem body;
  body.redemption = "r" + std::to_string(slot);
  body.voucher = voucher;
  body.quantity_ucu = quantity;
  body.certificate = "c";
  body.rule_version = "r";
  body.rate_version = "1";
  body.rule_amount_fen = rule_amount;
  const std::int64_t begin = kStart + slot * 2 * kHour;
  body.uses = {{"d", begin, begin + quantity / kCu * kHour, quantity}};
  body.invoices = {{{"t", body.redemption, 1}, "", 100, 100}};
  const auto day = static_cast<std::int32_t>((begin + 8 * kHour) / kDay);
  body.days = {{body.redemption, day, day + 2}};
  return body;
}

Issue issue_of(std::size_t number, std::int64_t quantity, int year, const std::string& rate) {
  Issue body = issue("v" + std::to_string(number), "p", quantity, year, "g");
  body.applicant = "a";
  body.rule_version = "r";
  body.rate_version = rate;
  body.expires_s = kStart + 500 * kDay;
  return body;
}

Node empty_node(CommitsAt commits_at) {
  Node node;
  State& state = node.state;
  state.ledger = "b";
  Programme& programme = state.programmes["p"];
  programme.opened.programme = "p";
  programme.opened.commits_at = commits_at;
  programme.opened.stack_group = "g";
  SetRule rule;
  rule.programme = "p";
  rule.version = "r";
  rule.from_s = kStart;
  rule.until_s = year_start_s(2030, 480);
  rule.share_ppm = 1'000'000;
  rule.cap_fen = kBudgetMost;
  programme.rules["r"] = rule;
  programme.ceilings["1"] = {"p", "1", "", rule.from_s, rule.until_s, 10'000};
  programme.ceilings["2"] = {"p", "2", "", rule.from_s, rule.until_s, 20'000};
  state.certificates["c"].registered = {"c", kCu, kStart, rule.until_s, {"d"}};
  for (const int year : {2026, 2027}) {
    Budget budget;
    budget.programme = "p";
    budget.year = year;
    state.budgets.push_back(budget);
  }
  return node;
}

std::string key_of_voucher(const State& state, std::uint32_t index) {
  const Voucher& voucher = state.vouchers[index];
  std::string key;
  put(key, voucher.budget);
  put(key, voucher.value_ucny_per_cu / 10'000);
  for (std::size_t a = 0; a < index_of(Account::paid); ++a) {
    put(key, small(static_cast<Account>(a), voucher.balance.at(a)));
  }
  put(key, voucher.of(Account::paid) - voucher.of(Account::recovered));
  put(key, voucher.of(Account::receivable) > 0 ? 1 : 0);
  std::vector<std::string> redemptions;
  for (const Redemption& redemption : state.redemptions) {
    if (redemption.voucher == index && redemption.net_ucu() > 0) {
      redemptions.push_back(key_of_redemption(redemption));
    }
  }
  std::sort(redemptions.begin(), redemptions.end());
  put(key, static_cast<std::int64_t>(redemptions.size()));
  for (const std::string& redemption : redemptions) key += redemption;
  return key;
}

std::string key_of_budget(const Budget& budget) {
  std::string key;
  for (const std::int64_t amount : budget.balance) put(key, amount);
  put(key, budget.closed ? 1 : 0);
  return key;
}

std::string key_of_parts(int epoch, const std::vector<std::string>& budgets,
                         std::vector<std::string> vouchers) {
  std::sort(vouchers.begin(), vouchers.end());
  std::string key;
  put(key, epoch);
  for (const std::string& budget : budgets) key += budget;
  put(key, static_cast<std::int64_t>(vouchers.size()));
  for (const std::string& voucher : vouchers) key += voucher;
  return key;
}

std::string key_of_node(const Node& node) {
  const State& state = node.state;
  std::vector<std::string> budgets;
  for (const Budget& budget : state.budgets) budgets.push_back(key_of_budget(budget));
  std::vector<std::string> vouchers;
  for (std::uint32_t i = 0; i < state.vouchers.size(); ++i) {
    vouchers.push_back(key_of_voucher(state, i));
  }
  return key_of_parts(node.epoch, budgets, std::move(vouchers));
}

Node node_of(const std::string& key_text, const Node& empty) {
  KeyReader key(key_text);
  Node node = empty;
  node.epoch = static_cast<int>(key.next());
  for (Budget& budget : node.state.budgets) {
    for (std::int64_t& amount : budget.balance) amount = key.next();
    budget.closed = key.next() != 0;
  }
  for (std::int64_t left = key.next(); left > 0; --left) read_voucher(key, node.state);
  return node;
}

}  // namespace assay::pricing::ledger::test
