#pragma once
/// What happens before what in a block: a logical clock that each synchronisation advances.
///
/// An access is stamped with its thread and the time the clock showed when the thread last
/// synchronised. Access x of thread a happens before what thread b does next if b knows of a's
/// time: because of a barrier of the whole block (floor), of the whole warp (warp floor), or,
/// where some threads synchronise and others do not, by a table of what each thread knows of each
/// other: vector clocks, kept only between such a synchronisation and the next full barrier.
/// (L. Lamport, "Time, clocks, and the ordering of events in a distributed system", CACM 21(7),
/// 1978; C. Flanagan and S. Freund, "FastTrack", PLDI 2009.)
#include <cstdint>
#include <span>
#include <vector>

namespace assay::ptx_device {

using Time = std::uint32_t;

class Ordering {
 public:
  /// A new block of that many threads. Time goes on from the last block's, so that what is left of
  /// that block is seen as before begin().
  void begin_block(std::uint32_t threads);

  [[nodiscard]] Time begin() const { return begin_; }
  /// What is stamped up to here happened before everything from now on.
  [[nodiscard]] Time floor() const { return floor_; }
  /// The stamp of what the thread does now.
  [[nodiscard]] Time now(std::uint32_t thread) const { return now_[thread]; }
  [[nodiscard]] Time warp_floor(std::uint32_t warp) const { return warp_floors_[warp]; }

  /// Does what `earlier` did at `time` happen before what `thread` does now?
  [[nodiscard]] bool before(std::uint32_t earlier, Time time, std::uint32_t thread) const {
    if (time <= floor_ || earlier == thread) return true;
    if (earlier / 32 == thread / 32 && time <= warp_floors_[thread / 32]) return true;
    return !known_.empty() && known_[thread * threads_ + earlier] >= time;
  }

  void whole_block();
  void whole_warp(std::uint32_t warp);
  void some(std::span<const std::uint32_t> threads);
  /// bar.arrive: what the thread has done so far, but nothing that it does from now on, will happen
  /// before what those do who acquire `released`.
  void arrive(std::uint32_t thread, std::vector<Time>& released);
  /// bar.sync with a count: the threads wait for each other, and acquire what was released before.
  void some(std::span<const std::uint32_t> threads, const std::vector<Time>& released);

 private:
  void start_table();
  /// What a thread knows of another, floors included.
  [[nodiscard]] Time knowledge(std::uint32_t thread, std::uint32_t other) const;
  void add_knowledge(std::uint32_t thread, std::vector<Time>& to) const;
  /// Each of the threads knows what all know, and what was released.
  void join(std::span<const std::uint32_t> threads, const std::vector<Time>& released);

  std::uint32_t threads_ = 0;
  Time clock_ = 1;
  Time begin_ = 1;
  Time floor_ = 1;
  std::vector<Time> now_;
  std::vector<Time> warp_floors_;
  std::vector<Time> known_;  ///< [thread][other]; empty while floors say all
  std::vector<Time> joined_;
};

}  // namespace assay::ptx_device
