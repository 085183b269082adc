#include "pricing/ledger/claim_amount.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "pricing/ledger/decimal.h"
#include "pricing/ledger/quantity.h"
#include "pricing/programme/costs.h"
#include "pricing/programme/evaluate.h"
#include "results/json_path.h"

namespace assay::pricing::ledger {

namespace {

/// One claim held against one redemption; each of these throws at what does not agree.
class Comparison {
 public:
  Comparison(const State& state, const Redeem& redeem, const programme::Programme& rule,
             const programme::Claim& claim)
      : redeem_(redeem), rule_(rule), claim_(claim), voucher_(voucher_in(state)) {
    ledger_programme_ = &state.programmes.at(voucher_.issue.programme);
    standing_ = standing_on_claim(state, claim.programme, claim.id);
  }

  void whose() const {
    if (claim_.programme != voucher_.issue.programme) {
      throw wrong("/programme/id",
                  fmt::format("the claim is of programme '{}', voucher '{}' of '{}'",
                              claim_.programme, redeem_.voucher, voucher_.issue.programme),
                  "claim from the voucher's programme");
    }
    if (claim_.applicant.credit_code != voucher_.issue.applicant) {
      throw wrong("/applicant/credit_code",
                  fmt::format("voucher '{}' is of {}", redeem_.voucher, voucher_.issue.applicant),
                  "only the voucher's applicant claims");
    }
    const auto version = ledger_programme_->rules.find(redeem_.rule_version);
    if (version == ledger_programme_->rules.end()) {
      throw input_error(fmt::format("no rule version '{}'", redeem_.rule_version), "rule_version",
                        "name the version valid at the time of use");
    }
    if (version->second.digest != rule_.digest) {
      throw wrong("/programme",
                  fmt::format("{} is document {}, rule version '{}' of the ledger is document {}",
                              programme::title_of(rule_), rule_.digest, redeem_.rule_version,
                              version->second.digest),
                  "give the ledger's programme file: --programme");
    }
  }

  void time_of_use() const {
    const int offset = ledger_programme_->opened.utc_offset_minutes;
    const std::int64_t from = claim_.use_from.time_since_epoch().count();
    const std::int64_t to = claim_.use_to.time_since_epoch().count();
    for (const DeviceUse& use : redeem_.uses) {
      if (local_day(use.start_s, offset) < from || local_day(use.end_s - 1, offset) > to) {
        throw wrong("/use",
                    fmt::format("the use of '{}' from {} to {} is not in the claim's period",
                                use.device, instant_text(use.start_s), instant_text(use.end_s)),
                    "redeem what was used in the days that are claimed");
      }
    }
  }

  void invoices() const {
    for (const InvoiceUse& use : redeem_.invoices) {
      const programme::CostLine* line = line_of(use.line);
      const std::string name =
          fmt::format("line {} of invoice {}", use.line.line, use.line.invoice_number);
      if (line == nullptr) {
        throw wrong("/invoices", name + " is not in the claim", "redeem on the claim's invoices");
      }
      const auto ex_vat = programme::on_basis(*line, false);
      // Half a fen for the rounding of the amount ex VAT.
      const programme::Fraction half(1, 2);
      if (!ex_vat || *ex_vat + half < programme::Fraction(use.eligible_fen)) {
        throw wrong("/invoices",
                    fmt::format("{} costs less ex VAT than the {} CNY of the redemption", name,
                                cny_text(use.eligible_fen)),
                    "state the line's amount ex VAT as eligible_cny");
      }
    }
  }

  void verified_cu() const {
    if (!claim_.verified_cu) return;
    const auto rate = ledger_programme_->ceilings.find(redeem_.rate_version);
    if (rate != ledger_programme_->ceilings.end() && !rate->second.basket.empty() &&
        rate->second.basket != claim_.verified_cu->basket) {
      throw wrong(
          "/verified_cu/basket",
          fmt::format("CU of basket '{}', rate version '{}' is of '{}'", claim_.verified_cu->basket,
                      redeem_.rate_version, rate->second.basket),
          "CU of two baskets do not compare: claim in CU of that basket");
    }
    const std::int64_t redeemed = checked_sum(standing_.quantity_ucu, redeem_.quantity_ucu);
    if (redeemed > claim_.verified_cu->micro_cu) {
      throw wrong("/verified_cu/cu",
                  fmt::format("{} CU are verified, {} would be redeemed on the claim",
                              cu_text(claim_.verified_cu->micro_cu), cu_text(redeemed)),
                  "redeem what was verified");
    }
  }

