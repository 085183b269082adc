#pragma once
/// cuBLASLt, CUDA's library of matrix products, as a table of functions. libcublasLt fills it at
/// run time, as libcuda fills the driver's table (driver.h); a plain host version for tests is a
/// second filling (tests/ptx/host_blas.h).
///
/// Only the calls that Assay makes are declared, with the library's own ABI: types, values and
/// prototypes are those of cublasLt.h, the same in CUDA 11.8, 12 and 13
/// (tests/ptx/blas_abi_test.cpp compares them with the toolkit's header where one is at hand).
/// Descriptors are made by the library itself, since their size differs between versions.
///
/// The library works in the device's primary context, which must be current.
///
/// Errors: every call returns a Status; check() turns one that is not success into assay::Error.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/cuda/driver.h"

namespace assay::cuda::blas {

using Status = int;
inline constexpr Status kSuccess = 0;
inline constexpr Status kNotInitialized = 1;
inline constexpr Status kAllocationFailed = 3;
inline constexpr Status kInvalidValue = 7;
inline constexpr Status kArchitectureMismatch = 8;
inline constexpr Status kExecutionFailed = 13;
inline constexpr Status kInternalError = 14;
inline constexpr Status kNotSupported = 15;

using Handle = struct cublasLtContext*;
using LayoutHandle = struct MatrixLayoutOpaque*;
using MultiplicationHandle = struct MultiplicationOpaque*;
using PreferenceHandle = struct PreferenceOpaque*;

/// cudaDataType.
enum class DataType : int {
  fp32 = 0,
  fp64 = 1,
  fp16 = 2,
  int8 = 3,
  int32 = 10,
  bf16 = 14,
  fp8_e4m3 = 28,
  fp8_e5m2 = 29,
};

/// cublasComputeType_t: what products are made and summed in.
enum class ComputeType : int {
  fp32 = 68,
  fp32_pedantic = 69,  ///< no conversion to a narrower type on the way
  fp64 = 70,
  int32 = 72,
  fp32_of_tf32 = 77,
};

/// cublasOperation_t.
enum class Transpose : std::int32_t { no = 0, yes = 1 };

/// cublasLtEpilogue_t: what happens to the sums before they are stored.
enum class Epilogue : std::uint32_t {
  none = 1,
  bias = 4,
  gelu = 32,
  gelu_bias = 36,
  gelu_aux = 160,
  gelu_aux_bias = 164,
  gelu_gradient = 192,
  gelu_gradient_bias_gradient = 208,
  bias_gradient_b = 512,
};

/// cublasLtMatmulDescAttributes_t; the type of each value stands beside it.
enum class MultiplicationAttribute : int {
  transpose_a = 3,             ///< Transpose
  transpose_b = 4,             ///< Transpose
  epilogue = 7,                ///< Epilogue
  bias_pointer = 8,            ///< const void*, of the bias or of its gradient
  aux_pointer = 11,            ///< const void*, GELU's argument
  aux_leading_dimension = 12,  ///< std::int64_t
  a_scale_pointer = 17,        ///< const void*, one float on the device
  b_scale_pointer = 18,        ///< const void*, one float on the device
  fast_accumulation = 25,      ///< std::int8_t
  bias_type = 26,              ///< DataType
};

/// cublasLtMatmulPreferenceAttributes_t.
enum class PreferenceAttribute : int {
  workspace_bytes = 1,    ///< std::uint64_t
  reduction_schemes = 3,  ///< std::uint32_t, a mask of ReductionScheme
  alignment_a_bytes = 5,  ///< std::uint32_t, and so on
  alignment_b_bytes = 6,
  alignment_c_bytes = 7,
  alignment_d_bytes = 8,
};

/// cublasLtReductionScheme_t: how the parts of a sum that was split are added up.
enum class ReductionScheme : std::uint32_t {
  none = 0,
  in_place = 1,      ///< in the output, in its type
  compute_type = 2,  ///< in the workspace, in the type of the sums
  output_type = 4,   ///< in the workspace, in the output's type
  any = 7,
};

/// cublasLtMatmulAlgoConfigAttributes_t: what an algorithm is made of.
enum class ConfigAttribute : int {
  id = 0,                ///< std::int32_t
  tile = 1,              ///< std::uint32_t, cublasLtMatmulTile_t
  split_k = 2,           ///< std::int32_t
  reduction_scheme = 3,  ///< ReductionScheme
  swizzle = 4,           ///< std::uint32_t
  custom_option = 5,     ///< std::uint32_t
  stages = 6,            ///< std::uint32_t, cublasLtMatmulStages_t
  inner_shape = 7,       ///< std::uint16_t, cublasLtMatmulInnerShape_t
  cluster_shape = 8,     ///< std::uint16_t, cublasLtClusterShape_t
};

/// cublasLtMatmulAlgoCapAttributes_t.
enum class CapabilityAttribute : int {
  numerical_flags = 15,  ///< std::uint64_t, a mask of the constants below
};

/// cublasLtNumericalImplFlags_t: which unit multiplies, and in which type it sums.
inline constexpr std::uint64_t kByFma = 0x01;
inline constexpr std::uint64_t kByHalfTensorCore = 0x02;
inline constexpr std::uint64_t kByIntegerTensorCore = 0x04;
inline constexpr std::uint64_t kByDoubleTensorCore = 0x08;
inline constexpr std::uint64_t kSumsFp16 = 0x0100;
inline constexpr std::uint64_t kSumsFp32 = 0x0200;
inline constexpr std::uint64_t kSumsFp64 = 0x0400;
inline constexpr std::uint64_t kSumsInt32 = 0x0800;

/// libraryPropertyType.
enum class Property : int { major_version = 0, minor_version = 1, patch_level = 2 };

/// cublasLtMatmulAlgo_t. May be stored and used again by the same version of the library.
struct Algorithm {
  std::uint64_t data[8];
};

/// cublasLtMatmulHeuristicResult_t.
struct HeuristicResult {
  Algorithm algorithm;
  std::size_t workspace_bytes;
  Status state;
  float waves;
  int reserved[4];
};

struct Table {
  Status (*create)(Handle* handle);
  Status (*destroy)(Handle handle);
  Status (*get_property)(Property property, int* value);
  const char* (*get_status_name)(Status status);
  const char* (*get_status_string)(Status status);

