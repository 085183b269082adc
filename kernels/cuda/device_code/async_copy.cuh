#pragma once
/// Copies of 16 bytes from global to shared memory that pass through no register (cp.async; PTX ISA
/// 7.8, section 9.7.8.22): a thread starts as many as it likes, closes them into groups, and waits
/// for its own groups in the order it closed them. What other threads copied is there after a
/// barrier that follows their wait. Before compute capability 8.0 the copy is done at once.
#include <cstdint>

namespace assay::cuda {

/// Starts one copy. Both addresses are multiples of 16 bytes. Past the first-level cache: what is
/// copied to shared memory is read there.
__device__ __forceinline__ void start_copy_16(void* shared, const void* global) {
#if __CUDA_ARCH__ >= 800
  const auto to = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(global) : "memory");
#else
  *static_cast<uint4*>(shared) = *static_cast<const uint4*>(global);
#endif
}

/// The 32-bit address in shared memory that PTX instructions take.
__device__ __forceinline__ std::uint32_t shared_address(const void* shared) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
}

/// Starts one copy of Bytes bytes, 4 or 16, a multiple of which both addresses are; where !present,
/// zeros are written and nothing is read.
template <int Bytes>
__device__ __forceinline__ void start_copy_or_zeros(std::uint32_t shared, const void* global,
                                                    bool present) {
  static_assert(Bytes == 4 || Bytes == 16);
  const int read_bytes = present ? Bytes : 0;
#if __CUDA_ARCH__ >= 800
  if constexpr (Bytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(global),
                 "r"(read_bytes)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared), "l"(global),
                 "r"(read_bytes)
                 : "memory");
  }
#else
  const auto* from = static_cast<const std::uint32_t*>(global);
#pragma unroll
  for (int word = 0; word < Bytes / 4; ++word) {
    const std::uint32_t value = read_bytes != 0 ? from[word] : 0U;
    asm volatile("st.shared.b32 [%0], %1;" ::"r"(shared + 4 * word), "r"(value) : "memory");
  }
#endif
}

/// Closes this thread's copies since the last call into a group, which may be empty.
__device__ __forceinline__ void close_copy_group() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/// Waits until at most `Pending` of this thread's groups, the last ones closed, are under way.
template <int Pending>
__device__ __forceinline__ void wait_for_copy_groups() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
#endif
}

}  // namespace assay::cuda
