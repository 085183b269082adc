#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "pricing/ledger/decimal.h"
#include "pricing/ledger/export.h"
#include "pricing/ledger/quantity.h"
#include "results/csv.h"

namespace assay::pricing::ledger {

namespace {

/// In the order of the columns: the mandatory ones by name, then the conditional ones, then ours.
constexpr const char* kColumnsVersion12[] = {
    "BilledCost",        "BillingAccountId",   "BillingAccountName", "BillingCurrency",
    "BillingPeriodEnd",  "BillingPeriodStart", "ChargeCategory",     "ChargeClass",
    "ChargeDescription", "ChargePeriodEnd",    "ChargePeriodStart",  "ContractedCost",
    "EffectiveCost",     "InvoiceIssuerName",  "ListCost",           "PricingQuantity",
    "PricingUnit",       "ProviderName",       "PublisherName",      "ServiceCategory",
    "ServiceName"};
constexpr const char* kColumnsVersion14[] = {
    "BilledCost",         "BillingAccountId",   "BillingAccountName", "BillingCurrency",
    "BillingPeriodEnd",   "BillingPeriodStart", "ChargeCategory",     "ChargeClass",
    "ChargeDescription",  "ChargePeriodEnd",    "ChargePeriodStart",  "ContractedCost",
    "EffectiveCost",      "HostProviderName",   "InvoiceIssuerName",  "ListCost",
    "PricingQuantity",    "PricingUnit",        "ServiceCategory",    "ServiceName",
    "ServiceProviderName"};
constexpr const char* kMore[] = {"ConsumedQuantity",
                                 "ConsumedUnit",
                                 "InvoiceId",
                                 "PricingCurrency",
                                 "PricingCurrencyContractedUnitPrice",
                                 "PricingCurrencyEffectiveCost",
                                 "PricingCurrencyListUnitPrice",
                                 "x_AssayCertificate",
                                 "x_AssayInvoiceLine",
                                 "x_AssayRateVersion",
                                 "x_AssayRedemption",
                                 "x_AssayRuleVersion",
                                 "x_AssaySubsidyCny",
                                 "x_AssayVoucher"};
constexpr const char* kUnverified = "x_AssayConformance";

using Row = std::map<std::string, std::string>;

struct Month {
  std::string start;
  std::string end;
};

Month month_of(std::int64_t instant_s) {
  using namespace std::chrono;
  const year_month_day date(floor<days>(sys_seconds(seconds(instant_s))));
  const auto first = date.year() / date.month();
  const auto text = [](year_month month) {
    return instant_text(seconds(sys_days(month / 1).time_since_epoch()).count());
  };
  return {text(first), text(first + months(1))};
}

std::int64_t net_of(const Redemption& redemption, std::int64_t amount) {
  return share_of(amount, redemption.net_ucu(), redemption.redeem.quantity_ucu);
}

/// The CU of a redemption shared among its lines by what is counted of each, to the last uCU.
std::vector<std::int64_t> quantities(const Redemption& redemption) {
  const auto& lines = redemption.redeem.invoices;
  std::int64_t whole = 0;
  for (const InvoiceUse& line : lines) whole = checked_sum(whole, line.counted_fen);
  std::vector<std::int64_t> result;
  std::int64_t so_far = 0;
  std::int64_t given = 0;
  for (const InvoiceUse& line : lines) {
    so_far += line.counted_fen;
    const std::int64_t until = share_of(redemption.net_ucu(), so_far, whole);
    result.push_back(until - given);
    given = until;
  }
  return result;
}

Row common(const State& state, const Redemption& redemption, const InvoiceUse& use) {
  const Redeem& redeem = redemption.redeem;
  const Issue& issue = state.vouchers[redemption.voucher].issue;
  std::int64_t start = redeem.uses.front().start_s;
  std::int64_t end = redeem.uses.front().end_s;
  for (const DeviceUse& device : redeem.uses) {
    start = std::min(start, device.start_s);
    end = std::max(end, device.end_s);
  }
  const Month month = month_of(start);
  Row row;
  row["BillingAccountId"] = issue.applicant;
  row["BillingCurrency"] = "CNY";
  row["BillingPeriodStart"] = month.start;
  row["BillingPeriodEnd"] = month_of(end - 1).end;
  row["ChargePeriodStart"] = instant_text(start);
  row["ChargePeriodEnd"] = instant_text(end);
  row["InvoiceIssuerName"] = use.line.issuer_tax_number;
  for (const char* party :
       {"ProviderName", "PublisherName", "HostProviderName", "ServiceProviderName"}) {
    row[party] = use.line.issuer_tax_number;
  }
  row["ServiceCategory"] = "AI and Machine Learning";
  row["ServiceName"] = "Certified compute";
  row["InvoiceId"] = use.line.invoice_number;
  row["PricingCurrency"] = "CU";
  row["x_AssayCertificate"] = redeem.certificate;
  row["x_AssayInvoiceLine"] = std::to_string(use.line.line);
  row["x_AssayRateVersion"] = redeem.rate_version;
  row["x_AssayRedemption"] = redeem.redemption;
  row["x_AssayRuleVersion"] = redeem.rule_version;
  row["x_AssayVoucher"] = redeem.voucher;
  row[kUnverified] = "unverified: FOCUS 1.4";
  return row;
}

void set_costs(Row& row, std::int64_t billed_fen) {
  const std::string cost = fixed_text(billed_fen, kCnyDecimals);
  for (const char* name : {"BilledCost", "ContractedCost", "EffectiveCost", "ListCost"}) {
    row[name] = cost;
  }
}

}  // namespace

std::string focus_csv(const State& state, FocusVersion version) {
  std::vector<std::string> columns;
  if (version == FocusVersion::v1_2) {
    columns.assign(std::begin(kColumnsVersion12), std::end(kColumnsVersion12));
  } else {
    columns.assign(std::begin(kColumnsVersion14), std::end(kColumnsVersion14));
  }
  columns.insert(columns.end(), std::begin(kMore), std::end(kMore));
  if (version == FocusVersion::v1_4) columns.emplace_back(kUnverified);
  std::string csv = csv_line(columns);
  const auto write = [&](Row row) {
    std::vector<std::string> fields;
    fields.reserve(columns.size());
    for (const std::string& column : columns) fields.push_back(row[column]);
    csv += csv_line(fields);
  };
  for (const Redemption& redemption : state.redemptions) {
    if (!redemption.is_settled || redemption.net_ucu() == 0) continue;
    const Voucher& voucher = state.vouchers[redemption.voucher];
    const Pays pays = state.programmes.at(voucher.issue.programme).opened.pays;
    const auto shares = quantities(redemption);
    for (std::size_t i = 0; i < redemption.redeem.invoices.size(); ++i) {
      const InvoiceUse& use = redemption.redeem.invoices[i];
      const std::int64_t subsidy = net_of(redemption, redemption.subsidy_fen[i]);
      const std::string quantity = fixed_text(shares[i], kCuDecimals);
      Row row = common(state, redemption, use);
      set_costs(row, net_of(redemption, use.counted_fen));
      row["ChargeCategory"] = "Usage";
      row["ChargeDescription"] = "Compute of redemption " + redemption.redeem.redemption;
      row["PricingQuantity"] = quantity;
      row["PricingUnit"] = "CU";
      row["ConsumedQuantity"] = quantity;
      row["ConsumedUnit"] = "CU";
      row["PricingCurrencyContractedUnitPrice"] = "1";
      row["PricingCurrencyEffectiveCost"] = quantity;
      row["PricingCurrencyListUnitPrice"] = "1";
      if (pays == Pays::applicant) row["x_AssaySubsidyCny"] = fixed_text(subsidy, kCnyDecimals);
      write(std::move(row));
      if (pays != Pays::supplier || subsidy == 0) continue;
      Row credit = common(state, redemption, use);
      set_costs(credit, -subsidy);
      credit["ChargeCategory"] = "Credit";
      credit["ChargeDescription"] = "Voucher " + redemption.redeem.voucher;
      credit["PricingCurrencyEffectiveCost"] = "0";
      write(std::move(credit));
    }
  }
  return csv;
}

}  // namespace assay::pricing::ledger
