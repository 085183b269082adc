#pragma once
/// Tiles of 16-bit elements in shared memory, from which ldmatrix takes fragments of products
/// (mma.cuh) with no bank conflict.
///
/// Rows follow each other without padding; within a row, pack p of 16 bytes lies at place
/// p xor (row mod 8). The 8 rows of one 8×8 matrix then lie in the 8 different groups of 4 banks,
/// whether copied in by row or read by column; padding the rows would do the same for 16 bytes a
/// row. Tiles begin at multiples of kTileAlignment bytes, and first rows of fragments are multiples
/// of 16, so the place of a fragment's column is its lane's address xor a constant.
#include <cstdint>

#include "kernels/cuda/device_code/async_copy.cuh"
#include "kernels/cuda/device_code/mma.cuh"
#include "kernels/cuda/device_code/pack.cuh"
#include "kernels/cuda/device_code/reduce.cuh"

namespace assay::cuda {

inline constexpr int kTileAlignment = 256;

/// The same value, of which the compiler knows no more than that: what is computed from it in a
/// loop, or after one, is not kept in registers through the loop.
__device__ __forceinline__ std::uint32_t forgotten(std::uint32_t value) {
  asm volatile("" : "+r"(value));
  return value;
}
__device__ __forceinline__ int forgotten(int value) {
  asm volatile("" : "+r"(value));
  return value;
}
__device__ __forceinline__ std::int64_t forgotten(std::int64_t value) {
  asm volatile("" : "+l"(value));
  return value;
}

template <int Columns>
struct SwizzledTile {
  static_assert(Columns == 64 || Columns == 128);
  static constexpr int kRowBytes = Columns * 2;
  static constexpr int kPacks = Columns / 8;  ///< 16-byte packs of a row

  static __device__ __forceinline__ std::uint32_t place(int row, int pack) {
    return static_cast<std::uint32_t>(row * kRowBytes + ((pack ^ (row % 8)) * 16));
  }

  std::uint32_t address;  ///< in shared memory

  /// As an A whose rows are the tile's, or, transposed, as a B whose rows are the tile's: 16×16 at
  /// (row, column), both multiples of 16.
  __device__ __forceinline__ Fragment rows(int row, int column) const {
    return load_matrices((by_halves() ^ column * 2) + row * kRowBytes);
  }
  __device__ __forceinline__ Fragment rows_transposed(int row, int column) const {
    return load_matrices_transposed((by_halves() ^ column * 2) + row * kRowBytes);
  }
  /// As a B whose columns are the tile's rows, or, transposed, as an A whose columns are.
  __device__ __forceinline__ Fragment columns(int row, int column) const {
    return load_matrices((by_quarters() ^ column * 2) + row * kRowBytes);
  }
  __device__ __forceinline__ Fragment columns_transposed(int row, int column) const {
    return load_matrices_transposed((by_quarters() ^ column * 2) + row * kRowBytes);
  }

 private:
  // Which row and pack of a 16×16 fragment a lane addresses: matrices in the order (first rows,
  // first pack), (last rows, first pack), (first, second), (last, second) for an A …
  __device__ __forceinline__ std::uint32_t by_halves() const {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    return address + place(lane % 16, lane / 16);
  }
  // … and for a B (first, first), (first, second), (last, first), (last, second).
  __device__ __forceinline__ std::uint32_t by_quarters() const {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    return address + place(lane % 8 + lane / 16 * 8, lane / 8 % 2);
  }
};

/// Copies Rows rows of a matrix to a tile, all Threads threads of the block taking part; rows from
/// `present` on are zeros. `from`: the first row, 16-byte aligned as every row is.
template <int Rows, int Threads, int Columns, class T>
__device__ __forceinline__ void copy_rows_async(const SwizzledTile<Columns>& tile, const T* from,
                                                std::int64_t row_stride, int present) {
  static_assert(sizeof(T) == 2);
  using Tile = SwizzledTile<Columns>;
  constexpr int kRowsAtOnce = Threads / Tile::kPacks;
  static_assert(kRowsAtOnce % 8 == 0 && Rows % kRowsAtOnce == 0);
  // Kernels on tiles want all registers for products, so nothing here is kept through a loop.
  const int thread = static_cast<int>(forgotten(threadIdx.x));
  const int row = thread / Tile::kPacks;
  const int pack = thread % Tile::kPacks;
  const std::uint32_t to = tile.address + Tile::place(row, pack);
  const T* source = from + row * row_stride + pack * 8;
#pragma unroll
  for (int i = 0; i < Rows; i += kRowsAtOnce) {
    start_copy_or_zeros<16>(to + i * Tile::kRowBytes, source, row + i < present);
    source += kRowsAtOnce * row_stride;
  }
}

/// A C of this warp (16·M rows, Columns), scaled and rounded to T, into rows [row, row + 16·M) of a
/// tile that no other warp uses.
template <class T, int M, int N, int Columns>
__device__ __forceinline__ void store_sums(const SwizzledTile<Columns>& tile, int row,
                                           const float (&sums)[M][N][4],
                                           const float (&scale)[M][2]) {
  static_assert(N * 8 == Columns);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int m = 0; m < M; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int n = 0; n < N; ++n) {
        const std::uint32_t to =
            tile.address + SwizzledTile<Columns>::place(row + 16 * m + 8 * half + lane / 4, n) +
            lane % 4 * 4;
        const std::uint32_t pair = round_pair<T>(sums[m][n][2 * half] * scale[m][half],
                                                 sums[m][n][2 * half + 1] * scale[m][half]);
        asm volatile("st.shared.b32 [%0], %1;" ::"r"(to), "r"(pair) : "memory");
      }
    }
  }
}

/// Rows [row, row + Rows) of a tile to global memory by this warp, 16 bytes an access; rows from
/// `present` (of these) on are left out. `to`: the first row.
template <int Rows, int Columns, class T>
__device__ __forceinline__ void copy_rows_out(const SwizzledTile<Columns>& tile, int row, T* to,
                                              std::int64_t row_stride, int present) {
  using Tile = SwizzledTile<Columns>;
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  constexpr int kRowsAtOnce = kWarp / Tile::kPacks;
#pragma unroll 4
  for (int i = lane / Tile::kPacks; i < Rows; i += kRowsAtOnce) {
    const int pack = lane % Tile::kPacks;
    uint4 value;
    asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
                 : "r"(tile.address + Tile::place(row + i, pack))
                 : "memory");
    if (i < present) {
      store_pack(to + i * row_stride + pack * 8, *reinterpret_cast<const Pack<T, 8>*>(&value));
    }
  }
}

}  // namespace assay::cuda
