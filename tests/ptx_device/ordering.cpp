#include "ptx_device/ordering.h"

#include <algorithm>
#include <numeric>

namespace assay::ptx_device {

void Ordering::begin_block(std::uint32_t threads) {
  threads_ = threads;
  begin_ = floor_ = ++clock_;
  ++clock_;
  now_.assign(threads, clock_);
  warp_floors_.assign((threads + 31) / 32, begin_);
  known_.clear();
}

void Ordering::whole_block() {
  floor_ = clock_++;
  std::fill(now_.begin(), now_.end(), clock_);
  known_.clear();
}

void Ordering::whole_warp(std::uint32_t warp) {
  const std::uint32_t first = warp * 32;
  const std::uint32_t end = std::min(first + 32, threads_);
  if (!known_.empty()) {
    std::vector<std::uint32_t> lanes(end - first);
    std::iota(lanes.begin(), lanes.end(), first);
    join(lanes, lanes);
  }
  warp_floors_[warp] = clock_++;
  std::fill(now_.begin() + first, now_.begin() + end, clock_);
}

void Ordering::some(std::span<const std::uint32_t> threads) {
  release(threads, threads);
}

void Ordering::release(std::span<const std::uint32_t> releasing,
                       std::span<const std::uint32_t> acquiring) {
  start_table();
  join(releasing, acquiring);
  ++clock_;
  for (const std::uint32_t thread : releasing) now_[thread] = clock_;
  for (const std::uint32_t thread : acquiring) now_[thread] = clock_;
}

void Ordering::start_table() {
  if (known_.empty()) known_.assign(std::size_t{threads_} * threads_, 0);
}

Time Ordering::knowledge(std::uint32_t thread, std::uint32_t other) const {
  if (thread == other) return now_[thread];
  const Time known = known_[thread * threads_ + other];
  return thread / 32 == other / 32 ? std::max(known, warp_floors_[thread / 32]) : known;
}

void Ordering::join(std::span<const std::uint32_t> releasing,
                    std::span<const std::uint32_t> acquiring) {
  joined_.assign(threads_, 0);
  for (const std::uint32_t thread : releasing) {
    for (std::uint32_t other = 0; other < threads_; ++other) {
      joined_[other] = std::max(joined_[other], knowledge(thread, other));
    }
  }
  for (const std::uint32_t thread : acquiring) {
    Time* row = known_.data() + std::size_t{thread} * threads_;
    for (std::uint32_t other = 0; other < threads_; ++other) {
      row[other] = std::max(row[other], joined_[other]);
    }
  }
}

}  // namespace assay::ptx_device
