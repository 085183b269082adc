#pragma once
/// Products of small matrices on tensor cores: a warp multiplies 16×16 by 16×8 elements of 16 bits
/// and adds to 16×8 sums in FP32 (PTX ISA, "Warp Level Matrix Multiply-Accumulate Instructions:
/// mma.m16n8k16", whose fragment layouts these are). Lane l holds, with g = l / 4 and t = l % 4,
///   of A (16×16): rows g and g + 8, columns 2t, 2t + 1 and the same + 8, a pair to a register:
///                 (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8);
///   of B (16×8):  column g, rows 2t, 2t + 1 and the same + 8: two registers;
///   of C (16×8):  (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
/// So two neighbouring C, rounded in pairs, are an A of the next product: nothing moves between
/// lanes.
///
/// Compute capability 8.0; below that products trap.
#include <cstdint>
#include <type_traits>

#include "kernels/bf16.h"
#include "kernels/fp16.h"

namespace assay::cuda {

/// One operand's registers of a lane: an A, or the B of two neighbouring blocks of 8 columns.
struct Fragment {
  std::uint32_t pair[4];
};

/// Four 8×8 matrices of 16-bit elements from shared memory: lane 8i + r gives the address of row r
/// (16 bytes, so aligned) of matrix i, and receives of each matrix the pair at row l / 4, columns
/// 2(l % 4) and the next (ldmatrix).
__device__ __forceinline__ Fragment load_matrices(std::uint32_t address) {
  Fragment f;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f.pair[0]), "=r"(f.pair[1]), "=r"(f.pair[2]), "=r"(f.pair[3])
               : "r"(address)
               : "memory");
  return f;
}

/// The same of the transposed matrices.
__device__ __forceinline__ Fragment load_matrices_transposed(std::uint32_t address) {
  Fragment f;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(f.pair[0]), "=r"(f.pair[1]), "=r"(f.pair[2]), "=r"(f.pair[3])
               : "r"(address)
               : "memory");
  return f;
}

/// c += A·B, T = Bf16 or Fp16; b0, b1: the B of one block of 8 columns.
template <class T>
__device__ __forceinline__ void multiply_add(float (&c)[4], const Fragment& a, std::uint32_t b0,
                                             std::uint32_t b1) {
  static_assert(std::is_same_v<T, Bf16> || std::is_same_v<T, Fp16>);
#if __CUDA_ARCH__ >= 800
  if constexpr (std::is_same_v<T, Bf16>) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a.pair[0]), "r"(a.pair[1]), "r"(a.pair[2]), "r"(a.pair[3]), "r"(b0), "r"(b1));
  } else {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
        "{%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a.pair[0]), "r"(a.pair[1]), "r"(a.pair[2]), "r"(a.pair[3]), "r"(b0), "r"(b1));
  }
#else
  __trap();
#endif
}

/// Both blocks of 8 columns of a B.
template <class T>
__device__ __forceinline__ void multiply_add(float (&c0)[4], float (&c1)[4], const Fragment& a,
                                             const Fragment& b) {
  multiply_add<T>(c0, a, b.pair[0], b.pair[1]);
  multiply_add<T>(c1, a, b.pair[2], b.pair[3]);
}

/// Two values rounded to T, `low` in the lower half.
template <class T>
__device__ __forceinline__ std::uint32_t round_pair(float low, float high) {
  static_assert(std::is_same_v<T, Bf16> || std::is_same_v<T, Fp16>);
  std::uint32_t pair = 0;
#if __CUDA_ARCH__ >= 800
  if constexpr (std::is_same_v<T, Bf16>) {
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  } else {
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  }
#else
  pair = from_float<T>(low).bits | std::uint32_t{from_float<T>(high).bits} << 16;
#endif
  return pair;
}

/// Two neighbouring C, rounded to T, as an A.
template <class T>
__device__ __forceinline__ Fragment as_operand(const float (&c0)[4], const float (&c1)[4]) {
  return {{round_pair<T>(c0[0], c0[1]), round_pair<T>(c0[2], c0[3]), round_pair<T>(c1[0], c1[1]),
           round_pair<T>(c1[2], c1[3])}};
}

}  // namespace assay::cuda
