#include "harness/event_timer.h"

#include <cmath>
#include <utility>

namespace assay::harness {

EventTimer::EventTimer(cuda::Stream& stream, std::function<void()> enqueue,
                       std::function<void()> beside)
    : stream_(stream),
      enqueue_(std::move(enqueue)),
      beside_(std::move(beside)),
      first_(stream.device()),
      last_(stream.device()) {}

std::int64_t EventTimer::time_batch(std::int64_t iterations) const {
  first_.record(stream_);
  for (std::int64_t i = 0; i < iterations; ++i) enqueue_();
  last_.record(stream_);
  if (beside_) beside_();
  last_.synchronize();
  return std::llround(last_.seconds_since(first_) * 1e9);
}

Rotation rotation_for(std::int64_t bytes, std::int64_t l2_cache_bytes) {
  constexpr std::int64_t kCaches = 3;
  constexpr std::int64_t kSetsMax = 64;
  const std::int64_t least = kCaches * l2_cache_bytes;
  if (bytes <= 0 || least <= 0) return {};
  const std::int64_t sets = (least + bytes - 1) / bytes;
  if (sets > kSetsMax) return {};
  return sets == 1 ? Rotation{1, "cold"} : Rotation{sets, "rotating"};
}

}  // namespace assay::harness
