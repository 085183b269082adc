#pragma once
/// The products of all experts at once on CUDA: each expert's weight by the rows of the slots that
/// it owns, whose number only the device knows. A library's product wants its extents from the
/// host, which would have to wait for the router in each micro-batch, and could not be in a graph
/// that is replayed; these kernels read the plan's offsets where the router left them.
///
/// The math is in moe.h; here with BF16 operands and FP32 sums, y and dx rounded to BF16 once, dw
/// in FP32.
///
/// FLOPs: 2·slots·in·out each. Bytes: each tensor once; dw is read and written.
///
/// Decomposition. As a ladder:
///   1. One product an expert with a fixed capacity: what routing needs at worst is all slots for
///      one expert, so all but one row in `experts` would be empty.
///   2. Tiles of 128 × 128 outputs, eight warps of 32 × 64 each, over a depth of 64 a step: 64
///   FLOPs
///      a byte of shared memory. Operands come by asynchronous copies three steps ahead (96 KB a
///      block) into swizzled tiles, fragments by ldmatrix, transposed where an operand's depth runs
///      across its rows, so that no matrix is transposed in memory. The grid has as many row tiles
///      as any routing may need, ⌊slots / 128⌋ + experts; a block finds the expert of its tile by a
///      prefix sum over the experts' tiles, and blocks past the last tile leave at once.
///   3. Blocks that share rows are neighbours: in flight together, they read an expert's weights
///      from the L2 cache.
/// No two blocks write the same output and each sum has one order: the same bits every time.
///
/// Limits: kMaxExperts (moe_cuda.h); in and out are multiples of 8, rows begin at multiples of 16
/// bytes.
#include <cstdint>

#include "kernels/cuda/entry.h"
#include "kernels/moe/operands.h"

namespace assay::moe {

/// Of mma.m16n8k16 in BF16, cp.async, and 96 KB of shared memory.
inline constexpr int kProductLeastComputeCapability = 80;
inline constexpr int kProductThreads = 256;
inline constexpr int kProductTile = 128;  ///< rows and columns of a block's outputs
inline constexpr int kProductDepth = 64;  ///< of a step
inline constexpr int kProductSteps = 3;   ///< in shared memory at a time
inline constexpr unsigned kProductSharedBytes =
    kProductSteps * 2 * kProductTile * kProductDepth * 2;

/// Entries; offset: PlanView's.
extern "C" {
ASSAY_KERNEL moe_products_forward_bf16(ProductShape, const std::int64_t* offset, const Bf16* x,
                                       const Bf16* w, Bf16* y);
ASSAY_KERNEL moe_products_input_gradient_bf16(ProductShape, const std::int64_t* offset,
                                              const Bf16* dy, const Bf16* w, Bf16* dx);
ASSAY_KERNEL moe_products_weight_gradient_bf16(ProductShape, const std::int64_t* offset,
                                               const Bf16* dy, const Bf16* x, float* dw);
}

}  // namespace assay::moe

#ifndef __CUDACC__
#include <vector>

#include "kernels/cuda/device.h"
#include "kernels/workload.h"

namespace assay::moe {

/// Launches on a stream; operands are device addresses: offset (experts + 1), x and dx (slots, in),
/// y and dy (slots, out), w and dw (experts, out, in). Rows of slots that no expert owns are not
/// written. Errors: input_error for shapes beyond the limits and compute capability below 8.0.
void products_forward(const cuda::Stream& stream, const ProductShape& shape,
                      const std::int64_t* offset, const Bf16* x, const Bf16* w, Bf16* y);
void products_input_gradient(const cuda::Stream& stream, const ProductShape& shape,
                             const std::int64_t* offset, const Bf16* dy, const Bf16* w, Bf16* dx);
void products_weight_gradient(const cuda::Stream& stream, const ProductShape& shape,
                              const std::int64_t* offset, const Bf16* dy, const Bf16* x, float* dw);

enum class ProductPass { forward, input_gradient, weight_gradient };

/// The workload of a pass with slots spread over the experts as evenly as they go.
[[nodiscard]] Workload cuda_product_workload(ProductPass pass, const ProductShape& shape);

}  // namespace assay::moe
#endif
