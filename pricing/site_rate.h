#pragma once
/// The rates of a mixed fleet: one rate card for each SKU, and the site's.
///
/// A cost that belongs to no one SKU is split by the key that the sheet states:
///   delivered_cu   hours · availability · utilisation that counts · K · devices
///   devices        their number
///   loaded_power   devices · loaded power
///   capital        price of the SKU's own asset classes, ex VAT
/// The site's rate is Σ (F_j + e_j·H_j) / Σ H_j: what all CU cost over all CU.
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pricing/rate_card.h"

namespace assay::pricing {

inline constexpr const char* kSiteRateSchema = "assay.site-rate";
inline constexpr int kSiteRateSchemaVersion = 1;

struct SiteRate {
  std::string date_utc;
  CostSheet sheet;
  std::string grade;  ///< the lowest of the cards'
  bool test_key = false;
  BasketRecord basket;
  std::vector<RateCard> cards;  ///< in the order of the sheet's SKUs
  std::vector<Rational> shares;
  Rational fixed_cny;
  Rational delivered_cu;
  std::int64_t rate_micro = 0;
  std::int64_t fixed_micro = 0;
  std::int64_t variable_micro = 0;
};

/// Each SKU is rated by the certificate of its device's name. Errors: as price(); input_error for a
/// SKU without certificate or with two, a certificate of no SKU, certificates of two baskets.
[[nodiscard]] SiteRate price_site(const std::vector<Certificate>& certificates,
                                  const CostSheet& sheet, const PriceRequest& request);

[[nodiscard]] nlohmann::json to_json(const SiteRate& site);

/// A short table for a terminal: each SKU, then the site.
[[nodiscard]] std::string site_rate_table(const SiteRate& site);

}  // namespace assay::pricing
