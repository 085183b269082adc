#pragma once
/// A product with what a library can do in the same pass over its output: a bias, GELU and its
/// derivative, a bias gradient. This is what runs on CUDA (gemm_cuda.h).
///
///   P = scale_a·scale_b · op(A)·op(B)  [+ bias(n), to every row]
///   none            D = P  or  D += P
///   gelu            D = GELU(P)
///   gelu_saved      D = GELU(P), and saved(m, n) = P for the backward pass
///   gelu_gradient   D = P ⊙ GELU'(saved): the gradient before the activation
///
/// GELU is the tanh form (kernels/activation/activation.h, with its source), as cuBLASLt's is.
/// A bias gradient is a sum over the product's rows, written, never added to:
///   of gelu_gradient            bias_gradient(n) = Σ_m D     (the bias before that activation)
///   of a weight gradient        bias_gradient(m) = Σ_k op(A) (op(A) = dYᵀ: the bias of this layer)
///
/// Element types. bias, bias_gradient and saved are of the output's type; the bias of an FP8
/// product is BF16. Scales are per tensor, in device memory, and FP8's alone.
///   fp64 → fp64;  fp32 → fp32;  tf32 → fp32;  fp16 → fp16, fp32;  bf16 → bf16, fp32;
///   fp8 → bf16, fp32;  int8 → int32
#include <optional>
#include <string>

#include "kernels/gemm/gemm.h"

namespace assay::gemm {

enum class Activation { none, gelu, gelu_saved, gelu_gradient };
[[nodiscard]] std::string_view name(Activation activation);

struct Operation {
  Product product;
  Activation activation = Activation::none;
  bool bias_gradient = false;
};

[[nodiscard]] Element bias_element(const Product& product);

/// Whether `saved` is an operand.
[[nodiscard]] bool has_saved(const Operation& operation);

/// Why a device of that compute capability (90 for 9.0) can't do it, or nothing where it can: one
/// line for a reader. FP8 and INT8 are multiplied only where k runs along memory in both operands
/// (the form of forward()), with extents that are multiples of 16 and of 4.
[[nodiscard]] std::optional<std::string> refusal(const Operation& operation,
                                                 int compute_capability);

/// "m1024_n768_k3072_nt_bf16_bf16_bias_gelu_saved": all that tells operations apart, without
/// blanks.
[[nodiscard]] std::string identity(const Operation& operation);

/// The definition (Real = double) and the control (Real = float). Operands that the operation does
/// not have are null; scale is scale_a·scale_b.
template <class Real>
struct ReferenceOperands {
  const Real* a = nullptr;
  const Real* b = nullptr;
  const Real* bias = nullptr;
  Real* d = nullptr;
  Real* saved = nullptr;
  Real* bias_gradient = nullptr;
  Real scale = 1;
};
template <class Real>
void operation_reference(const Operation& operation, const ReferenceOperands<Real>& operands);

}  // namespace assay::gemm
