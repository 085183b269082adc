#include "kernels/gemm/blas_terms.h"

#include <fmt/format.h>

#include <array>

#include "base/error.h"

namespace assay::gemm {
namespace {

/// A factor in each type of sums.
struct Factor {
  double fp64;
  float fp32;
  std::int32_t int32;
};
constexpr std::array<Factor, 2> kFactors{Factor{0.0, 0.0F, 0}, Factor{1.0, 1.0F, 1}};

}  // namespace

using cuda::blas::ComputeType;
using cuda::blas::DataType;
using cuda::blas::Epilogue;

DataType data_type(Element element) {
  switch (element) {
    case Element::fp64:
      return DataType::fp64;
    case Element::fp32:
    case Element::tf32:
      return DataType::fp32;
    case Element::fp16:
      return DataType::fp16;
    case Element::bf16:
      return DataType::bf16;
    case Element::fp8_e4m3:
      return DataType::fp8_e4m3;
    case Element::fp8_e5m2:
      return DataType::fp8_e5m2;
    case Element::int8:
      return DataType::int8;
    case Element::int32:
      return DataType::int32;
  }
  throw input_error("no such element type", "matrix product");
}

ComputeType compute_type(Element input) {
  switch (input) {
    case Element::fp64:
      return ComputeType::fp64;
    case Element::fp32:
      return ComputeType::fp32_pedantic;
    case Element::tf32:
      return ComputeType::fp32_of_tf32;
    case Element::int8:
      return ComputeType::int32;
    default:
      return ComputeType::fp32;
  }
}

DataType sum_type(Element input) {
  switch (input) {
    case Element::fp64:
      return DataType::fp64;
    case Element::int8:
      return DataType::int32;
    default:
      return DataType::fp32;
  }
}

const void* factor(Element input, bool one) {
  const Factor& value = kFactors[one ? 1 : 0];
  const DataType type = sum_type(input);
  if (type == DataType::fp64) return &value.fp64;
  if (type == DataType::int32) return &value.int32;
  return &value.fp32;
}

Epilogue epilogue_of(const Operation& operation) {
  const bool bias = operation.product.bias;
  switch (operation.activation) {
    case Activation::none:
      if (operation.bias_gradient) return Epilogue::bias_gradient_b;
      return bias ? Epilogue::bias : Epilogue::none;
    case Activation::gelu:
      return bias ? Epilogue::gelu_bias : Epilogue::gelu;
    case Activation::gelu_saved:
      return bias ? Epilogue::gelu_aux_bias : Epilogue::gelu_aux;
    case Activation::gelu_gradient:
      return operation.bias_gradient ? Epilogue::gelu_gradient_bias_gradient
                                     : Epilogue::gelu_gradient;
  }
  return Epilogue::none;
}

bool keeps_precision(Element input, std::uint64_t numerical_flags) {
  switch (input) {
    case Element::fp64:  // integers and halves emulate it
      return (numerical_flags &
              (cuda::blas::kByIntegerTensorCore | cuda::blas::kByHalfTensorCore)) == 0;
    case Element::fp32:  // narrower types do
      return (numerical_flags & cuda::blas::kByHalfTensorCore) == 0;
    default:
      return (numerical_flags & cuda::blas::kSumsFp16) == 0;
  }
}

std::string precision_text(std::uint64_t numerical_flags) {
  if (numerical_flags == 0) return "not told by the library";
  const bool tensor = (numerical_flags & cuda::blas::kByHalfTensorCore) != 0;
  const bool integer = (numerical_flags & cuda::blas::kByIntegerTensorCore) != 0;
  const bool wide = (numerical_flags & cuda::blas::kByDoubleTensorCore) != 0;
  return fmt::format("{}, sums in {}",
                     tensor    ? "floating-point tensor cores"
                     : integer ? "integer tensor cores"
                     : wide    ? "double-precision tensor cores"
                               : "fused multiply-adds",
                     (numerical_flags & cuda::blas::kSumsFp16) != 0    ? "fp16"
                     : (numerical_flags & cuda::blas::kSumsFp32) != 0  ? "fp32"
                     : (numerical_flags & cuda::blas::kSumsFp64) != 0  ? "fp64"
                     : (numerical_flags & cuda::blas::kSumsInt32) != 0 ? "int32"
                                                                       : "an unknown type");
}

}  // namespace assay::gemm
