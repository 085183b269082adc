#pragma once
/// The clock that times everything: CLOCK_MONOTONIC, and what its readings are worth.
///
/// How a second of it compares with one of UTC is read from the kernel before and after a run:
/// where a time service (chrony, ntpd, timesyncd, a PTP daemon) disciplines the wall clock, the
/// kernel keeps a limit for its distance from UTC (adjtimex(2), maxerror; RFC 5905 §11: root
/// distance). Over a window in which the wall clock advanced by R and the monotonic one by M, UTC
/// advanced by R to within both limits, so that the rate M/UTC is off 1 by at most (|M − R| +
/// limits) / M.
#include <cstdint>
#include <functional>
#include <string>

#include "results/result.h"

namespace assay::harness {

/// Nanoseconds of the monotonic clock since an arbitrary start.
[[nodiscard]] std::int64_t monotonic_ns();

/// Smallest step seen between two readings and the mean cost of a reading, over a burst of
/// readings. Its rate against an external reference is known only after the run (rate_error), and
/// missing until then.
/// Errors: check_error for a clock that stands still.
[[nodiscard]] TimerRecord measure_timer(const std::function<std::int64_t()>& now_ns = monotonic_ns);

/// Both clocks at one moment.
struct ReferenceReading {
  std::int64_t monotonic_ns = 0;
  std::int64_t realtime_ns = 0;
  bool is_disciplined = false;      ///< a time service keeps the wall clock
  std::int64_t error_limit_ns = 0;  ///< how far the wall clock may be from UTC
};
[[nodiscard]] ReferenceReading read_reference();

/// A limit for how far the monotonic clock's rate was off UTC's between two readings, relative.
/// Missing, with the reason, where no time service kept the wall clock at both.
[[nodiscard]] Stated<double> rate_error(const ReferenceReading& begin, const ReferenceReading& end);

}  // namespace assay::harness
