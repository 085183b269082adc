#pragma once
/// What the rows of an audit share: the certificate, device and cost sheet behind a price.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "pricing/audit/audit.h"

namespace assay::pricing {

/// Behind all rows of one seller, site, SKU, named certificate and accelerator.
struct RowContext {
  const Certificate* certificate = nullptr;  ///< empty: not comparable, for `reason`
  std::string reason;
  bool test_key = false;  ///< that the certificate is signed by
  std::shared_ptr<const DeviceConversion> device;
  std::shared_ptr<const FairRate> fair_rate;
  std::optional<Rational> band_low;   ///< fair rate · below_cost_factor
  std::optional<Rational> band_high;  ///< the ceiling; else fair rate · above_factor
  std::string no_rate_reason;         ///< why there is no fair rate
  Quantities quantities;              ///< those of certificate and cost sheet
};

class Sites {
 public:
  /// `input` must outlive it.
  explicit Sites(const AuditInput& input);
  /// Worked out once for each seller, site, SKU, certificate and accelerator; it stays where it is.
  /// Errors: those of pricing a sheet.
  [[nodiscard]] const RowContext& behind(const Tariff& tariff);

 private:
  [[nodiscard]] RowContext context_of(const Tariff& tariff) const;
  [[nodiscard]] const Certificate* latest(const std::string& seller,
                                          const std::string& device) const;
  [[nodiscard]] const CostSheet* sheet_of(const Tariff& tariff) const;
  void rate(RowContext& context, const CostSheet& sheet, const std::string& seller) const;
  void site_quantities(RowContext& context, const CostSheet& sheet) const;

  const AuditInput& input_;
  PeakTable peaks_;
  std::optional<Rational> median_capital_;
  std::unordered_map<std::string, RowContext> contexts_;
};

/// The customer that the certificate states; empty where it states none.
[[nodiscard]] std::string customer_of(const Certificate& certificate);

/// Why a certificate does not carry an audit; empty where it does.
[[nodiscard]] std::string why_unfit(const Certificate& certificate, const AuditInput& input);

/// The median; of an even number, the mean of the middle two. `values` must not be empty.
[[nodiscard]] Rational median_of(std::vector<Rational> values);

}  // namespace assay::pricing
