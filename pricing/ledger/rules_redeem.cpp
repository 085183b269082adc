/// Rules of a redemption: what it rests on is valid at the time of use, nothing is counted twice,
/// and it pays min(the programme's rule, CU x unit value).
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "pricing/ledger/entry.h"
#include "pricing/ledger/quantity.h"

namespace assay::pricing::ledger {

namespace {

/// Spans of one operation are held against each other and against those counted before.
const CountedSpan* overlapping(const Spans& spans, std::int64_t start, std::int64_t end) {
  auto after = spans.lower_bound(end);
  if (after == spans.begin()) return nullptr;
  const auto& before = *std::prev(after);
  return before.second.end > start ? &before.second : nullptr;
}

template <class Span>
bool overlap_among(std::vector<Span> spans) {
  std::sort(spans.begin(), spans.end());
  for (std::size_t i = 1; i < spans.size(); ++i) {
    const auto& [name, start, end] = spans[i - 1];
    if (std::get<0>(spans[i]) == name && std::get<1>(spans[i]) < end) return true;
  }
  return false;
}

std::optional<Refusal> judge_use(const DeviceUse& use, const Certificate& certificate,
                                 const Voucher& voucher, const Circumstances& now) {
  const RegisterCertificate& of = certificate.registered;
  if (use.start_s >= use.end_s || use.quantity_ucu <= 0) {
    return refuse("use", fmt::format("a use of '{}' is empty", use.device),
                  "give its start, its later end and its CU");
  }
  if (std::find(of.devices.begin(), of.devices.end(), use.device) == of.devices.end()) {
    return refuse("certificate", fmt::format("the certificate is not of device '{}'", use.device),
                  "name the certificate of the devices used");
  }
  if (use.start_s < of.from_s || use.end_s > of.until_s) {
    return refuse("certificate",
                  fmt::format("the certificate does not hold from {} to {}",
                              instant_text(use.start_s), instant_text(use.end_s)),
                  "name the certificate valid at the time of use");
  }
  if (certificate.revoked_from_s && use.end_s > *certificate.revoked_from_s) {
    return refuse("certificate-revoked",
                  "the certificate is revoked from " + instant_text(*certificate.revoked_from_s),
                  "use after that counts for nothing");
  }
  if (use.end_s > voucher.issue.expires_s) {
    return refuse("expired",
                  "the use ends after the voucher: " + instant_text(voucher.issue.expires_s),
                  "redeem what was used before");
  }
  if (use.end_s > now.recorded_s) {
    return refuse("use-in-future", "the use ends at " + instant_text(use.end_s) + ", after now",
                  "redeem what was used");
  }
  const std::int64_t most = capacity_ucu(of.k_cert_ucu_per_hour, use.end_s - use.start_s);
  if (use.quantity_ucu > most) {
    return refuse("device-capacity",
                  fmt::format("{} uCU in {} s of '{}', which is certified for {} uCU in that time",
                              use.quantity_ucu, use.end_s - use.start_s, use.device, most),
                  "count device-hours at K_cert");
  }
  return std::nullopt;
}

std::optional<Refusal> judge_uses(const State& state, const Redeem& body,
                                  const Certificate& certificate, const Voucher& voucher,
                                  const Circumstances& now) {
  std::int64_t total = 0;
  std::vector<std::tuple<std::string, std::int64_t, std::int64_t>> spans;
  for (const DeviceUse& use : body.uses) {
    if (auto refusal = judge_use(use, certificate, voucher, now)) return refusal;
    total = checked_sum(total, use.quantity_ucu);
    spans.emplace_back(use.device, use.start_s, use.end_s);
    const auto counted = state.device_seconds.find(use.device);
    if (counted == state.device_seconds.end()) continue;
    if (const auto* other = overlapping(counted->second, use.start_s, use.end_s)) {
      return refuse("device-seconds",
                    fmt::format("time of '{}' is redeemed already in '{}'", use.device,
                                state.redemptions[other->redemption].redeem.redemption),
                    "leave out what was redeemed before");
    }
  }
  if (body.uses.empty() || total != body.quantity_ucu) {
    return refuse(
        "use",
        fmt::format("the uses come to {} uCU, the redemption to {}", total, body.quantity_ucu),
        "redeem exactly what was used");
  }
  if (overlap_among(std::move(spans))) {
    return refuse("device-seconds", "two uses of one device overlap", "count each second once");
  }
  return std::nullopt;
}

std::optional<Refusal> judge_versions(const Programme& programme, const Certificate& certificate,
                                      const Redeem& body) {
  const auto rule = programme.rules.find(body.rule_version);
  const auto rate = programme.ceilings.find(body.rate_version);
  if (rule == programme.rules.end()) {
    return refuse("rule-version", fmt::format("no rule version '{}'", body.rule_version),
                  "name the version valid at the time of use");
  }
  if (rate == programme.ceilings.end()) {
    return refuse("rate-version", fmt::format("no rate version '{}'", body.rate_version),
                  "name the version valid at the time of use");
  }
  for (const DeviceUse& use : body.uses) {
    if (use.start_s < rule->second.from_s || use.end_s > rule->second.until_s) {
      return refuse(
          "rule-version",
          fmt::format("rule version '{}' is not valid at the time of use", body.rule_version),
          "redeem the parts of a use under their own versions");
    }
    if (use.start_s < rate->second.from_s || use.end_s > rate->second.until_s) {
      return refuse(
          "rate-version",
          fmt::format("rate version '{}' is not valid at the time of use", body.rate_version),
          "redeem the parts of a use under their own versions");
    }
  }
  const std::string& basket = rate->second.basket;
  if (!basket.empty() && certificate.registered.basket != basket) {
    return refuse("basket",
                  fmt::format("the certificate is of basket '{}', rate version '{}' of '{}'",
                              certificate.registered.basket, body.rate_version, basket),
                  "CU of two baskets do not compare: name a certificate of that basket");
  }
  return std::nullopt;
}

std::optional<Refusal> judge_days(const State& state, const OpenProgramme& programme,
                                  const Redeem& body) {
  std::vector<std::tuple<std::string, std::int64_t, std::int64_t>> spans;
  for (const ContractDays& days : body.days) {
    if (days.from_day >= days.until_day) {
      return refuse("contract-days", "a span of contract days is empty", "check its dates");
    }
    spans.emplace_back(days.contract, days.from_day, days.until_day);
    const auto counted = state.contract_days.find({programme.stack_group, days.contract});
    if (counted == state.contract_days.end()) continue;
    if (const auto* other = overlapping(counted->second, days.from_day, days.until_day)) {
      return refuse("contract-days",
                    fmt::format("days of contract '{}' are counted already in '{}'", days.contract,
                                state.redemptions[other->redemption].redeem.redemption),
                    "count each day once");
    }
  }
  if (overlap_among(spans)) {
    return refuse("contract-days", "two spans of one contract overlap", "count each day once");
  }
  for (const DeviceUse& use : body.uses) {
    // Days are few; the spans may be in any order.
    for (std::int64_t day = local_day(use.start_s, programme.utc_offset_minutes);
         day <= local_day(use.end_s - 1, programme.utc_offset_minutes); ++day) {
      const bool counted = std::any_of(body.days.begin(), body.days.end(), [&](const auto& days) {
        return days.from_day <= day && day < days.until_day;
      });
      if (!counted) {
        return refuse(
            "contract-days",
            fmt::format("a use of '{}' lies outside the contract days counted", use.device),
            "count every local day of use");
      }
    }
  }
  return std::nullopt;
}

/// An amount that the evaluator found is by the document of the rule version, and on top of what
/// stands on that claim.
std::optional<Refusal> judge_evaluation(const State& state, const Voucher& voucher,
                                        const SetRule& rule, const Redeem& body) {
  if (!body.evaluation) {
    if (!rule.evaluated) return std::nullopt;
    return refuse(
        "evaluation",
        fmt::format("rule version '{}' pays what its programme finds for a claim, and the "
                    "redemption names none",
                    rule.version),
        "redeem with the claim: assay voucher redeem --claim");
  }
  const Evaluation& evaluation = *body.evaluation;
  if (evaluation.programme != voucher.issue.programme) {
    return refuse("evaluation",
                  fmt::format("the claim is of programme '{}', the voucher of '{}'",
                              evaluation.programme, voucher.issue.programme),
                  "claim from the voucher's programme");
  }
  if (evaluation.programme_digest != rule.digest) {
    return refuse(
        "evaluation",
        fmt::format("the amount was worked out by programme document {}, rule version '{}' is {}",
                    evaluation.programme_digest, rule.version, rule.digest),
        "evaluate the claim by the document of the rule version");
  }
  const std::int64_t standing =
      standing_on_claim(state, evaluation.programme, evaluation.claim).amount_fen;
  if (evaluation.paid_before_fen != standing) {
    return refuse(
        "evaluation",
        fmt::format("claim '{}' says that {} fen were paid on it before, {} were redeemed",
                    evaluation.claim, evaluation.paid_before_fen, standing),
        "state what was redeemed on the claim under its earlier_payments");
  }
  return std::nullopt;
}

/// Whether two stack groups allow each other, as their programmes say.
bool stack_beside(const State& state, const std::string& one, const std::string& other) {
  const auto allows = [&](const std::string& group, const std::string& named) {
    return std::any_of(state.programmes.begin(), state.programmes.end(), [&](const auto& entry) {
      const OpenProgramme& programme = entry.second.opened;
      return programme.stack_group == group &&
             std::find(programme.stacks_beside.begin(), programme.stacks_beside.end(), named) !=
                 programme.stacks_beside.end();
    });
  };
  return allows(one, other) && allows(other, one);
}

std::string line_text(const InvoiceLine& line) {
  return fmt::format("{}/{}/{}", line.issuer_tax_number, line.invoice_number, line.line);
}

std::optional<Refusal> judge_line(const State& state, const std::string& group,
                                  const InvoiceUse& use, std::int64_t subsidy_fen) {
  CountedLine line;
  if (const auto found = state.invoice_lines.find(use.line); found != state.invoice_lines.end()) {
    line = found->second;
  } else {
    line.eligible_fen = use.eligible_fen;
  }
  const auto invoice = [&](const std::string& what, const char* mend) {
    return refuse("invoice-line", fmt::format("invoice line {}: {}", line_text(use.line), what),
                  mend);
  };
  if (use.eligible_fen <= 0 || use.eligible_fen > kLargestAmount || use.counted_fen <= 0) {
    return invoice("its amounts must be above zero", "check the amounts ex VAT");
  }
  if (line.is_reversed) return invoice("a red-letter invoice reverses it", "use what stands");
  if (line.eligible_fen != use.eligible_fen) {
    return invoice(fmt::format("eligible {} fen, in an earlier redemption {}", use.eligible_fen,
                               line.eligible_fen),
                   "state the same cost of the same line");
  }
  if (checked_sum(line.counted_fen[group], use.counted_fen) > line.eligible_fen) {
    return invoice(fmt::format("{} of its {} fen are counted already, {} more are asked",
                               line.counted_fen[group], line.eligible_fen, use.counted_fen),
                   "count each fen once");
  }
  for (const auto& [other, counted_fen] : line.counted_fen) {
    if (other == group || counted_fen == 0 || stack_beside(state, group, other)) continue;
    return refuse("stacking",
                  fmt::format("invoice line {} is subsidised by group '{}', which '{}' does not "
                              "stand beside",
                              line_text(use.line), other, group),
                  "leave the line out");
  }
  if (checked_sum(line.subsidy_fen, subsidy_fen) > line.eligible_fen) {
    return refuse(
        "stacking",
        fmt::format("invoice line {}: subsidies of {} and {} fen exceed its cost of {}",
                    line_text(use.line), line.subsidy_fen, subsidy_fen, line.eligible_fen),
        "count less of it");
  }
  return std::nullopt;
}

/// Largest remainder, ties by position.
std::vector<std::int64_t> share_out(std::int64_t amount, const std::vector<InvoiceUse>& lines) {
  __extension__ using Product = __int128;
  Product whole = 0;
  for (const InvoiceUse& line : lines) whole += line.counted_fen;
  std::vector<std::int64_t> shares(lines.size());
  if (whole <= 0) return shares;
  std::vector<Product> remainders(lines.size());
  std::int64_t rest = amount;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Product exact = Product{amount} * lines[i].counted_fen;
    shares[i] = static_cast<std::int64_t>(exact / whole);
    remainders[i] = exact % whole;
    rest -= shares[i];
  }
  std::vector<std::size_t> order(lines.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
  for (std::size_t i = 0; rest > 0; ++i, --rest) ++shares[order[i]];
  return shares;
}

std::optional<Refusal> judge_invoices(const State& state, const std::string& group,
                                      const Redeem& body, const RedemptionMoney& money) {
  std::vector<InvoiceLine> lines;
  for (std::size_t i = 0; i < body.invoices.size(); ++i) {
    if (auto refusal = judge_line(state, group, body.invoices[i], money.subsidy_fen[i])) {
      return refusal;
    }
    lines.push_back(body.invoices[i].line);
  }
  std::sort(lines.begin(), lines.end());
  if (std::adjacent_find(lines.begin(), lines.end()) != lines.end()) {
    return refuse("invoice-line", "one invoice line is named twice", "name each line once");
  }
  if (lines.empty() && money.amount_fen > 0) {
    return refuse("invoice-line", "the redemption names no invoice", "name the lines it is for");
  }
  return std::nullopt;
}

}  // namespace

RedemptionMoney redemption_money(const Voucher& voucher, const Redeem& redeem) {
  RedemptionMoney money;
  money.cover_fen = cover_of_next(voucher, redeem.quantity_ucu);
  // Refunds in parts are rounded, so the last covered CU may carry a fen more than their value:
  // that fen is held, and goes back at settlement.
  money.amount_fen = std::min(
      {money.cover_fen, value_of_next(voucher, redeem.quantity_ucu), redeem.rule_amount_fen});
  money.subsidy_fen = share_out(money.amount_fen, redeem.invoices);
  return money;
}

Decision judge(const State& state, const Circumstances& now, const Redeem& body) {
  const Voucher* voucher = state.voucher(body.voucher);
  if (voucher == nullptr) {
    return refuse("unknown-voucher", fmt::format("no voucher '{}' is issued", body.voucher),
                  "list the vouchers: assay voucher show");
  }
  if (state.redemption(body.redemption) != nullptr) {
    return refuse("redemption-exists", fmt::format("'{}' is redeemed already", body.redemption),
                  "give another name");
  }
  if (body.quantity_ucu <= 0 || body.rule_amount_fen < 0 || body.rule_amount_fen > kLargestAmount) {
    return refuse("amount", "quantity and amount must not be negative, nor the quantity zero",
                  "check units and decimal points");
  }
  if (body.quantity_ucu > voucher->of(Account::reserved)) {
    return refuse("not-enough-reserved",
                  fmt::format("{} uCU of the voucher are reserved", voucher->of(Account::reserved)),
                  "reserve first: assay voucher reserve");
  }
  const auto certificate = state.certificates.find(body.certificate);
  if (certificate == state.certificates.end()) {
    return refuse("certificate", "no such certificate is registered",
                  "have the regulator post a register-certificate operation: assay ledger post");
  }
  const Programme& programme = state.programmes.at(voucher->issue.programme);
  const RedemptionMoney money = redemption_money(*voucher, body);
  for (const auto& refusal : {judge_uses(state, body, certificate->second, *voucher, now),
                              judge_versions(programme, certificate->second, body),
                              judge_days(state, programme.opened, body),
                              judge_invoices(state, programme.opened.stack_group, body, money)}) {
    if (refusal) return *refusal;
  }
  if (auto refusal =
          judge_evaluation(state, *voucher, programme.rules.at(body.rule_version), body)) {
    return *refusal;
  }
  const std::uint32_t owner = state.voucher_index.at(body.voucher);
  Entry entry(owner);
  entry.move(body.quantity_ucu, Account::reserved, Account::redeemed);
  entry.move(money.amount_fen, Account::committed, Account::payable);
  entry.move(money.cover_fen - money.amount_fen, Account::committed, Account::held);
  return entry.take();
}

}  // namespace assay::pricing::ledger
