#include "kernels/gemm/operation.h"

#include <fmt/format.h>

namespace assay::gemm {
namespace {

bool is_fp8(Element element) {
  return element == Element::fp8_e4m3 || element == Element::fp8_e5m2;
}

bool has_form(Element input, Element output) {
  switch (input) {
    case Element::fp64:
      return output == Element::fp64;
    case Element::fp32:
    case Element::tf32:
      return output == Element::fp32;
    case Element::fp16:
    case Element::bf16:
      return output == input || output == Element::fp32;
    case Element::fp8_e4m3:
    case Element::fp8_e5m2:
      return output == Element::bf16 || output == Element::fp32;
    case Element::int8:
      return output == Element::int32;
    case Element::int32:
      return false;
  }
  return false;
}

/// The first compute capability whose tensor cores take the type.
int least_capability(Element input) {
  switch (input) {
    case Element::tf32:
    case Element::bf16:
      return 80;
    case Element::fp8_e4m3:
    case Element::fp8_e5m2:
      return 89;
    default:
      return 75;
  }
}

/// Why the activation and the gradient asked for don't go together with the product.
std::optional<std::string> epilogue_refusal(const Operation& operation) {
  const auto& [product, activation, bias_gradient] = operation;
  const bool plain = activation == Activation::none;
  const bool wide = product.output == Element::fp64 || product.output == Element::int32;
  if (!plain && (wide || is_fp8(product.input))) {
    return "there is no activation for these element types";
  }
  if (!plain && product.accumulate) return "an activation can't be added to an output";
  if (product.bias && activation == Activation::gelu_gradient) {
    return "the gradient before an activation has no bias";
  }
  if (has_saved(operation) && product.n % 8 != 0) {
    return "GELU's argument is saved in rows of a multiple of 8 elements";
  }
  if (product.bias && product.input == Element::int8) return "integer products have no bias";
  if (!bias_gradient) return std::nullopt;
  if (product.bias || wide || is_fp8(product.input) ||
      !(activation == Activation::gelu_gradient || (plain && product.a_transposed))) {
    return "a bias gradient comes with a weight gradient or with GELU's gradient";
  }
  return std::nullopt;
}

/// Where k must run along memory in both operands, and in which multiples n and k come.
std::optional<std::string> layout_refusal(const Product& product) {
  const std::int64_t multiple = is_fp8(product.input) ? 16 : product.input == Element::int8 ? 4 : 1;
  if (multiple == 1) return std::nullopt;
  if (product.a_transposed || !product.b_transposed) {
    return fmt::format("{} operands are multiplied only where k runs along memory in both",
                       name(product.input));
  }
  if (product.n % multiple != 0 || product.k % multiple != 0) {
    return fmt::format("n and k of {} products are multiples of {}", name(product.input), multiple);
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(Activation activation) {
  switch (activation) {
    case Activation::none:
      return "none";
    case Activation::gelu:
      return "gelu";
    case Activation::gelu_saved:
      return "gelu_saved";
    case Activation::gelu_gradient:
      return "gelu_gradient";
  }
  return "unknown";
}

Element bias_element(const Product& product) {
  return is_fp8(product.input) ? Element::bf16 : product.output;
}

bool has_saved(const Operation& operation) {
  return operation.activation == Activation::gelu_saved ||
         operation.activation == Activation::gelu_gradient;
}

std::optional<std::string> refusal(const Operation& operation, int compute_capability) {
  const Product& product = operation.product;
  if (auto extents = extent_refusal(product)) return extents;
  if (!has_form(product.input, product.output)) return "no such combination of element types";
  const int least = least_capability(product.input);
  if (compute_capability < least) {
    return fmt::format("{} needs compute capability {}.{}; the device has {}.{}",
                       name(product.input), least / 10, least % 10, compute_capability / 10,
                       compute_capability % 10);
  }
  if (auto layout = layout_refusal(product)) return layout;
  return epilogue_refusal(operation);
}

std::string identity(const Operation& operation) {
  const Product& product = operation.product;
  const auto extent = [](std::int64_t value) {
    return value == kVariable ? std::string("variable") : std::to_string(value);
  };
  std::string text =
      fmt::format("m{}_n{}_k{}_{}{}_{}_{}", extent(product.m), extent(product.n), extent(product.k),
                  product.a_transposed ? 't' : 'n', product.b_transposed ? 't' : 'n',
                  name(product.input), name(product.output));
  if (product.bias) text += "_bias";
  if (product.accumulate) text += "_accumulate";
  if (operation.activation != Activation::none)
    text += fmt::format("_{}", name(operation.activation));
  if (operation.bias_gradient) text += "_bias_gradient";
  return text;
}

}  // namespace assay::gemm
