#pragma once
/// The three products of one weight W(out, in) of a model on CUDA: forward, input gradient and
/// weight gradient, prepared once for `rows` tokens and used by all layers that have the same
/// shape. BF16 operands, FP32 sums; weight gradients are added to, in FP32.
///
/// A GELU that follows a forward product, and its derivative before the next product's input
/// gradient, are taken into the products' epilogues: each saves a kernel's pass over the widest
/// activation. Bias gradients are not: cuBLASLt writes them in BF16 and doesn't add.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernels/gemm/gemm_cuda.h"

namespace assay::transformer {

struct CudaLinearShape {
  std::int64_t rows = 0;  ///< tokens
  std::int64_t in = 0;
  std::int64_t out = 0;
  bool bias = false;
  bool gelu = false;                    ///< y = GELU(x·Wᵀ + b), with the argument saved
  bool gelu_gradient = false;           ///< dx is the gradient before the GELU that x came out of
  bool adds_to_input_gradient = false;  ///< dx += instead of dx =
};

/// Operands of all three, device addresses; those that a product doesn't have are null.
struct LinearOperands {
  const Bf16* x = nullptr;
  const Bf16* w = nullptr;
  const Bf16* bias = nullptr;
  Bf16* y = nullptr;
  Bf16* saved = nullptr;  ///< GELU's argument: (rows, out) of gelu, (rows, in) of gelu_gradient
  const Bf16* dy = nullptr;
  Bf16* dx = nullptr;
  float* dw = nullptr;
};

class CudaLinear {
 public:
  /// Chooses algorithms by timing them on `scratch`, whose outputs are overwritten.
  CudaLinear(const cuda::Stream& stream, const cuda::blas::Context& library,
             const CudaLinearShape& shape, const gemm::DeviceWorkspace& workspace,
             const LinearOperands& scratch);

  void forward(const cuda::Stream& stream, const LinearOperands& operands);
  /// dx = dy·W, or dx += dy·W.
  void input_gradient(const cuda::Stream& stream, const LinearOperands& operands);
  /// dw += dyᵀ·x.
  void weight_gradient(const cuda::Stream& stream, const LinearOperands& operands);

  /// The algorithms, each product's choice under its name after `name`.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> notes(
      const std::string& name) const;

 private:
  gemm::CudaPlan forward_;
  gemm::CudaPlan input_gradient_;
  gemm::CudaPlan weight_gradient_;
};

}  // namespace assay::transformer
