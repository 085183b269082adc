#pragma once
/// Matrix products, row-major:
///
///   D(m, n) = op(A)(m, k) · op(B)(k, n)  [+ bias(n), to every row]  [+ D]
///
/// with floating-point operands summed in FP32 (fp64 in FP64), or int8 operands summed exactly in
/// int32.
/// The training step needs three forms, for activations X of `rows` tokens and weights W(out, in):
///   forward          Y(rows, out)  = X · Wᵀ + bias
///   input gradient   dX(rows, in)  = dY · W
///   weight gradient  dW(out, in)  (=|+=) dYᵀ · X, in FP32
///
/// FLOPs: 2·m·n·k. Bytes: A, B, D once each (D twice where it is added to).
/// The definition is three loops; outputs too large for it are verified by Freivalds' check
/// (freivalds.h). On a CPU the products are oneDNN's (cpu_product.h), on CUDA cuBLASLt's
/// (gemm_cuda.h), which can do more in the same pass (operation.h).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/workload.h"

namespace assay::gemm {

/// What a matrix is made of. tf32: stored as fp32, multiplied with 10 of its 23 bits of mantissa
/// (CUDA only, as are fp64, fp16 and fp8).
enum class Element { fp64, fp32, tf32, fp16, bf16, fp8_e4m3, fp8_e5m2, int8, int32 };
[[nodiscard]] std::string_view name(Element element);
[[nodiscard]] std::int64_t bytes_of(Element element);

template <class T>
constexpr Element element_of();
template <>
constexpr Element element_of<float>() {
  return Element::fp32;
}
template <>
constexpr Element element_of<Bf16>() {
  return Element::bf16;
}
template <>
constexpr Element element_of<std::int8_t>() {
  return Element::int8;
}
template <>
constexpr Element element_of<std::int32_t>() {
  return Element::int32;
}

/// One product. Exactly one of m and k may be kVariable: an extent that is given with each run
/// (the tokens that an expert happens to receive).
inline constexpr std::int64_t kVariable = -1;
struct Product {
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  bool a_transposed = false;      ///< A is stored (k, m)
  bool b_transposed = false;      ///< B is stored (n, k)
  Element input = Element::fp32;  ///< of A, and of B but for b_element()
  Element output = Element::fp32;
  bool bias = false;        ///< of the input's element type (CUDA: operation.h)
  bool accumulate = false;  ///< D += instead of D =

  friend bool operator==(const Product&, const Product&) = default;
};

/// The three forms of the training step; `rows` may be kVariable.
[[nodiscard]] Product forward(std::int64_t rows, std::int64_t in, std::int64_t out, Element element,
                              bool bias);
[[nodiscard]] Product input_gradient(std::int64_t rows, std::int64_t in, std::int64_t out,
                                     Element element);
[[nodiscard]] Product weight_gradient(std::int64_t rows, std::int64_t in, std::int64_t out,
                                      Element element, bool accumulate);

/// B's element type: A's, but fp8_e4m3 beside fp8_e5m2. No device multiplies E5M2 by E5M2; it is
/// the format of output gradients, which stand left in both gradient products.
[[nodiscard]] Element b_element(const Product& product);

/// Why the extents are none that a product can have, or nothing where they are right.
[[nodiscard]] std::optional<std::string> extent_refusal(const Product& product);

/// "product m 4 n 8 k 16 fp32 to fp32": a product as it stands in messages.
[[nodiscard]] std::string text_of(const Product& product);

/// 2·m·n·k and the compulsory bytes. The extents must be fixed.
[[nodiscard]] std::uint64_t flops(const Product& product);
[[nodiscard]] std::uint64_t bytes(const Product& product);

/// The definition. `bias` may be null; element types are ignored: all is done in Real.
template <class Real>
void product_reference(const Product& product, const Real* a, const Real* b, const Real* bias,
                       Real* d);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::gemm