  Status (*layout_create)(LayoutHandle* layout, DataType type, std::uint64_t rows,
                          std::uint64_t columns, std::int64_t leading_dimension);
  Status (*layout_destroy)(LayoutHandle layout);
  Status (*multiplication_create)(MultiplicationHandle* multiplication, ComputeType compute,
                                  DataType scale);
  Status (*multiplication_destroy)(MultiplicationHandle multiplication);
  Status (*multiplication_set_attribute)(MultiplicationHandle multiplication,
                                         MultiplicationAttribute attribute, const void* value,
                                         std::size_t bytes);
  Status (*preference_create)(PreferenceHandle* preference);
  Status (*preference_destroy)(PreferenceHandle preference);
  Status (*preference_set_attribute)(PreferenceHandle preference, PreferenceAttribute attribute,
                                     const void* value, std::size_t bytes);

  Status (*get_heuristic)(Handle handle, MultiplicationHandle multiplication, LayoutHandle a,
                          LayoutHandle b, LayoutHandle c, LayoutHandle d,
                          PreferenceHandle preference, int requested, HeuristicResult results[],
                          int* found);
  Status (*algorithm_check)(Handle handle, MultiplicationHandle multiplication, LayoutHandle a,
                            LayoutHandle b, LayoutHandle c, LayoutHandle d,
                            const Algorithm* algorithm, HeuristicResult* result);
  Status (*algorithm_get_config)(const Algorithm* algorithm, ConfigAttribute attribute, void* value,
                                 std::size_t bytes, std::size_t* written);
  Status (*algorithm_get_capability)(const Algorithm* algorithm, CapabilityAttribute attribute,
                                     void* value, std::size_t bytes, std::size_t* written);
  /// D = alpha·op(A)·op(B) + beta·C, column-major; alpha and beta are on the host.
  Status (*multiply)(Handle handle, MultiplicationHandle multiplication, const void* alpha,
                     const void* a, LayoutHandle a_layout, const void* b, LayoutHandle b_layout,
                     const void* beta, const void* c, LayoutHandle c_layout, void* d,
                     LayoutHandle d_layout, const Algorithm* algorithm, void* workspace,
                     std::size_t workspace_bytes, StreamHandle stream);
};

/// Calls visit(library's name, entry) for each entry of the table: the one list of them.
template <class AnyTable, class Visit>
void for_each_entry(AnyTable& table, Visit visit) {
  visit("cublasLtCreate", table.create);
  visit("cublasLtDestroy", table.destroy);
  visit("cublasLtGetProperty", table.get_property);
  visit("cublasLtGetStatusName", table.get_status_name);
  visit("cublasLtGetStatusString", table.get_status_string);
  visit("cublasLtMatrixLayoutCreate", table.layout_create);
  visit("cublasLtMatrixLayoutDestroy", table.layout_destroy);
  visit("cublasLtMatmulDescCreate", table.multiplication_create);
  visit("cublasLtMatmulDescDestroy", table.multiplication_destroy);
  visit("cublasLtMatmulDescSetAttribute", table.multiplication_set_attribute);
  visit("cublasLtMatmulPreferenceCreate", table.preference_create);
  visit("cublasLtMatmulPreferenceDestroy", table.preference_destroy);
  visit("cublasLtMatmulPreferenceSetAttribute", table.preference_set_attribute);
  visit("cublasLtMatmulAlgoGetHeuristic", table.get_heuristic);
  visit("cublasLtMatmulAlgoCheck", table.algorithm_check);
  visit("cublasLtMatmulAlgoConfigGetAttribute", table.algorithm_get_config);
  visit("cublasLtMatmulAlgoCapGetAttribute", table.algorithm_get_capability);
  visit("cublasLtMatmul", table.multiply);
}

/// The names that the library is looked for under, the newest first.
[[nodiscard]] const std::vector<std::string>& library_names();

/// The table filled from the first of `names` that opens; the library stays open until the program
/// ends. Errors: no library or a missing entry is an input error that names it and the mend.
[[nodiscard]] const Table& system_library(const std::vector<std::string>& names = library_names());

/// Where a workload takes its library from: the machine's, or another filling of the table.
using LibrarySource = const Table& (*)();
[[nodiscard]] const Table& machine_library();

/// Throws a check error "where: cublasLtMatmul failed: CUBLAS_STATUS_NOT_SUPPORTED: …" unless
/// status is success.
void check(const Table& table, Status status, std::string_view call, const std::string& where = {});

/// "13.1.0".
[[nodiscard]] std::string version_text(const Table& table);

/// Tells whoever watches (release.h) of a call that destroys something and failed.
void note_destroyed(const Table& table, Status status, std::string_view call) noexcept;

/// Something of the library's that is destroyed with its owner: made by `create(&handle)`, which is
/// the call named `call`.
template <class T, Status (*Table::*Destroy)(T)>
class Owned {
 public:
  template <class Create>
  Owned(const Table& table, std::string_view call, Create create) : table_(&table) {
    check(table, create(&handle_), call);
  }
  ~Owned() {
    if (handle_ == nullptr) return;
    const auto entry = table_->*Destroy;
    const Status status = entry(handle_);
    if (status == kSuccess) return;
    for_each_entry(*table_, [&](std::string_view name, auto candidate) {
      if constexpr (std::is_same_v<decltype(candidate), Status (*)(T)>) {
        if (candidate == entry) note_destroyed(*table_, status, name);
      }
    });
  }
  Owned(Owned&& other) noexcept
      : table_(other.table_), handle_(std::exchange(other.handle_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(table_, other.table_);
    std::swap(handle_, other.handle_);
    return *this;
  }

  [[nodiscard]] T handle() const { return handle_; }
  [[nodiscard]] const Table& table() const { return *table_; }

 private:
  const Table* table_;
  T handle_ = nullptr;
};

/// The library, ready for the device whose context is current. May serve many products, one thread
/// at a time.
using Context = Owned<Handle, &Table::destroy>;
[[nodiscard]] Context make_context(const Table& table);

/// A column-major matrix without gaps between its columns.
using Layout = Owned<LayoutHandle, &Table::layout_destroy>;
[[nodiscard]] Layout make_layout(const Table& table, DataType type, std::int64_t rows,
                                 std::int64_t columns);

/// A product's description.
using Multiplication = Owned<MultiplicationHandle, &Table::multiplication_destroy>;
[[nodiscard]] Multiplication make_multiplication(const Table& table, ComputeType compute,
                                                 DataType scale);
template <class T>
void set(const Multiplication& multiplication, MultiplicationAttribute attribute, const T& value) {
  const Table& table = multiplication.table();
  check(
      table,
      table.multiplication_set_attribute(multiplication.handle(), attribute, &value, sizeof value),
      "cublasLtMatmulDescSetAttribute");
}

/// What the heuristic may propose.
using Preference = Owned<PreferenceHandle, &Table::preference_destroy>;
[[nodiscard]] Preference make_preference(const Table& table);
template <class T>
void set(const Preference& preference, PreferenceAttribute attribute, const T& value) {
  const Table& table = preference.table();
  check(table, table.preference_set_attribute(preference.handle(), attribute, &value, sizeof value),
        "cublasLtMatmulPreferenceSetAttribute");
}

}  // namespace assay::cuda::blas
