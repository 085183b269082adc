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
    join(lanes, {});
  }
  warp_floors_[warp] = clock_++;
  std::fill(now_.begin() + first, now_.begin() + end, clock_);
}

void Ordering::some(std::span<const std::uint32_t> threads) {
  some(threads, {});
}

void Ordering::some(std::span<const std::uint32_t> threads, const std::vector<Time>& released) {
  start_table();
  join(threads, released);
  ++clock_;
  for (const std::uint32_t thread : threads) now_[thread] = clock_;
}

void Ordering::arrive(std::uint32_t thread, std::vector<Time>& released) {
  start_table();
  released.resize(threads_);
  add_knowledge(thread, released);
  now_[thread] = ++clock_;
}

void Ordering::start_table() {
  if (known_.empty()) known_.assign(std::size_t{threads_} * threads_, 0);
}

Time Ordering::knowledge(std::uint32_t thread, std::uint32_t other) const {
  if (thread == other) return now_[thread];
  const Time known = known_[thread * threads_ + other];
  return thread / 32 == other / 32 ? std::max(known, warp_floors_[thread / 32]) : known;
}

void Ordering::add_knowledge(std::uint32_t thread, std::vector<Time>& to) const {
  for (std::uint32_t other = 0; other < threads_; ++other) {
    to[other] = std::max(to[other], knowledge(thread, other));
  }
}

void Ordering::join(std::span<const std::uint32_t> threads, const std::vector<Time>& released) {
  joined_ = released;
  joined_.resize(threads_);
  for (const std::uint32_t thread : threads) add_knowledge(thread, joined_);
  for (const std::uint32_t thread : threads) {
    Time* row = known_.data() + std::size_t{thread} * threads_;
    for (std::uint32_t other = 0; other < threads_; ++other) {
      row[other] = std::max(row[other], joined_[other]);
    }
  }
}

}  // namespace assay::ptx_device
