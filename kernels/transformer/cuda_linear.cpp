#include "kernels/transformer/cuda_linear.h"

namespace assay::transformer {
namespace {

using gemm::Element;

gemm::Operation forward_operation(const CudaLinearShape& s) {
  return {.product = gemm::forward(s.rows, s.in, s.out, Element::bf16, s.bias),
          .activation = s.gelu ? gemm::Activation::gelu_saved : gemm::Activation::none};
}

gemm::Operation input_gradient_operation(const CudaLinearShape& s) {
  gemm::Operation operation{
      .product = gemm::input_gradient(s.rows, s.in, s.out, Element::bf16),
      .activation = s.gelu_gradient ? gemm::Activation::gelu_gradient : gemm::Activation::none};
  operation.product.accumulate = s.adds_to_input_gradient;
  return operation;
}

gemm::Operation weight_gradient_operation(const CudaLinearShape& s) {
  return {.product = gemm::weight_gradient(s.rows, s.in, s.out, Element::bf16, true)};
}

gemm::Operands forward_operands(const gemm::Operation& operation, const LinearOperands& o) {
  return {.a = o.x,
          .b = o.w,
          .bias = o.bias,
          .d = o.y,
          .saved = gemm::has_saved(operation) ? o.saved : nullptr};
}

gemm::Operands input_gradient_operands(const gemm::Operation& operation, const LinearOperands& o) {
  return {.a = o.dy, .b = o.w, .d = o.dx, .saved = gemm::has_saved(operation) ? o.saved : nullptr};
}

gemm::Operands weight_gradient_operands(const LinearOperands& o) {
  return {.a = o.dy, .b = o.x, .d = o.dw};
}

}  // namespace

CudaLinear::CudaLinear(const cuda::Stream& stream, const cuda::blas::Context& library,
                       const CudaLinearShape& shape, const gemm::DeviceWorkspace& workspace,
                       const LinearOperands& scratch)
    : forward_(library, stream.device(), forward_operation(shape), workspace),
      input_gradient_(library, stream.device(), input_gradient_operation(shape), workspace),
      weight_gradient_(library, stream.device(), weight_gradient_operation(shape), workspace) {
  forward_.choose(stream, forward_operands(forward_.operation(), scratch));
  input_gradient_.choose(stream, input_gradient_operands(input_gradient_.operation(), scratch));
  weight_gradient_.choose(stream, weight_gradient_operands(scratch));
}

void CudaLinear::forward(const cuda::Stream& stream, const LinearOperands& operands) {
  forward_.run(stream, forward_operands(forward_.operation(), operands));
}

void CudaLinear::input_gradient(const cuda::Stream& stream, const LinearOperands& operands) {
  input_gradient_.run(stream, input_gradient_operands(input_gradient_.operation(), operands));
}

void CudaLinear::weight_gradient(const cuda::Stream& stream, const LinearOperands& operands) {
  weight_gradient_.run(stream, weight_gradient_operands(operands));
}

std::vector<std::pair<std::string, std::string>> CudaLinear::notes(const std::string& name) const {
  return {{name + " forward", forward_.choice()},
          {name + " input gradient", input_gradient_.choice()},
          {name + " weight gradient", weight_gradient_.choice()}};
}

}  // namespace assay::transformer