  void payments() const {
    if (claim_.paid_before.value != standing_.amount_fen) {
      throw wrong("/earlier_payments",
                  fmt::format("{} CNY in all, the ledger has {} CNY redeemed on this claim",
                              cny_text(claim_.paid_before.value), cny_text(standing_.amount_fen)),
                  "state what was redeemed on the claim before, and nothing else");
    }
  }

  [[nodiscard]] std::int64_t amount() const {
    const programme::Ruling ruling = programme::evaluate(rule_, claim_);
    switch (ruling.kind) {
      case programme::RulingKind::stopped:
        throw wrong("", "stopped: " + programme::findings_line(ruling, rule_),
                    "fill the claim, or add the programme's decision under /decisions");
      case programme::RulingKind::refused:
        throw check_error("refused: " + programme::findings_line(ruling, rule_), claim_.where,
                          "the programme pays nothing for this claim");
      case programme::RulingKind::at_most:
        throw wrong("/award",
                    fmt::format("the programme pays at most {} CNY, the award is its decision",
                                cny_text(ruling.reading().cumulative.value)),
                    "add the award with its document");
      case programme::RulingKind::set:
        throw wrong("/decisions",
                    "the amount depends on an open rule: " +
                        fmt::format("{}", fmt::join(ruling.open_rules, ", ")),
                    "add the programme's decision on it: nothing is redeemed from a set");
      case programme::RulingKind::figure:
        break;
    }
    const std::int64_t part = ruling.reading().part.value;
    if (part < 0) {
      throw check_error(
          fmt::format("{} CNY were paid too much on this claim before", cny_text(-part)),
          claim_.where, "give it back: assay voucher refund");
    }
    return part;
  }

 private:
  const Voucher& voucher_in(const State& state) const {
    const Voucher* voucher = state.voucher(redeem_.voucher);
    if (voucher != nullptr) return *voucher;
    throw input_error(fmt::format("no voucher '{}' is issued", redeem_.voucher), "voucher",
                      "list the vouchers: assay voucher show");
  }

  [[nodiscard]] Error wrong(const char* pointer, const std::string& what,
                            const std::string& mend) const {
    return input_error(what, *pointer == '\0' ? claim_.where : place(claim_.where, pointer), mend);
  }

  [[nodiscard]] const programme::CostLine* line_of(const InvoiceLine& wanted) const {
    for (const programme::Invoice& invoice : claim_.invoices) {
      if (invoice.issuer != wanted.issuer_tax_number || invoice.number != wanted.invoice_number) {
        continue;
      }
      const auto line =
          std::find_if(invoice.lines.begin(), invoice.lines.end(),
                       [&](const programme::CostLine& each) { return each.number == wanted.line; });
      if (line != invoice.lines.end()) return &*line;
    }
    return nullptr;
  }

  const Redeem& redeem_;
  const programme::Programme& rule_;
  const programme::Claim& claim_;
  const Voucher& voucher_;
  const Programme* ledger_programme_ = nullptr;
  ClaimSum standing_;
};

}  // namespace

ClaimAmount amount_of_claim(const State& state, const Redeem& redeem,
                            const programme::Programme& rule, const programme::Claim& claim) {
  const Comparison comparison(state, redeem, rule, claim);
  comparison.whose();
  comparison.time_of_use();
  comparison.invoices();
  comparison.verified_cu();
  comparison.payments();
  return {
      {claim.programme, rule.version, rule.digest, claim.id, claim.digest, claim.paid_before.value},
      comparison.amount()};
}

}  // namespace assay::pricing::ledger
