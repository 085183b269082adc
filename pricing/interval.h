#pragma once
/// The uncertainty of a rate, first order (JCGM 100:2008, the GUM).
///
/// Inputs are K with its u_c from the certificate and the uncertain figures that the sheet files,
/// power among them. Each contributes Z_i = ½·(R(x_i + u_i) - R(x_i - u_i)), a central difference
/// with a step of one standard uncertainty (JCGM 100, 5.1.3 note 2), taken in exact rationals of
/// the rate before any rounding. With ρ_i the correlation of figure i with K,
///
///   u_c² = Z_K² + Σ Z_i² + 2·Σ ρ_i·Z_K·Z_i                         (JCGM 100, 5.2.2)
///   ν_eff = ν_K·(u_c²/Z_K²)²   (JCGM 100, G.4.1; filed uncertainties count as exactly known)
///   U = k·u_c,  k = t_0.975(ν_eff); where ν_eff is unknown k = 2.
///
/// A negative correlation can make u_c smaller than |Z_K|; ν_eff is then ν_K, since that formula
/// knows independent inputs only.
///
/// K_cert is not in the rate, so the doubt about K is counted once, here.
#include <optional>
#include <string>
#include <vector>

#include "pricing/cost_of_service.h"
#include "pricing/cost_sheet.h"
#include "results/stated.h"

namespace assay::pricing {

inline constexpr const char* kIntervalMethod =
    "first order (JCGM 100), central differences of one standard uncertainty in exact rationals";

struct Contribution {
  std::string input;  ///< "K", or the JSON pointer of a figure
  std::string standard_uncertainty;
  std::string unit;
  Rational effect_cny_per_cu;  ///< Z_i, signed
  std::string correlation_with_k;
  std::string distribution;
};

struct RateInterval {
  std::string reason;  ///< why there is no interval; empty where there is one
  std::vector<Contribution> contributions;
  std::int64_t u_c_micro = 0;
  Stated<std::string> nu_eff;   ///< two decimals
  std::string coverage_factor;  ///< three decimals, used as printed
  std::string coverage_statement;
  std::int64_t expanded_micro = 0;  ///< U
  std::int64_t lower_micro = 0;
  std::int64_t upper_micro = 0;
};

/// What the certificate says about the doubt in K.
struct ThroughputDoubt {
  Stated<std::string> u_c_cu_per_h;
  Stated<std::string> nu_eff;
};

/// `sheet` and `device` are those the rate was computed from, `rate_micro` the rounded rate.
/// Errors: input_error where a figure plus or minus its uncertainty has no rate.
[[nodiscard]] RateInterval rate_interval(const CostSheet& sheet, const DeviceFigures& device,
                                         const ThroughputDoubt& doubt, std::int64_t rate_micro);

}  // namespace assay::pricing
