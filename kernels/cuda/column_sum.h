#pragma once
/// The block of a column sum (kernels/cuda/device_code/column_sum.cuh), shared by host and device.
namespace assay::cuda {

inline constexpr int kColumnSumColumns = 32;
inline constexpr int kColumnSumGroups = 16;

}  // namespace assay::cuda
