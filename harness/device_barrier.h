#pragma once
/// Where several devices of a run wait for each other without getting cold: whoever has come to a
/// phase of an item goes on iterating until all have. A device that fails is waited for no more.
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "harness/sampler.h"

namespace assay::harness {

enum class ItemPhase : std::size_t { window_begins, window_ended, verified };
inline constexpr std::size_t kItemPhases = 3;

/// Of one item; used by one thread a device.
class DeviceBarrier {
 public:
  explicit DeviceBarrier(int devices) { missing_.fill(devices); }

  /// A device has come to that phase at that time of the devices' common clock.
  void reach(ItemPhase phase, std::int64_t now_ns);
  /// When the last one came; nothing before.
  [[nodiscard]] std::optional<std::int64_t> passed_ns(ItemPhase phase) const;

 private:
  mutable std::mutex mutex_;
  std::array<int, kItemPhases> missing_{};
  std::array<std::int64_t, kItemPhases> passed_ns_{};
};

/// One device at the barrier. With its owner's end, whatever the reason, nobody waits for it.
class BarrierMember {
 public:
  BarrierMember(DeviceBarrier& barrier, std::function<std::int64_t()> now_ns)
      : barrier_(barrier), now_ns_(std::move(now_ns)) {}
  ~BarrierMember();
  BarrierMember(const BarrierMember&) = delete;
  BarrierMember& operator=(const BarrierMember&) = delete;

  /// Comes to the phase and iterates until all have, or `interrupted` says so. Returns iterations.
  std::int64_t wait(ItemPhase phase, const std::function<void()>& iterate,
                    const std::function<bool()>& interrupted);
  /// When the last device came to a phase that this one has waited for.
  [[nodiscard]] std::optional<std::int64_t> passed_ns(ItemPhase phase) const {
    return barrier_.passed_ns(phase);
  }

 private:
  DeviceBarrier& barrier_;
  std::function<std::int64_t()> now_ns_;
  std::size_t reached_ = 0;  ///< phases
};

/// sample() with a window that begins when all devices are warm, and a load that lasts until all
/// have ended theirs. Iterations before the window count as warm-up.
struct SharedSampling {
  Sampling sampling;
  /// From the barrier to the window's start; nothing where there was no window.
  std::optional<std::int64_t> window_begin_ns;
};
/// `keep_warm`: one iteration, while others are waited for.
[[nodiscard]] SharedSampling sample_together(const Subject& subject, const SamplerOptions& options,
                                             const std::function<void()>& keep_warm,
                                             BarrierMember& member);

}  // namespace assay::harness
