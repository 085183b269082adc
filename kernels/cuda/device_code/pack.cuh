#pragma once
/// Packs: what one thread moves in one access. A pack of 16 bytes is the widest load there is, and
/// eight times fewer instructions than a Bf16 at a time; a pack of one element serves rows whose
/// width or address is no multiple of 16 bytes. Arithmetic is done in float on the unpacked values.
#include <cstdint>

#include "kernels/bf16.h"

namespace assay::cuda {

/// Elements of T in 16 bytes.
template <class T>
inline constexpr int kPackedElements = 16 / static_cast<int>(sizeof(T));

/// N elements of T that are moved together; N·sizeof(T) is 16, or N is 1.
template <class T, int N>
struct alignas(N == 1 ? sizeof(T) : 16) Pack {
  T element[N];
};

/// One access of global memory: ld.global.v4 for a pack of 16 bytes. The address is a multiple of
/// the pack's size.
template <int N, class T>
__device__ __forceinline__ Pack<T, N> load_pack(const T* address) {
  Pack<T, N> pack;
  if constexpr (N * sizeof(T) == 16) {
    *reinterpret_cast<uint4*>(&pack) = *reinterpret_cast<const uint4*>(address);
  } else {
    static_assert(N == 1);
    pack.element[0] = *address;
  }
  return pack;
}

/// The same to global memory. In assembly, because nvcc takes a store of four registers apart where
/// it pleases, which costs a memory-bound kernel three more instructions a pack.
template <int N, class T>
__device__ __forceinline__ void store_pack(T* address, const Pack<T, N>& pack) {
  if constexpr (N * sizeof(T) == 16) {
    const uint4 words = *reinterpret_cast<const uint4*>(&pack);
    asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(address), "r"(words.x),
                 "r"(words.y), "r"(words.z), "r"(words.w)
                 : "memory");
  } else {
    static_assert(N == 1);
    *address = pack.element[0];
  }
}

/// N floats, by packs of 16 bytes where N is a multiple of four, else one at a time; stores are to
/// global memory.
template <int N>
__device__ __forceinline__ void load_floats(const float* address, float (&values)[N]) {
  constexpr int kPack = N % 4 == 0 ? 4 : 1;
#pragma unroll
  for (int i = 0; i < N; i += kPack) {
    const Pack<float, kPack> pack = load_pack<kPack>(address + i);
#pragma unroll
    for (int j = 0; j < kPack; ++j) values[i + j] = pack.element[j];
  }
}

template <int N>
__device__ __forceinline__ void store_floats(float* address, const float (&values)[N]) {
  constexpr int kPack = N % 4 == 0 ? 4 : 1;
#pragma unroll
  for (int i = 0; i < N; i += kPack) {
    Pack<float, kPack> pack;
#pragma unroll
    for (int j = 0; j < kPack; ++j) pack.element[j] = values[i + j];
    store_pack(address + i, pack);
  }
}

}  // namespace assay::cuda
