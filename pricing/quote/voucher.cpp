#include "pricing/quote/voucher.h"

#include "base/error.h"
#include "pricing/programme/evaluate.h"
#include "results/document.h"

namespace assay::pricing {

namespace {

using nlohmann::json;

constexpr int kAmountDecimals = 2;
constexpr int kUnitDecimals = 6;
constexpr int kFenOfCny = 100;

void set_amount(json& line, const Rational& ex_vat, const std::string& where) {
  Rational amount = ex_vat;
  const json& vat = line.at("vat");
  if (vat.at("basis") == "included") {
    amount *= 1 + parse_decimal(vat.at("rate").get<std::string>(), where);
  }
  line["amount"] = rounded_text(amount, kAmountDecimals);
}

void require_one_line(const json& claim, const std::string& file) {
  const json& invoices = claim.at("invoices");
  const bool one = claim.at("contract").at("items").size() == 1 && invoices.size() <= 1 &&
                   (invoices.empty() || invoices.front().at("lines").size() == 1);
  if (!one) {
    throw input_error("a quote fills one item and at most one invoice line", file,
                      "leave one item in the contract and one line in one invoice");
  }
  const bool decided = claim.contains("award") && !claim.at("award").is_null();
  const bool paid = claim.contains("earlier_payments") && !claim.at("earlier_payments").empty();
  if (decided || paid) {
    throw input_error("a quote's claim was not decided yet", file,
                      "leave out award and earlier_payments");
  }
}

}  // namespace

VoucherClaim::VoucherClaim(const std::filesystem::path& claim,
                           const std::vector<std::filesystem::path>& own_programmes)
    : file_(claim.string()),
      document_(parse_json(read_file(claim), file_)),
      library_(programme::programmes_with(own_programmes)) {
  const programme::Claim read = programme::claim_from_json(document_, file_);
  require_one_line(document_, file_);
  const programme::Programme& chosen = programme::programme_of(library_, read);
  programme_ = chosen.id;
  version_ = chosen.version;
}

json VoucherClaim::filled(const Rational& price_ex_vat, const Rational& billed_cu) const {
  json claim = document_;
  set_amount(claim["contract"]["items"][0], price_ex_vat, file_);
  if (!claim["invoices"].empty()) {
    set_amount(claim["invoices"][0]["lines"][0], price_ex_vat, file_);
  }
  if (claim.contains("verified_cu") && !claim["verified_cu"].is_null()) {
    claim["verified_cu"]["cu"] = rounded_text(billed_cu, kUnitDecimals);
  }
  return claim;
}

Voucher VoucherClaim::of(const Rational& price_ex_vat, const Rational& billed_cu) const {
  const programme::Claim claim = programme::claim_from_json(filled(price_ex_vat, billed_cu), file_);
  const programme::Programme& chosen = programme::programme_of(library_, claim);
  const programme::Ruling ruling = programme::evaluate(chosen, claim);
  Voucher voucher;
  voucher.kind = programme::names_of(ruling.kind).at(static_cast<std::size_t>(ruling.kind));
  if (ruling.kind == programme::RulingKind::refused ||
      ruling.kind == programme::RulingKind::stopped) {
    voucher.why = programme::findings_line(ruling, chosen);
    return voucher;
  }
  bool first = true;
  for (const programme::ReadingResult& reading : ruling.readings) {
    const Rational cny(reading.cumulative.value, kFenOfCny);
    voucher.low = first || cny < voucher.low ? cny : voucher.low;
    voucher.high = first || cny > voucher.high ? cny : voucher.high;
    first = false;
  }
  return voucher;
}

}  // namespace assay::pricing
