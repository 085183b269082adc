#include "harness/device_barrier.h"

#include <algorithm>
#include <utility>

namespace assay::harness {
namespace {

std::size_t index_of(ItemPhase phase) {
  return static_cast<std::size_t>(phase);
}

}  // namespace

void DeviceBarrier::reach(ItemPhase phase, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  const std::size_t i = index_of(phase);
  --missing_[i];
  passed_ns_[i] = std::max(passed_ns_[i], now_ns);
}

std::optional<std::int64_t> DeviceBarrier::passed_ns(ItemPhase phase) const {
  const std::lock_guard lock(mutex_);
  const std::size_t i = index_of(phase);
  if (missing_[i] > 0) return std::nullopt;
  return passed_ns_[i];
}

BarrierMember::~BarrierMember() {
  for (; reached_ < kItemPhases; ++reached_) {
    barrier_.reach(static_cast<ItemPhase>(reached_), now_ns_());
  }
}

std::int64_t BarrierMember::wait(ItemPhase phase, const std::function<void()>& iterate,
                                 const std::function<bool()>& interrupted) {
  for (; reached_ <= index_of(phase); ++reached_) {
    barrier_.reach(static_cast<ItemPhase>(reached_), now_ns_());
  }
  std::int64_t iterations = 0;
  while (!barrier_.passed_ns(phase) && !(interrupted && interrupted())) {
    iterate();
    ++iterations;
  }
  return iterations;
}

SharedSampling sample_together(const Subject& subject, const SamplerOptions& options,
                               const std::function<void()>& keep_warm, BarrierMember& member) {
  SharedSampling shared;
  std::int64_t waited_iterations = 0;
  std::int64_t waited_ns = 0;
  Subject waiting = subject;
  waiting.window_begins = [&] {
    const std::int64_t begin_ns = subject.now_ns();
    waited_iterations = member.wait(ItemPhase::window_begins, keep_warm, subject.interrupted);
    waited_ns = subject.now_ns() - begin_ns;
    if (subject.window_begins) subject.window_begins();
  };
  waiting.window_ended = [&] {
    if (subject.window_ended) subject.window_ended();
    member.wait(ItemPhase::window_ended, keep_warm, subject.interrupted);
  };
  shared.sampling = sample(waiting, options);
  shared.sampling.warm_up_iterations += waited_iterations;
  shared.sampling.warm_up_ns += waited_ns;
  const auto barrier_ns = member.passed_ns(ItemPhase::window_begins);
  if (barrier_ns && !shared.sampling.sample_end_ns.empty()) {
    shared.window_begin_ns =
        std::max<std::int64_t>(0, shared.sampling.window_began_ns - *barrier_ns);
  }
  return shared;
}

}  // namespace assay::harness
