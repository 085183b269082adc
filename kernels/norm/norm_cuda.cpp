#include "kernels/norm/norm_cuda.h"

#include <algorithm>
#include <type_traits>

#include "base/error.h"
#include "kernels/cuda/alignment.h"
#include "kernels/cuda/column_sum.h"

namespace assay::norm {
namespace {

using cuda::Geometry;
using cuda::launch;

/// Blocks take this many rows at least, so that γ, β and the partial rows cost few bytes beside
/// the rows themselves; and there are no more blocks than this, a few for each multiprocessor.
constexpr std::int64_t kForwardRows = 16;
constexpr std::int64_t kBackwardRows = 32;
constexpr std::int64_t kMaxBlocks = 1024;

std::int64_t rows_per_block(const Shape& shape, std::int64_t least) {
  return std::max(least, (shape.rows + kMaxBlocks - 1) / kMaxBlocks);
}

std::int64_t blocks(const Shape& shape, std::int64_t least) {
  return cuda::blocks_for(shape.rows, rows_per_block(shape, least));
}

/// One block for each run of rows, as many warps as the row needs.
Geometry geometry(const Shape& shape, std::int64_t least_rows, bool any_width) {
  const std::int64_t per_warp = 32 * elements_per_thread(any_width);
  const std::int64_t warps = (shape.width + per_warp - 1) / per_warp;
  if (32 * warps > kMaxThreads) {
    throw input_error("the norm's rows are too wide for its CUDA kernel",
                      "width " + std::to_string(shape.width),
                      "at most " + std::to_string(elements_per_thread(any_width) * kMaxThreads) +
                          (any_width ? " where it is no multiple of 16 bytes" : ""));
  }
  return {.grid = {static_cast<unsigned>(blocks(shape, least_rows))},
          .block = {static_cast<unsigned>(32 * warps)}};
}

template <class T>
bool packed(const Shape& shape, const Forward<T>& o) {
  return cuda::rows_are_packed<T>(shape.width, {o.x, o.residual, o.gamma, o.beta, o.sum, o.y});
}
template <class T>
bool packed(const Shape& shape, const Backward<T>& o) {
  return cuda::rows_are_packed<T>(shape.width, {o.dy, o.sum, o.gamma, o.dsum, o.dx});
}

/// Launches the packed entry where rows are whole packs, else the one for any width.
template <auto* Packed, auto* Any, class Operands, class... More>
void launch_rows(const cuda::Stream& stream, const Shape& shape, const Operands& operands,
                 std::int64_t least_rows, const More&... more) {
  const bool any_width = !packed(shape, operands);
  const Geometry where = geometry(shape, least_rows, any_width);
  const int rows = static_cast<int>(rows_per_block(shape, least_rows));
  any_width ? launch<Any>(stream, where, shape, operands, rows, more...)
            : launch<Packed>(stream, where, shape, operands, rows, more...);
}

void add_partial(const cuda::Stream& stream, const Shape& shape, std::int64_t row_stride,
                 const float* partial, float* out) {
  const Geometry where{.grid = {cuda::blocks_for(shape.width, cuda::kColumnSumColumns)},
                       .block = {cuda::kColumnSumColumns, cuda::kColumnSumGroups}};
  launch<norm_column_sum>(stream, where, blocks(shape, kBackwardRows), shape.width, row_stride,
                          partial, out);
}

}  // namespace

template <class T>
void layernorm_forward(const cuda::Stream& stream, const Shape& shape, const Forward<T>& operands) {
  if constexpr (std::is_same_v<T, Bf16>) {
    launch_rows<norm_layernorm_forward_bf16, norm_layernorm_forward_bf16_any>(
        stream, shape, operands, kForwardRows);
  } else {
    launch_rows<norm_layernorm_forward_fp32, norm_layernorm_forward_fp32_any>(
        stream, shape, operands, kForwardRows);
  }
}

template <class T>
void rmsnorm_forward(const cuda::Stream& stream, const Shape& shape, const Forward<T>& operands) {
  if constexpr (std::is_same_v<T, Bf16>) {
    launch_rows<norm_rmsnorm_forward_bf16, norm_rmsnorm_forward_bf16_any>(stream, shape, operands,
                                                                          kForwardRows);
  } else {
    launch_rows<norm_rmsnorm_forward_fp32, norm_rmsnorm_forward_fp32_any>(stream, shape, operands,
                                                                          kForwardRows);
  }
}

template <class T>
void layernorm_backward(const cuda::Stream& stream, const Shape& shape, const Backward<T>& operands,
                        float* workspace) {
  const Partial partial{workspace};
  if constexpr (std::is_same_v<T, Bf16>) {
    launch_rows<norm_layernorm_backward_bf16, norm_layernorm_backward_bf16_any>(
        stream, shape, operands, kBackwardRows, partial);
  } else {
    launch_rows<norm_layernorm_backward_fp32, norm_layernorm_backward_fp32_any>(
        stream, shape, operands, kBackwardRows, partial);
  }
  add_partial(stream, shape, 2 * shape.width, workspace, operands.dgamma);
  add_partial(stream, shape, 2 * shape.width, workspace + shape.width, operands.dbeta);
}

template <class T>
void rmsnorm_backward(const cuda::Stream& stream, const Shape& shape, const Backward<T>& operands,
                      float* workspace) {
  const Partial partial{workspace};
  if constexpr (std::is_same_v<T, Bf16>) {
    launch_rows<norm_rmsnorm_backward_bf16, norm_rmsnorm_backward_bf16_any>(stream, shape, operands,
                                                                            kBackwardRows, partial);
  } else {
    launch_rows<norm_rmsnorm_backward_fp32, norm_rmsnorm_backward_fp32_any>(stream, shape, operands,
                                                                            kBackwardRows, partial);
  }
  add_partial(stream, shape, shape.width, workspace, operands.dgamma);
}

std::size_t backward_workspace_floats(const Shape& shape) {
  return static_cast<std::size_t>(2 * shape.width * blocks(shape, kBackwardRows));
}

std::uint64_t forward_bytes_issued(const Shape& shape, bool layernorm, std::size_t element_bytes,
                                   bool residual) {
  const std::int64_t affine = (layernorm ? 2 : 1) * blocks(shape, kForwardRows);
  const std::int64_t rows = (residual ? 4 : 2) * shape.rows;
  const std::int64_t statistics = (layernorm ? 8 : 4) * shape.rows;
  return element_bytes * static_cast<std::uint64_t>((affine + rows) * shape.width) +
         static_cast<std::uint64_t>(statistics);
}

std::uint64_t backward_bytes_issued(const Shape& shape, bool layernorm, std::size_t element_bytes,
                                    bool dsum) {
  const std::int64_t sums = layernorm ? 2 : 1;
  const std::int64_t block_count = blocks(shape, kBackwardRows);
  const std::int64_t rows = (dsum ? 4 : 3) * shape.rows + block_count;
  // Every thread reads the statistics of its block's rows.
  const bool any_width = shape.width * static_cast<std::int64_t>(element_bytes) % 16 != 0;
  const auto threads = static_cast<std::int64_t>(geometry(shape, kBackwardRows, any_width).block.x);
  const std::int64_t statistics = 4 * sums * shape.rows * threads;
  // Partial rows written and read again, gradients read and written.
  const std::int64_t gradients = 4 * sums * (2 * block_count + 2) * shape.width;
  return element_bytes * static_cast<std::uint64_t>(rows * shape.width) +
         static_cast<std::uint64_t>(statistics + gradients);
}

template void layernorm_forward(const cuda::Stream&, const Shape&, const Forward<Bf16>&);
template void layernorm_forward(const cuda::Stream&, const Shape&, const Forward<float>&);
template void rmsnorm_forward(const cuda::Stream&, const Shape&, const Forward<Bf16>&);
template void rmsnorm_forward(const cuda::Stream&, const Shape&, const Forward<float>&);
template void layernorm_backward(const cuda::Stream&, const Shape&, const Backward<Bf16>&, float*);
template void layernorm_backward(const cuda::Stream&, const Shape&, const Backward<float>&, float*);
template void rmsnorm_backward(const cuda::Stream&, const Shape&, const Backward<Bf16>&, float*);
template void rmsnorm_backward(const cuda::Stream&, const Shape&, const Backward<float>&, float*);

}  // namespace assay::norm
