#include "harness/clock.h"

#include <algorithm>
#include <ctime>
#include <limits>

#include "base/error.h"

namespace assay::harness {

std::int64_t monotonic_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
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

}  // namespace assay::harness
