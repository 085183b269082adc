#include "kernels/moe/moe_products_cuda.h"

#include <string>

#include "base/error.h"
#include "kernels/moe/moe_cuda.h"

namespace assay::moe {
namespace {

void require_limits(const cuda::Stream& stream, const ProductShape& shape) {
  const int compute_capability = stream.device().facts().compute_capability;
  if (compute_capability < kProductLeastComputeCapability) {
    throw input_error(
        "the experts' products on CUDA need compute capability 8.0 (BF16 mma, cp.async)",
        std::to_string(compute_capability), "an Ampere GPU or a newer one");
  }
  if (shape.experts <= kMaxExperts && shape.in % 8 == 0 && shape.out % 8 == 0) return;
  throw input_error("the experts' products are beyond their CUDA kernels",
                    std::to_string(shape.experts) + " experts of " + std::to_string(shape.in) +
                        " to " + std::to_string(shape.out),
                    "at most " + std::to_string(kMaxExperts) + ", of multiples of 8");
}

/// As many row tiles as slots may need however they are routed.
cuda::Geometry by_rows(const ProductShape& shape, std::int64_t columns) {
  return {.grid = {cuda::blocks_for(columns, kProductTile),
                   static_cast<unsigned>(shape.slots / kProductTile + shape.experts)},
          .block = {kProductThreads},
          .shared_bytes = kProductSharedBytes};
}

}  // namespace

void products_forward(const cuda::Stream& stream, const ProductShape& shape,
                      const std::int64_t* offset, const Bf16* x, const Bf16* w, Bf16* y) {
  require_limits(stream, shape);
  if (shape.slots == 0) return;
  cuda::launch<moe_products_forward_bf16>(stream, by_rows(shape, shape.out), shape, offset, x, w,
                                          y);
}

void products_input_gradient(const cuda::Stream& stream, const ProductShape& shape,
                             const std::int64_t* offset, const Bf16* dy, const Bf16* w, Bf16* dx) {
  require_limits(stream, shape);
  if (shape.slots == 0) return;
  cuda::launch<moe_products_input_gradient_bf16>(stream, by_rows(shape, shape.in), shape, offset,
                                                 dy, w, dx);
}

void products_weight_gradient(const cuda::Stream& stream, const ProductShape& shape,
                              const std::int64_t* offset, const Bf16* dy, const Bf16* x,
                              float* dw) {
  require_limits(stream, shape);
  if (shape.slots == 0) return;
  const cuda::Geometry where{
      .grid = {cuda::blocks_for(shape.in, kProductTile), cuda::blocks_for(shape.out, kProductTile),
               static_cast<unsigned>(shape.experts)},
      .block = {kProductThreads},
      .shared_bytes = kProductSharedBytes};
  cuda::launch<moe_products_weight_gradient_bf16>(stream, where, shape, offset, dy, x, dw);
}

}  // namespace assay::moe
