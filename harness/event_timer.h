#pragma once
/// Batches of a kernel timed by the GPU itself: an event before the first iteration and one after
/// the last, so neither the host's clock nor its gaps between batches take part.
///
/// cuEventElapsedTime resolves about half a microsecond (CUDA Driver API, event management), so a
/// batch of kEventBatchSeconds is known to one part in ten thousand. The launch of its first kernel
/// on an idle device, some 5 µs, is one in a thousand.
#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/cuda/device.h"

namespace assay::harness {

inline constexpr double kEventResolutionNs = 500.0;
inline constexpr double kEventBatchSeconds = 5e-3;

class EventTimer {
 public:
  /// `enqueue` gives the stream one iteration; `beside` is called in each batch when all of it is
  /// enqueued, while the device works. The stream outlives the timer.
  EventTimer(cuda::Stream& stream, std::function<void()> enqueue, std::function<void()> beside);

  /// Nanoseconds of a batch of that many iterations. Returns when they are done.
  [[nodiscard]] std::int64_t time_batch(std::int64_t iterations) const;

 private:
  cuda::Stream& stream_;
  std::function<void()> enqueue_;
  std::function<void()> beside_;
  cuda::Event first_;
  cuda::Event last_;
};

/// How many sets of buffers take turns so that an iteration finds nothing of its inputs in the L2
/// cache, and what that is called: once round, all sets are at least three times the cache.
///   cold      one set is larger than that by itself
///   rotating  several take turns
///   hot       it would take more than 64 sets: one, which the cache may keep
struct Rotation {
  std::int64_t sets = 1;
  const char* regime = "hot";
};
[[nodiscard]] Rotation rotation_for(std::int64_t bytes, std::int64_t l2_cache_bytes);

}  // namespace assay::harness
