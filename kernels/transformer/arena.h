#pragma once
/// One block of memory for everything a step needs, cut into aligned arrays. Laying out runs twice:
/// once to measure, once to place; so no size is written down twice. The memory is the host's
/// (HostMemory) or a device's (cuda::Memory).
#include <cstddef>
#include <cstdint>

namespace assay::transformer {

/// Cuts arrays from a block, or, without one, measures what they need.
class Arena {
 public:
  Arena() = default;
  /// `base`: an address, of a device perhaps; nothing here follows it.
  explicit Arena(void* base) : base_(static_cast<std::byte*>(base)) {}

  /// `count` elements, 128-byte aligned; null while measuring or where count is 0.
  template <class T>
  T* take(std::int64_t count) {
    const std::size_t offset = used_;
    used_ += (static_cast<std::size_t>(count) * sizeof(T) + 127) / 128 * 128;
    if (base_ == nullptr || count == 0) return nullptr;
    return static_cast<T*>(static_cast<void*>(base_ + offset));
  }

  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  std::byte* base_ = nullptr;
  std::size_t used_ = 0;
};

/// Zeroed memory of the host, in huge pages where the kernel grants them.
class HostMemory {
 public:
  /// Errors: input_error where the memory isn't there.
  explicit HostMemory(std::size_t bytes);
  ~HostMemory();
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;

  [[nodiscard]] void* data() const { return data_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace assay::transformer
