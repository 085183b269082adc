#pragma once
/// An operation (operation.h) in cuBLASLt's terms (kernels/cuda/blas.h).
#include <cstdint>
#include <string>

#include "kernels/cuda/blas.h"
#include "kernels/gemm/operation.h"

namespace assay::gemm {

[[nodiscard]] cuda::blas::DataType data_type(Element element);

/// What products of such operands are made and summed in: gemm_cuda.h says why.
[[nodiscard]] cuda::blas::ComputeType compute_type(Element input);

/// The type of the sums, which is that of the factors alpha and beta too.
[[nodiscard]] cuda::blas::DataType sum_type(Element input);

/// 0 or 1 in the type of the sums, as the library takes its factors: by address.
[[nodiscard]] const void* factor(Element input, bool one);

[[nodiscard]] cuda::blas::Epilogue epilogue_of(const Operation& operation);

/// Whether an algorithm of these numerical flags works in the precision that the operands' type
/// stands for. 0, of a library that does not tell, passes: the compute type binds it.
[[nodiscard]] bool keeps_precision(Element input, std::uint64_t numerical_flags);

/// "floating-point tensor cores, sums in fp32".
[[nodiscard]] std::string precision_text(std::uint64_t numerical_flags);

}  // namespace assay::gemm
