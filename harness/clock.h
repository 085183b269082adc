#pragma once
/// The clock that times everything: CLOCK_MONOTONIC, and what its readings are worth.
#include <cstdint>
#include <functional>
#include <string>

#include "results/result.h"

namespace assay::harness {

/// Nanoseconds of the monotonic clock since an arbitrary start.
[[nodiscard]] std::int64_t monotonic_ns();

/// Smallest step seen between two readings and the mean cost of a reading, over a burst of
/// readings. The rate of the clock against an external reference is not known here, and says so.
/// Errors: check_error for a clock that stands still.
[[nodiscard]] TimerRecord measure_timer(const std::function<std::int64_t()>& now_ns = monotonic_ns);

}  // namespace assay::harness
