#include "pricing/interval.h"

#include <algorithm>

#include "base/error.h"
#include "pricing/money.h"
#include "results/edition/statistics.h"

namespace assay::pricing {

namespace {

constexpr double kUpperTail = 0.975;  // of a two-sided 95 % interval
constexpr int kFactorDecimals = 3;
constexpr int kDegreesDecimals = 2;

/// ½·(f(+1) - f(-1)) of the rate, where f moves one input by that many standard uncertainties.
template <class RateAt>
Rational half_difference(RateAt rate_at) {
  return (rate_at(1) - rate_at(-1)) / 2;
}

Rational smooth_rate(const CostSheet& sheet, const DeviceFigures& device) {
  return cost_of_service(sheet, device, Rounding::none).rate_cny_per_cu;
}

Contribution from_throughput(const CostSheet& sheet, const DeviceFigures& device,
                             const std::string& u_c) {
  const Rational u = parse_decimal(u_c, "u_c(K)");
  if (u >= device.k_cu_per_h) {
    throw input_error("u_c(K) is not below K: the rate has no upper end", sheet.file,
                      "measure longer, or on a quieter machine");
  }
  const Rational effect = half_difference([&](int sign) {
    return smooth_rate(sheet, {device.k_cu_per_h + sign * u, device.loaded_power_w});
  });
  return {"K", u_c, "CU/h", effect, "1", "by the certificate"};
}

Contribution from_figure(const CostSheet& sheet, const DeviceFigures& device,
                         const UncertainInput& input) {
  const Rational effect = half_difference([&](int sign) {
    CostSheet moved_sheet = sheet;
    DeviceFigures moved_device = device;
    const Rational step = sign * input.standard_uncertainty;
    // Loaded power may have been measured: then it is the measured value that moves.
    if (input.pointer == sheet.energy.loaded_power.pointer) {
      moved_device.loaded_power_w += step;
    } else {
      set_figure(moved_sheet, input.pointer, need(*find_figure(sheet, input.pointer)) + step);
    }
    return smooth_rate(moved_sheet, moved_device);
  });
  return {input.pointer, input.uncertainty_text, find_figure(sheet, input.pointer)->unit,
          effect,        input.correlation_text, input.distribution};
}

/// ν_eff as text, and k.
void set_coverage(RateInterval& interval, const ThroughputDoubt& doubt, const Rational& variance,
                  const Rational& effect_of_k) {
  if (!doubt.nu_eff.has_value() || effect_of_k == 0) {
    interval.nu_eff = Stated<std::string>::missing(
        doubt.nu_eff.has_value()
            ? "the measurement of K contributes nothing"
            : "the certificate states no degrees of freedom of K: " + doubt.nu_eff.reason);
    interval.coverage_factor = "2.000";
    interval.coverage_statement = "k = 2 (about 95 % were the law normal)";
    return;
  }
  const Rational ratio = std::max(Rational(1), Rational(variance / (effect_of_k * effect_of_k)));
  const Rational degrees = parse_decimal(*doubt.nu_eff.value, "nu_eff") * ratio * ratio;
  interval.nu_eff = Stated<std::string>::known(rounded_text(degrees, kDegreesDecimals));
  const double factor = student_t_quantile(kUpperTail, degrees.convert_to<double>());
  interval.coverage_factor =
      rounded_text(parse_decimal(shortest_decimal(factor, "coverage factor"), "coverage factor"),
                   kFactorDecimals);
  interval.coverage_statement =
      "95 % two-sided, k = t_0.975(nu_eff = " + *interval.nu_eff.value + ")";
}

}  // namespace

RateInterval rate_interval(const CostSheet& sheet, const DeviceFigures& device,
                           const ThroughputDoubt& doubt, std::int64_t rate_micro) {
  RateInterval interval;
  if (!doubt.u_c_cu_per_h.has_value()) {
    interval.reason = "the certificate states no uncertainty of K: " + doubt.u_c_cu_per_h.reason;
    interval.nu_eff = Stated<std::string>::missing(interval.reason);
    interval.coverage_statement = "none";
    return interval;
  }
  interval.contributions.push_back(from_throughput(sheet, device, *doubt.u_c_cu_per_h.value));
  const Rational effect_of_k = interval.contributions.front().effect_cny_per_cu;
  Rational variance = effect_of_k * effect_of_k;
  for (const UncertainInput& input : sheet.uncertain_inputs) {
    const Contribution part = from_figure(sheet, device, input);
    variance += part.effect_cny_per_cu * part.effect_cny_per_cu +
                2 * input.correlation_with_k * effect_of_k * part.effect_cny_per_cu;
    interval.contributions.push_back(part);
  }
  set_coverage(interval, doubt, variance, effect_of_k);
  const Rational factor = parse_decimal(interval.coverage_factor, "coverage factor");
  interval.u_c_micro = to_int64(scaled_square_root(variance, kRateDecimals), "u_c(rate)");
  interval.expanded_micro =
      to_int64(scaled_square_root(variance * factor * factor, kRateDecimals), "U(rate)");
  interval.lower_micro = rate_micro - interval.expanded_micro;
  interval.upper_micro = rate_micro + interval.expanded_micro;
  return interval;
}

}  // namespace assay::pricing
