#include "kernels/gemm/gemm.h"

namespace assay::gemm {

std::string_view name(Element element) {
  switch (element) {
    case Element::fp64:
      return "fp64";
    case Element::fp32:
      return "fp32";
    case Element::tf32:
      return "tf32";
    case Element::fp16:
      return "fp16";
    case Element::bf16:
      return "bf16";
    case Element::fp8_e4m3:
      return "fp8_e4m3";
    case Element::fp8_e5m2:
      return "fp8_e5m2";
    case Element::int8:
      return "int8";
    case Element::int32:
      return "int32";
  }
  return "unknown";
}

std::int64_t bytes_of(Element element) {
  switch (element) {
    case Element::fp64:
      return 8;
    case Element::fp32:
    case Element::tf32:
    case Element::int32:
      return 4;
    case Element::fp16:
    case Element::bf16:
      return 2;
    case Element::fp8_e4m3:
    case Element::fp8_e5m2:
    case Element::int8:
      return 1;
  }
  return 0;
}

Element b_element(const Product& product) {
  return product.input == Element::fp8_e5m2 ? Element::fp8_e4m3 : product.input;
}

std::optional<std::string> extent_refusal(const Product& product) {
  const auto valid = [](std::int64_t extent) { return extent > 0; };
  const bool m_varies = product.m == kVariable;
  const bool k_varies = product.k == kVariable;
  if ((!valid(product.m) && !m_varies) || !valid(product.n) || (!valid(product.k) && !k_varies) ||
      (m_varies && k_varies)) {
    return "extents must be positive, and only m or k variable";
  }
  // A variable extent must be a row count in memory, or the strides would vary too.
  if ((m_varies && product.a_transposed) ||
      (k_varies && (!product.a_transposed || product.b_transposed))) {
    return "a variable extent must count rows in memory";
  }
  return std::nullopt;
}

std::string text_of(const Product& product) {
  return "product m " + std::to_string(product.m) + " n " + std::to_string(product.n) + " k " +
         std::to_string(product.k) + ' ' + std::string(name(product.input)) + " to " +
         std::string(name(product.output));
}

Product forward(std::int64_t rows, std::int64_t in, std::int64_t out, Element element, bool bias) {
  Product product;
  product.m = rows;
  product.n = out;
  product.k = in;
  product.b_transposed = true;
  product.input = element;
  product.output = element;
  product.bias = bias;
  return product;
}

Product input_gradient(std::int64_t rows, std::int64_t in, std::int64_t out, Element element) {
  Product product;
  product.m = rows;
  product.n = in;
  product.k = out;
  product.input = element;
  product.output = element;
  return product;
}

Product weight_gradient(std::int64_t rows, std::int64_t in, std::int64_t out, Element element,
                        bool accumulate) {
  Product product;
  product.m = out;
  product.n = in;
  product.k = rows;
  product.a_transposed = true;
  product.input = element;
  product.output = Element::fp32;
  product.accumulate = accumulate;
  return product;
}

std::uint64_t flops(const Product& product) {
  return 2 * static_cast<std::uint64_t>(product.m) * static_cast<std::uint64_t>(product.n) *
         static_cast<std::uint64_t>(product.k);
}

std::uint64_t bytes(const Product& product) {
  const std::int64_t operands = product.m * product.k + product.k * product.n;
  const std::int64_t outputs = product.m * product.n * (product.accumulate ? 2 : 1);
  const std::int64_t biases = product.bias ? product.n : 0;
  return static_cast<std::uint64_t>((operands + biases) * bytes_of(product.input) +
                                    outputs * bytes_of(product.output));
}

}  // namespace assay::gemm
