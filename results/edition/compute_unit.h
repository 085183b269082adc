#pragma once
/// The compute unit: 3.6e18 model FLOPs of a basket's work, which is one PFLOP/s of delivered
/// training for one hour (docs/figures.md). It is defined by constants, never by a reference
/// card, so it does not age with hardware.
///
/// Shares are the basket's, of model FLOPs, and sum to 1. Errors: input_error for a share without a
/// rate and for rates that are not positive.
#include <span>

namespace assay {

/// Model FLOPs of one compute unit.
inline constexpr double kFlopsPerComputeUnit = 3.6e18;

/// K in CU/h of delivered PFLOP/s T_i: the weighted harmonic mean 1 / Σ (w_i / T_i). It is the only
/// mean that equals the time to do the fixed bundle, and it adds: a fleet's CU/h is the sum of its
/// devices'.
[[nodiscard]] double compute_units_per_hour(std::span<const double> shares,
                                            std::span<const double> pflops);

/// Hours that a device needs for `compute_units` of the bundle: item by item, w_i of the FLOPs at
/// T_i.
[[nodiscard]] double hours_of_bundle(double compute_units, std::span<const double> shares,
                                     std::span<const double> pflops);

/// c_i = K·w_i / T_i: the share of the bundle's time that item i takes. They sum to 1 and are the
/// sensitivities of ln K to ln T_i.
[[nodiscard]] double time_share(double cu_per_h, double share, double pflops);

}  // namespace assay
