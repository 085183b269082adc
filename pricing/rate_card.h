#pragma once
/// The rate card: the fair rate of a compute unit at a site, with everything needed to read it and
/// to recompute it. Made of a certificate (what was measured) and a cost sheet (what it costs);
/// document assay.rate-card v1, results/schema/rate-card.schema.json.
///
/// A rate priced from an indicative certificate is indicative, one of a K that the sheet declares
/// is assumed; every page of either says so, and so does every page of a rate whose certificate is
/// signed by the test key (results/test_key.h).
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pricing/cost_of_service.h"
#include "pricing/cost_sheet.h"
#include "pricing/interval.h"
#include "pricing/monte_carlo.h"
#include "pricing/path.h"
#include "pricing/revocations.h"
#include "pricing/sensitivity.h"
#include "results/certificate.h"
#include "results/stated.h"

namespace assay::pricing {

inline constexpr const char* kRateCardSchema = "assay.rate-card";
inline constexpr int kRateCardSchemaVersion = 1;

struct PriceRequest {
  std::string date_utc;  ///< the instant to price at, "YYYY-MM-DDTHH:MM:SSZ"
  Revocations revocations;
  std::optional<MonteCarloRequest> monte_carlo = std::nullopt;  ///< empty: nothing is drawn
  bool sensitivities = false;                                   ///< also the tornado
};

/// Something a reader must know before using the rate.
struct RateFlag {
  std::string name;
  std::string text;
};

/// What the card repeats of the certificate. Measured doubles stand as their shortest decimals.
struct CertificateFacts {
  bool declared = false;  ///< no certificate: K is the sheet's declaration; id and dates are empty
  bool test_key = false;  ///< signed by the test key: simulated results
  std::string id;
  std::string digest;  ///< of the canonical form of its signed content
  std::string issued_utc;
  std::string valid_until_utc;
  Stated<std::string> verified_key_id;
  std::string grade;
  BasketRecord basket;
  std::string device;
  std::int64_t device_count = 1;
  std::string k_cu_per_h;
  Stated<std::string> u_c_cu_per_h;
  Stated<std::string> nu_eff;
  Stated<std::string> k_cert_cu_per_h;
};

struct RateCard {
  std::string date_utc;
  CostSheet sheet;
  CertificateFacts certificate;
  DeviceFigures device;
  bool power_measured = false;
  std::string loaded_power_w;
  CostOfService cost;
  Waterfall waterfall;
  RateInterval interval;
  /// rate · K_cert, CNY with six decimals: what an hour of one device earns.
  Stated<std::string> device_hour_cny;
  std::optional<MonteCarlo> monte_carlo;
  std::optional<std::vector<Sensitivity>> tornado;
  NewEntrant new_entrant;
  std::vector<PathYear> path;
  std::vector<RateFlag> flags;
};

/// Prices. Errors: input_error for a certificate without K, not yet or no longer valid, or revoked
/// at the date; for a figure that the rate needs and the sheet does not state; for a sheet of a
/// mixed fleet, which needs a certificate for each SKU (pricing/site_rate.h).
[[nodiscard]] RateCard price(const Certificate& certificate, const CostSheet& sheet,
                             const PriceRequest& request);

/// Prices with the K that the sheet declares. Errors: as price(); where the sheet declares none.
[[nodiscard]] RateCard price_declared(const CostSheet& sheet, const PriceRequest& request);

/// K and loaded power that a certificate and a sheet give, as price() takes them.
struct ChosenDevice {
  DeviceFigures figures;
  bool power_measured = false;
  std::string loaded_power_w;
};
[[nodiscard]] ChosenDevice choose_device(const Certificate& certificate, const CostSheet& sheet);

[[nodiscard]] nlohmann::json to_json(const RateCard& card);

/// The page a person reads: the rate, how to read it, the waterfall, the interval, the inputs.
[[nodiscard]] std::string rate_card_markdown(const RateCard& card);

/// The same in short, for a terminal.
[[nodiscard]] std::string rate_card_table(const RateCard& card);

/// The waterfall as aligned text with a bar for each part, as both of them print it.
[[nodiscard]] std::string waterfall_text(const RateCard& card);

}  // namespace assay::pricing
