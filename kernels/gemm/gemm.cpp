#include "kernels/gemm/gemm.h"

namespace assay::gemm {

std::string_view name(Element element) {
  switch (element) {
    case Element::fp32:
      return "fp32";
    case Element::bf16:
      return "bf16";
    case Element::int8:
      return "int8";
    case Element::int32:
      return "int32";
  }
  return "unknown";
}

std::int64_t bytes_of(Element element) {
  switch (element) {
    case Element::bf16:
      return 2;
    case Element::int8:
      return 1;
    default:
      return 4;
  }
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
