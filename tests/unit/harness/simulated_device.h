#pragma once
/// A device whose truth is known: it has a clock of its own that only its work advances, and each
/// iteration takes as long as a law says. The sampler's rules are held against it.
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <utility>

#include "harness/sampler.h"

namespace assay::harness::test {

class SimulatedDevice {
 public:
  /// Seconds of an iteration that begins at that time of the device's clock.
  using Law = std::function<double(double now_s)>;

  explicit SimulatedDevice(Law law) : law_(std::move(law)) {}

  [[nodiscard]] Subject subject() {
    Subject made;
    made.now_ns = [this] { return static_cast<std::int64_t>(std::llround(now_s_ * 1e9)); };
    made.iterate = [this] {
      now_s_ += law_(now_s_);
      ++iterations_;
    };
    return made;
  }
  [[nodiscard]] double now_s() const { return now_s_; }
  [[nodiscard]] std::int64_t iterations() const { return iterations_; }

 private:
  Law law_;
  double now_s_ = 0.0;
  std::int64_t iterations_ = 0;
};

/// mean · (1 + deviation · x) with x_i = φ·x_{i−1} + √(1−φ²)·ε: variance 1, correlation φ.
inline SimulatedDevice::Law noisy(double mean_s, double deviation, double correlation,
                                  std::uint64_t seed) {
  return [=, generator = std::mt19937_64(seed), normal = std::normal_distribution<double>(),
          x = 0.0, begun = false](double) mutable {
    const double fresh = normal(generator);
    x = begun ? correlation * x + std::sqrt(1.0 - correlation * correlation) * fresh : fresh;
    begun = true;
    return mean_s * (1.0 + deviation * x);
  };
}

/// Every `period`-th stretch of steps: `throttled` of them run at `clock` of the full clock.
inline SimulatedDevice::Law throttling(double mean_s, std::int64_t period, std::int64_t throttled,
                                       double clock) {
  return [=, step = std::int64_t{0}](double) mutable {
    const bool slow = step++ % period < throttled;
    return slow ? mean_s / clock : mean_s;
  };
}

}  // namespace assay::harness::test
