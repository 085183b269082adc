#pragma once
/// The product of the host's version of cuBLASLt (host_blas.h): what it refuses and what it
/// computes, in the library's own terms: column-major, D = alpha·op(A)·op(B) + beta·C with an
/// epilogue.
///
/// Source of the rules: the comments of cublasLt.h, and cuBLAS's documentation of cublasLtMatmul()
/// (its tables of supported types, and the conditions of its FP8 and integer kernels).
#include <cstdint>
#include <cstring>
#include <optional>

#include "kernels/cuda/blas.h"

namespace assay::host_blas {

inline constexpr std::uint32_t kPointerAlignment = 16;

struct LayoutState {
  cuda::blas::DataType type = cuda::blas::DataType::fp32;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  std::int64_t leading_dimension = 0;
};

struct MultiplicationState {
  cuda::blas::ComputeType compute = cuda::blas::ComputeType::fp32;
  cuda::blas::DataType scale = cuda::blas::DataType::fp32;
  cuda::blas::Transpose transpose_a = cuda::blas::Transpose::no;
  cuda::blas::Transpose transpose_b = cuda::blas::Transpose::no;
  cuda::blas::Epilogue epilogue = cuda::blas::Epilogue::none;
  void* bias = nullptr;
  void* aux = nullptr;
  std::int64_t aux_leading_dimension = 0;
  const void* a_scale = nullptr;
  const void* b_scale = nullptr;
  std::optional<std::int8_t> fast_accumulation;   ///< off where it is not set
  std::optional<cuda::blas::DataType> bias_type;  ///< D's where it is not set
};

struct Description {
  MultiplicationState multiplication;
  LayoutState a, b, c, d;
};

struct Scales {
  const void* alpha = nullptr;  ///< on the host
  const void* beta = nullptr;
};

struct Pointers {
  const void* a = nullptr;
  const void* b = nullptr;
  const void* c = nullptr;
  void* d = nullptr;
};

[[nodiscard]] bool is_aligned(const void* address, std::uint32_t alignment);

/// What the library would return for such a product on that architecture: success, or why not.
[[nodiscard]] cuda::blas::Status refusal(const Description& description, int architecture);
/// The same for the operands of a run.
[[nodiscard]] cuda::blas::Status refusal(const Description& description, const Scales& scales,
                                         const Pointers& pointers);

/// Computes it on device memory, through the driver's copies.
void compute(const cuda::DriverTable& driver, cuda::StreamHandle stream,
             const Description& description, const Scales& scales, const Pointers& pointers);

}  // namespace assay::host_blas
