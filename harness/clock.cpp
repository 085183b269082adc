#include "harness/clock.h"

#include <sys/timex.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>

#include "base/error.h"

namespace assay::harness {

namespace {

/// An SNTP client tells the kernel a limit of 0 at each answer, which an answer over a network
/// isn't worth. (Over the 18 minutes or more of a certify run both ends' floors are 1e-4.)
constexpr std::int64_t kSmallestLimitNs = 50'000'000;

std::int64_t read_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

std::int64_t monotonic_ns() {
  return read_ns(CLOCK_MONOTONIC);
}

TimerRecord measure_timer(const std::function<std::int64_t()>& now_ns) {
  constexpr int kReadings = 100'000;
  TimerRecord record;
  record.clock = "CLOCK_MONOTONIC";
  std::int64_t smallest = std::numeric_limits<std::int64_t>::max();
  const std::int64_t begin = now_ns();
  std::int64_t previous = begin;
  for (int i = 0; i < kReadings; ++i) {
    const std::int64_t now = now_ns();
    if (now > previous) smallest = std::min(smallest, now - previous);
    previous = now;
  }
  const std::int64_t span = previous - begin;
  if (span <= 0) {
    throw check_error("the clock stood still over 100,000 readings", record.clock);
  }
  record.resolution_ns = smallest;
  record.read_cost_ns = static_cast<double>(span) / kReadings;
  record.rate_error_relative =
      Stated<double>::missing("not compared with an external time reference");
  return record;
}

ReferenceReading read_reference() {
  timex kernel{};
  const int state = adjtimex(&kernel);
  ReferenceReading reading;
  reading.is_disciplined = state >= 0 && state != TIME_ERROR && (kernel.status & STA_UNSYNC) == 0;
  reading.error_limit_ns = static_cast<std::int64_t>(kernel.maxerror) * 1000;
  reading.realtime_ns = read_ns(CLOCK_REALTIME);
  reading.monotonic_ns = monotonic_ns();
  return reading;
}

Stated<double> rate_error(const ReferenceReading& begin, const ReferenceReading& end) {
  if (!begin.is_disciplined || !end.is_disciplined) {
    return Stated<double>::missing(
        "no time service keeps this machine's clock (adjtimex: unsynchronised; run chrony, ntpd or "
        "systemd-timesyncd)");
  }
  const std::int64_t monotonic = end.monotonic_ns - begin.monotonic_ns;
  const std::int64_t realtime = end.realtime_ns - begin.realtime_ns;
  if (monotonic <= 0) return Stated<double>::missing("the clock did not advance");
  const std::int64_t limits = std::max(begin.error_limit_ns, kSmallestLimitNs) +
                              std::max(end.error_limit_ns, kSmallestLimitNs);
  const auto off = static_cast<double>(std::abs(monotonic - realtime) + limits);
  return Stated<double>::known(off / static_cast<double>(monotonic));
}

}  // namespace assay::harness
