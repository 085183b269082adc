#include "ptx_device/launch.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <numeric>
#include <thread>

namespace assay::ptx_device {

namespace {

/// Slices a block may use up before others have a turn (block.h).
constexpr std::uint64_t kTurns = 4;
constexpr std::uint64_t kBlocksOfMultiprocessor = 2;

class Grid {
 public:
  explicit Grid(const Launch& launch)
      : launch_(launch),
        blocks_(std::uint64_t{launch.grid[0]} * launch.grid[1] * launch.grid[2]),
        workers_(std::min<std::uint64_t>(
            blocks_, static_cast<std::uint64_t>(std::max(1, launch.options->workers)))),
        resident_(std::max<std::uint64_t>(
            1, launch.multiprocessors * kBlocksOfMultiprocessor / workers_)) {
    if (launch.options->order == Order::random) {
      shuffled_.resize(blocks_);
      std::iota(shuffled_.begin(), shuffled_.end(), std::uint64_t{0});
      std::shuffle(shuffled_.begin(), shuffled_.end(), std::mt19937_64(launch.options->seed));
    }
  }

  Counters run() {
    std::vector<std::thread> threads;
    for (std::uint64_t k = 1; k < workers_; ++k) threads.emplace_back([this] { work(); });
    work();
    for (std::thread& thread : threads) thread.join();
    if (failure_) std::rethrow_exception(failure_);
    counters_.launches = 1;
    return counters_;
  }

 private:
  void work() {
    try {
      run_blocks();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      failed_ = true;
    }
  }

  void run_blocks() {
    std::deque<std::unique_ptr<Block>> waiting;  // begun, not done
    std::vector<std::unique_ptr<Block>> spare;
    for (bool fresh = true; !failed_ && (fresh || !waiting.empty());) {
      std::unique_ptr<Block> block;
      const std::uint64_t index = fresh && waiting.size() < resident_ ? next_++ : blocks_;
      if (index < blocks_) {
        block = take_spare(spare);
        block->begin(in_order(index));
      } else {
        fresh = fresh && waiting.size() >= resident_;
        if (waiting.empty()) continue;
        block = std::move(waiting.front());
        waiting.pop_front();
      }
      if (block->run(kTurns)) {
        spare.push_back(std::move(block));
      } else {
        waiting.push_back(std::move(block));
      }
    }
    const std::lock_guard lock(mutex_);
    for (const auto& block : spare) counters_ += block->counters();
  }

  std::unique_ptr<Block> take_spare(std::vector<std::unique_ptr<Block>>& spare) const {
    if (spare.empty()) return std::make_unique<Block>(launch_);
    std::unique_ptr<Block> block = std::move(spare.back());
    spare.pop_back();
    return block;
  }

  [[nodiscard]] std::uint64_t in_order(std::uint64_t index) const {
    switch (launch_.options->order) {
      case Order::reverse:
        return blocks_ - 1 - index;
      case Order::random:
        return shuffled_[index];
      default:
        return index;
    }
  }

  const Launch& launch_;
  std::uint64_t blocks_;
  std::uint64_t workers_;
  std::uint64_t resident_;
  std::vector<std::uint64_t> shuffled_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr failure_;
  Counters counters_;
};

}  // namespace

Counters execute(const Launch& launch) {
  return Grid(launch).run();
}

}  // namespace assay::ptx_device
