#pragma once
/// What a training job takes and costs at each offer: hours, billed CU, price.
///
///   hours     = job FLOPs / (3.6e18 · n · T_i · min/mean · η(n)), T_i in PFLOP/s of the nearest
///               basket item; for a job measured in CU, CU / (n · K · min/mean · η(n))
///   billed CU = n · hours · K_cert: an hour of a device is credited with K_cert CU
///   price     = billed CU · CNY per CU of a rate card, or of a posted price by K_cert, ex VAT
///   pays      = price - what a voucher programme is sure to pay (pricing/quote/voucher.h)
///
/// min/mean · η(n) = K_gang / K_sum of the certificate: the slowest device and the exchange of
/// gradients hold back one job on n devices, not n jobs. It is measured at one n and never
/// extrapolated: of more devices, or where no gang was measured, hours and price are the least that
/// they can be, and say so.
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pricing/audit/tariff.h"
#include "pricing/quote/job.h"
#include "pricing/quote/nearest_item.h"
#include "pricing/quote/voucher.h"
#include "pricing/revocations.h"
#include "results/certificate.h"

namespace assay::pricing {

inline constexpr const char* kQuoteSchema = "assay.quote";
inline constexpr int kQuoteSchemaVersion = 1;

struct QuoteInput {
  Job job;
  std::int64_t devices = 1;
  Basket basket;
  std::string date_utc;
  std::vector<Certificate> certificates;
  Revocations revocations;
  std::vector<nlohmann::json> rate_cards;  ///< assay.rate-card documents
  std::vector<Tariff> tariffs;
  std::string tariffs_file;
  std::vector<Rational> vat_rates_unstated;   ///< of the audit's rules
  std::shared_ptr<const VoucherClaim> claim;  ///< empty: no programme
};

/// One price per CU that somebody asks.
struct Offer {
  std::string seller;
  std::string site;
  std::string sku;
  std::string basis;   ///< "rate card" or "posted price"
  std::string source;  ///< digest of the card; file and line of the tariff
  std::string posted;  ///< "17.0 CNY/card_hour"; empty for a rate card
  std::string grade;   ///< of the card; empty for a posted price
  Rational low;        ///< CNY per CU by K_cert, ex VAT: over what the price does not state
  Rational high;
};

/// What the certificate's gang run says of n devices.
struct GangRate {
  std::int64_t measured_devices = 1;
  Rational factor = 1;          ///< min/mean · η = K_gang / K_sum
  std::optional<Rational> eta;  ///< as stated
  bool at_least = false;        ///< the real factor can only be smaller
  std::string flag;             ///< why it is not the factor measured at n; empty where it is
};
[[nodiscard]] GangRate gang_rate(const Certificate& certificate, std::int64_t devices);

struct QuoteRow {
  Offer offer;
  std::string certificate_id;  ///< empty where there is none
  bool test_key = false;
  std::string reason;  ///< why there is no figure; then nothing below has a meaning
  std::string item;    ///< of the basket; "the whole basket" for a job in CU
  Rational pflops;     ///< T_i, or K
  GangRate gang;
  Rational hours;
  std::optional<double> hours_relative;  ///< expanded (95 %), of T_i or K
  Rational billed_cu;
  Rational price_low;  ///< CNY, ex VAT
  Rational price_high;
  std::optional<Voucher> voucher;  ///< of the higher price; empty: no programme
  std::vector<std::string> flags;

  [[nodiscard]] Rational pays() const {
    return voucher ? price_high - voucher->sure() : price_high;
  }
};

struct Quote {
  Rational flops;
  std::optional<NearestItem> nearest;  ///< empty for a job in CU
  std::vector<std::string> assumptions;
  /// What the SME pays, least first; then those that are only known to be at least so much; then
  /// those without a figure.
  std::vector<QuoteRow> rows;
};

/// Errors: input_error for no offer at all.
[[nodiscard]] Quote make_quote(const QuoteInput& input);

[[nodiscard]] nlohmann::json to_json(const Quote& quote, const QuoteInput& input);
[[nodiscard]] std::string quote_table(const Quote& quote, const QuoteInput& input);

}  // namespace assay::pricing
