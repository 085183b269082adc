/// The table of cuBLASLt calls against the toolkit's cublasLt.h: every prototype, structure and
/// value that kernels/cuda/blas.h declares, compared by the compiler where the header is at hand.
#include <gtest/gtest.h>

#include "kernels/cuda/blas.h"

#if __has_include(<cublasLt.h>)
#include <cublasLt.h>

#include "ptx/abi_shape.h"

namespace assay::cuda::blas {
namespace {

using abi::same;
using abi::same_shape;

static_assert(same_shape<decltype(Table::create), decltype(&cublasLtCreate)>);
static_assert(same_shape<decltype(Table::destroy), decltype(&cublasLtDestroy)>);
static_assert(same_shape<decltype(Table::get_property), decltype(&cublasLtGetProperty)>);
static_assert(same_shape<decltype(Table::get_status_name), decltype(&cublasLtGetStatusName)>);
static_assert(same_shape<decltype(Table::get_status_string), decltype(&cublasLtGetStatusString)>);
static_assert(same_shape<decltype(Table::layout_create), decltype(&cublasLtMatrixLayoutCreate)>);
static_assert(same_shape<decltype(Table::layout_destroy), decltype(&cublasLtMatrixLayoutDestroy)>);
static_assert(
    same_shape<decltype(Table::multiplication_create), decltype(&cublasLtMatmulDescCreate)>);
static_assert(
    same_shape<decltype(Table::multiplication_destroy), decltype(&cublasLtMatmulDescDestroy)>);
static_assert(same_shape<decltype(Table::multiplication_set_attribute),
                         decltype(&cublasLtMatmulDescSetAttribute)>);
static_assert(
    same_shape<decltype(Table::preference_create), decltype(&cublasLtMatmulPreferenceCreate)>);
static_assert(
    same_shape<decltype(Table::preference_destroy), decltype(&cublasLtMatmulPreferenceDestroy)>);
static_assert(same_shape<decltype(Table::preference_set_attribute),
                         decltype(&cublasLtMatmulPreferenceSetAttribute)>);
static_assert(
    same_shape<decltype(Table::get_heuristic), decltype(&cublasLtMatmulAlgoGetHeuristic)>);
static_assert(same_shape<decltype(Table::algorithm_check), decltype(&cublasLtMatmulAlgoCheck)>);
static_assert(same_shape<decltype(Table::algorithm_get_config),
                         decltype(&cublasLtMatmulAlgoConfigGetAttribute)>);
static_assert(same_shape<decltype(Table::algorithm_get_capability),
                         decltype(&cublasLtMatmulAlgoCapGetAttribute)>);
static_assert(same_shape<decltype(Table::multiply), decltype(&cublasLtMatmul)>);

static_assert(sizeof(Algorithm) == sizeof(cublasLtMatmulAlgo_t));
static_assert(sizeof(HeuristicResult) == sizeof(cublasLtMatmulHeuristicResult_t));
static_assert(offsetof(HeuristicResult, algorithm) ==
              offsetof(cublasLtMatmulHeuristicResult_t, algo));
static_assert(offsetof(HeuristicResult, workspace_bytes) ==
              offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
static_assert(offsetof(HeuristicResult, state) == offsetof(cublasLtMatmulHeuristicResult_t, state));
static_assert(offsetof(HeuristicResult, waves) ==
              offsetof(cublasLtMatmulHeuristicResult_t, wavesCount));

static_assert(same(kSuccess, CUBLAS_STATUS_SUCCESS));
static_assert(same(kNotInitialized, CUBLAS_STATUS_NOT_INITIALIZED));
static_assert(same(kAllocationFailed, CUBLAS_STATUS_ALLOC_FAILED));
static_assert(same(kInvalidValue, CUBLAS_STATUS_INVALID_VALUE));
static_assert(same(kArchitectureMismatch, CUBLAS_STATUS_ARCH_MISMATCH));
static_assert(same(kExecutionFailed, CUBLAS_STATUS_EXECUTION_FAILED));
static_assert(same(kInternalError, CUBLAS_STATUS_INTERNAL_ERROR));
static_assert(same(kNotSupported, CUBLAS_STATUS_NOT_SUPPORTED));

static_assert(same(DataType::fp32, CUDA_R_32F));
static_assert(same(DataType::fp64, CUDA_R_64F));
static_assert(same(DataType::fp16, CUDA_R_16F));
static_assert(same(DataType::int8, CUDA_R_8I));
static_assert(same(DataType::int32, CUDA_R_32I));
static_assert(same(DataType::bf16, CUDA_R_16BF));
static_assert(same(DataType::fp8_e4m3, CUDA_R_8F_E4M3));
static_assert(same(DataType::fp8_e5m2, CUDA_R_8F_E5M2));

static_assert(same(ComputeType::fp32, CUBLAS_COMPUTE_32F));
static_assert(same(ComputeType::fp32_pedantic, CUBLAS_COMPUTE_32F_PEDANTIC));
static_assert(same(ComputeType::fp64, CUBLAS_COMPUTE_64F));
static_assert(same(ComputeType::int32, CUBLAS_COMPUTE_32I));
static_assert(same(ComputeType::fp32_of_tf32, CUBLAS_COMPUTE_32F_FAST_TF32));

static_assert(same(Transpose::no, CUBLAS_OP_N));
static_assert(same(Transpose::yes, CUBLAS_OP_T));

static_assert(same(Epilogue::none, CUBLASLT_EPILOGUE_DEFAULT));
static_assert(same(Epilogue::bias, CUBLASLT_EPILOGUE_BIAS));
static_assert(same(Epilogue::gelu, CUBLASLT_EPILOGUE_GELU));
static_assert(same(Epilogue::gelu_bias, CUBLASLT_EPILOGUE_GELU_BIAS));
static_assert(same(Epilogue::gelu_aux, CUBLASLT_EPILOGUE_GELU_AUX));
static_assert(same(Epilogue::gelu_aux_bias, CUBLASLT_EPILOGUE_GELU_AUX_BIAS));
static_assert(same(Epilogue::gelu_gradient, CUBLASLT_EPILOGUE_DGELU));
static_assert(same(Epilogue::gelu_gradient_bias_gradient, CUBLASLT_EPILOGUE_DGELU_BGRAD));
static_assert(same(Epilogue::bias_gradient_b, CUBLASLT_EPILOGUE_BGRADB));

using M = MultiplicationAttribute;
static_assert(same(M::transpose_a, CUBLASLT_MATMUL_DESC_TRANSA));
static_assert(same(M::transpose_b, CUBLASLT_MATMUL_DESC_TRANSB));
static_assert(same(M::epilogue, CUBLASLT_MATMUL_DESC_EPILOGUE));
static_assert(same(M::bias_pointer, CUBLASLT_MATMUL_DESC_BIAS_POINTER));
static_assert(same(M::aux_pointer, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER));
static_assert(same(M::aux_leading_dimension, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD));
static_assert(same(M::a_scale_pointer, CUBLASLT_MATMUL_DESC_A_SCALE_POINTER));
static_assert(same(M::b_scale_pointer, CUBLASLT_MATMUL_DESC_B_SCALE_POINTER));
static_assert(same(M::fast_accumulation, CUBLASLT_MATMUL_DESC_FAST_ACCUM));
static_assert(same(M::bias_type, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE));

using P = PreferenceAttribute;
static_assert(same(P::workspace_bytes, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES));
static_assert(same(P::reduction_schemes, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK));
static_assert(same(P::alignment_a_bytes, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES));
static_assert(same(P::alignment_b_bytes, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES));
static_assert(same(P::alignment_c_bytes, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES));
static_assert(same(P::alignment_d_bytes, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES));

static_assert(same(ReductionScheme::none, CUBLASLT_REDUCTION_SCHEME_NONE));
static_assert(same(ReductionScheme::in_place, CUBLASLT_REDUCTION_SCHEME_INPLACE));
static_assert(same(ReductionScheme::compute_type, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
static_assert(same(ReductionScheme::output_type, CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE));
static_assert(same(ReductionScheme::any, CUBLASLT_REDUCTION_SCHEME_MASK));

static_assert(same(ConfigAttribute::id, CUBLASLT_ALGO_CONFIG_ID));
static_assert(same(ConfigAttribute::tile, CUBLASLT_ALGO_CONFIG_TILE_ID));
static_assert(same(ConfigAttribute::split_k, CUBLASLT_ALGO_CONFIG_SPLITK_NUM));
static_assert(same(ConfigAttribute::reduction_scheme, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME));
static_assert(same(ConfigAttribute::swizzle, CUBLASLT_ALGO_CONFIG_CTA_SWIZZLING));
static_assert(same(ConfigAttribute::custom_option, CUBLASLT_ALGO_CONFIG_CUSTOM_OPTION));
static_assert(same(ConfigAttribute::stages, CUBLASLT_ALGO_CONFIG_STAGES_ID));
static_assert(same(ConfigAttribute::inner_shape, CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID));
static_assert(same(ConfigAttribute::cluster_shape, CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID));

static_assert(same(CapabilityAttribute::numerical_flags, CUBLASLT_ALGO_CAP_NUMERICAL_IMPL_FLAGS));
static_assert(same(kByFma, CUBLASLT_NUMERICAL_IMPL_FLAGS_FMA));
static_assert(same(kByHalfTensorCore, CUBLASLT_NUMERICAL_IMPL_FLAGS_HMMA));
static_assert(same(kByIntegerTensorCore, CUBLASLT_NUMERICAL_IMPL_FLAGS_IMMA));
static_assert(same(kByDoubleTensorCore, CUBLASLT_NUMERICAL_IMPL_FLAGS_DMMA));
static_assert(same(kSumsFp16, CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_16F));
static_assert(same(kSumsFp32, CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32F));
static_assert(same(kSumsFp64, CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_64F));
static_assert(same(kSumsInt32, CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32I));

static_assert(same(Property::major_version, MAJOR_VERSION));
static_assert(same(Property::minor_version, MINOR_VERSION));
static_assert(same(Property::patch_level, PATCH_LEVEL));

TEST(BlasAbi, IsThatOfTheToolkit) {
  // The comparisons above are made by the compiler; here, that no entry was left out of them.
  int entries = 0;
  const Table table{};
  for_each_entry(table, [&](std::string_view, auto) { ++entries; });
  EXPECT_EQ(entries, 18);
  EXPECT_EQ(sizeof(Table), static_cast<std::size_t>(entries) * sizeof(void*));
}

}  // namespace
}  // namespace assay::cuda::blas
#else
TEST(BlasAbi, IsThatOfTheToolkit) {
  GTEST_SKIP() << "the toolkit's cublasLt.h is not at hand";
}
#endif
