#pragma once
/// One block of memory for everything a step needs, cut into aligned arrays. Laying out runs twice:
/// once to measure, once to place; so no size is written down twice.
#include <cstddef>
#include <cstdint>

namespace assay::transformer {

class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Calls lay_out(*this) to measure, allocates zeroed memory, calls it again to place.
  /// Errors: input_error where the memory isn't there.
  template <class LayOut>
  void place(const LayOut& lay_out) {
    used_ = 0;
    lay_out(*this);
    allocate(used_);
    used_ = 0;
    lay_out(*this);
  }

  /// `count` elements, 128-byte aligned; null while measuring or where count is 0.
  template <class T>
  T* take(std::int64_t count) {
    const std::size_t offset = used_;
    used_ += (static_cast<std::size_t>(count) * sizeof(T) + 127) / 128 * 128;
    if (base_ == nullptr || count == 0) return nullptr;
    return static_cast<T*>(static_cast<void*>(base_ + offset));
  }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  void allocate(std::size_t bytes);

  std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t used_ = 0;
};

}  // namespace assay::transformer
