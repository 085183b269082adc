#include "results/edition/compute_unit.h"

#include "base/error.h"
#include "results/edition/statistics.h"

namespace assay {

double compute_units_per_hour(std::span<const double> shares, std::span<const double> pflops) {
  return weighted_harmonic_mean(shares, pflops);
}

double hours_of_bundle(double compute_units, std::span<const double> shares,
                       std::span<const double> pflops) {
  if (shares.size() != pflops.size()) {
    throw input_error("as many shares as rates", "compute unit");
  }
  double seconds = 0.0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (!(pflops[i] > 0.0)) throw input_error("a rate must be positive", "compute unit");
    seconds += compute_units * kFlopsPerComputeUnit * shares[i] / (pflops[i] * 1e15);
  }
  return seconds / 3600.0;
}

double time_share(double cu_per_h, double share, double pflops) {
  return cu_per_h * share / pflops;
}

}  // namespace assay
