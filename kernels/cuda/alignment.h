#pragma once
/// Whether rows can be moved in packs of 16 bytes (kernels/cuda/device_code/pack.cuh).
#include <cstdint>
#include <initializer_list>

namespace assay::cuda {

/// True where a row of `width` elements of T is a whole number of packs and every tensor begins at
/// a multiple of 16 bytes (null ones do).
template <class T>
[[nodiscard]] bool rows_are_packed(std::int64_t width, std::initializer_list<const void*> tensors) {
  constexpr std::int64_t kPackBytes = 16;
  if (width * static_cast<std::int64_t>(sizeof(T)) % kPackBytes != 0) return false;
  for (const void* tensor : tensors) {
    if (reinterpret_cast<std::uintptr_t>(tensor) % kPackBytes != 0) return false;
  }
  return true;
}

}  // namespace assay::cuda
