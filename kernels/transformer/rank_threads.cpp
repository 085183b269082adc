#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "kernels/cuda/release.h"
#include "kernels/transformer/cuda_gang.h"

namespace assay::transformer {

struct RankThreads::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  const std::function<void(int)>* action = nullptr;
  std::int64_t round = 0;  ///< counts actions
  int at_work = 0;
  bool stop = false;
  std::exception_ptr failure;  ///< the first
  std::string release_failure;
  std::function<void()> on_failure;
  std::vector<std::thread> threads;

  void perform(int rank, const std::function<void(int)>& what) {
    const cuda::ReleaseWatch watch;
    try {
      what(rank);
    } catch (...) {
      bool is_first = false;
      {
        const std::lock_guard lock(mutex);
        is_first = failure == nullptr;
        if (is_first) failure = std::current_exception();
      }
      if (is_first) on_failure();
    }
    const std::lock_guard lock(mutex);
    if (release_failure.empty()) release_failure = watch.failure();
  }

  void work(int rank) {
    std::int64_t seen = 0;
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return stop || round != seen; });
      if (stop) return;
      seen = round;
      const std::function<void(int)>& what = *action;
      lock.unlock();
      perform(rank, what);
      lock.lock();
      if (--at_work == 0) changed.notify_all();
    }
  }
};

RankThreads::RankThreads(int ranks, std::function<void()> on_failure)
    : shared_(std::make_unique<Shared>()) {
  shared_->on_failure = std::move(on_failure);
  for (int rank = 0; rank < ranks; ++rank) {
    shared_->threads.emplace_back([shared = shared_.get(), rank] { shared->work(rank); });
  }
}

RankThreads::~RankThreads() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stop = true;
  }
  shared_->changed.notify_all();
  for (std::thread& thread : shared_->threads) thread.join();
}

void RankThreads::call(const std::function<void(int)>& action) {
  std::unique_lock lock(shared_->mutex);
  shared_->action = &action;
  shared_->at_work = static_cast<int>(shared_->threads.size());
  ++shared_->round;
  shared_->changed.notify_all();
  shared_->changed.wait(lock, [this] { return shared_->at_work == 0; });
  // Handles given back there are told to the watch of the thread that asked.
  if (!shared_->release_failure.empty()) cuda::note_release(shared_->release_failure);
  shared_->release_failure.clear();
}

void RankThreads::run(const std::function<void(int)>& action) {
  if (shared_->failure == nullptr) call(action);
  if (shared_->failure != nullptr) std::rethrow_exception(shared_->failure);
}

void RankThreads::end(const std::function<void(int)>& action) noexcept {
  call(action);
}

}  // namespace assay::transformer
