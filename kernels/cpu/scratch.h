#pragma once
/// Temporary memory for `*_cpu.cpp` files: 64-byte aligned, freed at scope end. Always inlined and
/// without standard containers, whose out-of-line copies the linker could take from a newer level.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace assay {

template <class T>
class Scratch {
 public:
  /// `count` elements, uninitialised. Errors: std::bad_alloc.
  [[gnu::always_inline]] explicit Scratch(std::int64_t count) {
    const auto bytes = static_cast<std::size_t>(count) * sizeof(T);
    data_ = static_cast<T*>(std::aligned_alloc(64, (bytes + 127) / 64 * 64));
    if (data_ == nullptr) throw std::bad_alloc();
  }
  [[gnu::always_inline]] ~Scratch() { std::free(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[gnu::always_inline]] T* data() { return data_; }
  [[gnu::always_inline]] void zero(std::int64_t count) {
    std::memset(data_, 0, static_cast<std::size_t>(count) * sizeof(T));
  }

 private:
  T* data_ = nullptr;
};

}  // namespace assay
