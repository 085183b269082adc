#pragma once
/// One vector register of floats, as wide as the level that is being compiled has, for `*_cpu.cpp`
/// files that tile registers by hand. gcc's vector extension gives arithmetic on every level from
/// one source; all of this lives in the level's own namespace and is always inlined.
#include <cstdint>

namespace assay {
inline namespace ASSAY_CPU_LEVEL_NAMESPACE {

#if defined(__AVX512F__)
inline constexpr int kLanes = 16;
#elif defined(__AVX2__)
inline constexpr int kLanes = 8;
#else
inline constexpr int kLanes = 4;
#endif

using Vector [[gnu::vector_size(kLanes * 4)]] = float;
using IntVector [[gnu::vector_size(kLanes * 4)]] = std::int32_t;
using UnsignedVector [[gnu::vector_size(kLanes * 4)]] = std::uint32_t;

/// A vector from unaligned memory of any 4-byte element.
template <class V = Vector, class Element>
[[gnu::always_inline]] inline V load(const Element* from) {
  static_assert(sizeof(Element) == 4);
  V result;
  __builtin_memcpy(&result, from, sizeof result);
  return result;
}

template <class V, class Element>
[[gnu::always_inline]] inline void store(Element* to, V value) {
  static_assert(sizeof(Element) == 4);
  __builtin_memcpy(to, &value, sizeof value);
}

/// The same value in every lane.
[[gnu::always_inline]] inline Vector broadcast(float value) {
  return value - Vector{};
}

/// 0, 1, 2, ... in the lanes.
[[gnu::always_inline]] inline IntVector lane_numbers() {
  IntVector result{};
  for (int lane = 0; lane < kLanes; ++lane) result[lane] = lane;
  return result;
}

/// The larger of each lane; b where either is a NaN.
[[gnu::always_inline]] inline Vector maximum(Vector a, Vector b) {
  return a > b ? a : b;
}

/// a in lanes whose number is below `count`, `otherwise` in the rest.
[[gnu::always_inline]] inline Vector first_lanes(Vector a, std::int64_t count, float otherwise) {
  const IntVector limit = static_cast<std::int32_t>(count) - IntVector{};
  return lane_numbers() < limit ? a : broadcast(otherwise);
}

/// Exchanges lanes whose numbers differ in the bit `Distance`.
template <int Distance>
[[gnu::always_inline]] inline Vector swap_lanes(Vector a) {
  return __builtin_shuffle(a, lane_numbers() ^ Distance);
}

/// The largest lane, in every lane.
[[gnu::always_inline]] inline Vector largest_lane(Vector a) {
  if constexpr (kLanes > 8) a = maximum(a, swap_lanes<8 % kLanes>(a));
  if constexpr (kLanes > 4) a = maximum(a, swap_lanes<4 % kLanes>(a));
  a = maximum(a, swap_lanes<2>(a));
  return maximum(a, swap_lanes<1>(a));
}

/// The sum of the lanes, added in a fixed tree.
[[gnu::always_inline]] inline float sum_of_lanes(Vector a) {
  if constexpr (kLanes > 8) a += swap_lanes<8 % kLanes>(a);
  if constexpr (kLanes > 4) a += swap_lanes<4 % kLanes>(a);
  a += swap_lanes<2>(a);
  a += swap_lanes<1>(a);
  return a[0];
}

/// 2^x: x = n + r with |r| <= 1/2, and the polynomial that equals 2^r at Chebyshev's seven nodes
/// (off by 2.5e-9 at most, so rounding dominates). Relative error below 2e-7 on [-126, 127]; below
/// -126 the result is 2^-126, which softmax can't tell from 0. 2^0 is exactly 1. Above 127, where
/// only scores that are masked afterwards can be, it is any number.
[[gnu::always_inline]] inline Vector exp2(Vector x) {
  x = maximum(broadcast(-126.0F), x);            // in this order a NaN stays a NaN
  constexpr float kRoundingMagic = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  const Vector shifted = x + kRoundingMagic;
  const Vector r = x - (shifted - kRoundingMagic);
  Vector p = r * 1.546144470e-4F + 1.340042818e-3F;
  p = p * r + 9.618056679e-3F;
  p = p * r + 5.550327227e-2F;
  p = p * r + 2.402265092e-1F;
  p = p * r + 6.931472067e-1F;
  p = p * r + 1.0F;
  // The low bits of `shifted` hold n in two's complement; move n into the exponent field of p.
  const auto n = __builtin_bit_cast(UnsignedVector, shifted);
  return __builtin_bit_cast(Vector, __builtin_bit_cast(UnsignedVector, p) + (n << 23U));
}

/// Transposes a square of vectors in place, log2(kLanes) exchanges of halves per vector.
template <int Distance = kLanes / 2>
[[gnu::always_inline]] inline void transpose(IntVector (&rows)[kLanes]) {
  // In the pair of rows i and i + Distance, the lanes that have the bit `Distance` set in the
  // upper row change places with those that have it clear in the lower row.
  const IntVector lanes = lane_numbers();
  const IntVector from_upper = (lanes & Distance) != 0 ? lanes - Distance + kLanes : lanes;
  const IntVector from_lower = (lanes & Distance) != 0 ? lanes + kLanes : lanes + Distance;
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    if ((i & Distance) != 0) continue;
    const IntVector first = rows[i];
    const IntVector second = rows[i + Distance];
    rows[i] = __builtin_shuffle(first, second, from_upper);
    rows[i + Distance] = __builtin_shuffle(first, second, from_lower);
  }
  if constexpr (Distance > 1) transpose<Distance / 2>(rows);
}

}  // namespace ASSAY_CPU_LEVEL_NAMESPACE
}  // namespace assay
