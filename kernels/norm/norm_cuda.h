#pragma once
/// The norms on CUDA. The math is in norm.h; this is how it is laid out on a GPU.
///
/// Memory-bound: forward reads x and residual and writes s and y, once each; the arithmetic is
/// free. As a ladder:
///   1. One thread a row reads with a stride of a row: each 32-byte sector is used for one element.
///   2. One block a row, threads side by side, but a sweep each for sum, variance and output: x is
///      read three times.
///   3. A row is held in registers: thread t of the block owns packs t, t + threads, … of 16 bytes
///      (8 Bf16), 32 elements at most, and sweeps over its registers. Statistics cross lanes by
///      shuffles and warps by 128 bytes of shared memory. A row of up to 1,024 elements is one
///      warp's, which never waits at a barrier.
///   4. A block takes several rows, so γ and β are read once for them and stay in registers.
/// Backward, dγ and dβ are sums over rows: a block adds up its rows in registers and leaves one
/// partial row in the workspace; a second kernel adds these up in order (column_sum.cuh). No
/// atomics: the same bits in every run.
///
/// Widths or addresses that are no multiple of 16 bytes are served by packs of one element, which
/// no workload uses. Widths: at most elements_per_thread · kMaxThreads (8,192; 2,048 by single
/// elements); beyond is an input error.
///
/// bytes_issued: each tensor once, γ and β once a block; backward the partial rows too.
#include <cstdint>

#include "kernels/cuda/entry.h"
#include "kernels/norm/operands.h"

namespace assay::norm {

/// Elements of a row that one thread holds, and threads of a block, at most.
constexpr int elements_per_thread(bool any_width) {
  return any_width ? 8 : 32;
}
inline constexpr int kMaxThreads = 256;

/// dγ and dβ of a block's rows: (blocks, 1 or 2, width) floats.
struct Partial {
  float* sums = nullptr;
};

/// Entries, named norm_<what>_<type>; "_any" serves any width and alignment. Blocks take
/// `rows_per_block` rows each.
extern "C" {
ASSAY_KERNEL norm_layernorm_forward_bf16(Shape, Forward<Bf16>, int rows_per_block);
ASSAY_KERNEL norm_layernorm_forward_fp32(Shape, Forward<float>, int rows_per_block);
ASSAY_KERNEL norm_layernorm_forward_bf16_any(Shape, Forward<Bf16>, int rows_per_block);
ASSAY_KERNEL norm_layernorm_forward_fp32_any(Shape, Forward<float>, int rows_per_block);
ASSAY_KERNEL norm_rmsnorm_forward_bf16(Shape, Forward<Bf16>, int rows_per_block);
ASSAY_KERNEL norm_rmsnorm_forward_fp32(Shape, Forward<float>, int rows_per_block);
ASSAY_KERNEL norm_rmsnorm_forward_bf16_any(Shape, Forward<Bf16>, int rows_per_block);
ASSAY_KERNEL norm_rmsnorm_forward_fp32_any(Shape, Forward<float>, int rows_per_block);
ASSAY_KERNEL norm_layernorm_backward_bf16(Shape, Backward<Bf16>, int rows_per_block, Partial);
ASSAY_KERNEL norm_layernorm_backward_fp32(Shape, Backward<float>, int rows_per_block, Partial);
ASSAY_KERNEL norm_layernorm_backward_bf16_any(Shape, Backward<Bf16>, int rows_per_block, Partial);
ASSAY_KERNEL norm_layernorm_backward_fp32_any(Shape, Backward<float>, int rows_per_block, Partial);
ASSAY_KERNEL norm_rmsnorm_backward_bf16(Shape, Backward<Bf16>, int rows_per_block, Partial);
ASSAY_KERNEL norm_rmsnorm_backward_fp32(Shape, Backward<float>, int rows_per_block, Partial);
ASSAY_KERNEL norm_rmsnorm_backward_bf16_any(Shape, Backward<Bf16>, int rows_per_block, Partial);
ASSAY_KERNEL norm_rmsnorm_backward_fp32_any(Shape, Backward<float>, int rows_per_block, Partial);
/// out[c] += Σ_rows partial[row · row_stride + c].
ASSAY_KERNEL norm_column_sum(std::int64_t rows, std::int64_t width, std::int64_t row_stride,
                             const float* partial, float* out);
}

}  // namespace assay::norm

#ifndef __CUDACC__
#include "kernels/cuda/device.h"

namespace assay::norm {

/// Launches on a stream; operands are device addresses. T = Bf16 or float.
template <class T>
void layernorm_forward(const cuda::Stream& stream, const Shape& shape, const Forward<T>& operands);
template <class T>
void rmsnorm_forward(const cuda::Stream& stream, const Shape& shape, const Forward<T>& operands);
/// `workspace`: backward_workspace_floats(shape) floats.
template <class T>
void layernorm_backward(const cuda::Stream& stream, const Shape& shape, const Backward<T>& operands,
                        float* workspace);
template <class T>
void rmsnorm_backward(const cuda::Stream& stream, const Shape& shape, const Backward<T>& operands,
                      float* workspace);
[[nodiscard]] std::size_t backward_workspace_floats(const Shape& shape);

/// What the launches above ask of global memory; `residual` and `dsum` say whether there is one.
[[nodiscard]] std::uint64_t forward_bytes_issued(const Shape& shape, bool layernorm,
                                                 std::size_t element_bytes, bool residual);
[[nodiscard]] std::uint64_t backward_bytes_issued(const Shape& shape, bool layernorm,
                                                  std::size_t element_bytes, bool dsum);

}  // namespace assay::norm
#endif
