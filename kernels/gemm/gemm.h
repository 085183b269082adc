#pragma once
/// Matrix products, row-major:
///
///   D(m, n) = op(A)(m, k) · op(B)(k, n)  [+ bias(n), to every row]  [+ D]
///
/// with fp32 or bf16 operands summed in FP32, or int8 operands summed exactly in int32.
/// The training step needs three forms, for activations X of `rows` tokens and weights W(out, in):
///   forward          Y(rows, out)  = X · Wᵀ + bias
///   input gradient   dX(rows, in)  = dY · W
///   weight gradient  dW(out, in)  (=|+=) dYᵀ · X, in FP32
///
/// FLOPs: 2·m·n·k. Bytes: A, B, D once each (D twice where it is added to).
/// The definition is three loops; outputs too large for it are verified by Freivalds' check
/// (freivalds.h). On a CPU the products are oneDNN's (cpu_product.h).
#include <cstdint>
#include <string_view>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/workload.h"

namespace assay::gemm {

enum class Element { fp32, bf16, int8, int32 };
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
  bool a_transposed = false;  ///< A is stored (k, m)
  bool b_transposed = false;  ///< B is stored (n, k)
  Element input = Element::fp32;
  Element output = Element::fp32;
  bool bias = false;        ///< of the input's element type
  bool accumulate = false;  ///< D += instead of D =
};

/// The three forms of the training step; `rows` may be kVariable.
[[nodiscard]] Product forward(std::int64_t rows, std::int64_t in, std::int64_t out, Element element,
                              bool bias);
[[nodiscard]] Product input_gradient(std::int64_t rows, std::int64_t in, std::int64_t out,
                                     Element element);
[[nodiscard]] Product weight_gradient(std::int64_t rows, std::int64_t in, std::int64_t out,
                                      Element element, bool accumulate);

/// 2·m·n·k and the compulsory bytes. The extents must be fixed.
[[nodiscard]] std::uint64_t flops(const Product& product);
[[nodiscard]] std::uint64_t bytes(const Product& product);

/// The definition. `bias` may be null; element types are ignored: all is done in Real.
template <class Real>
void product_reference(const Product& product, const Real* a, const Real* b, const Real* bias,
                       Real* d);

[[nodiscard]] std::vector<Workload> workloads();

}  // namespace assay::gemm
