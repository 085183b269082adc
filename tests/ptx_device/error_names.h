#pragma once
/// The driver's names of its error codes.
#include "kernels/cuda/driver.h"

namespace assay::ptx_device {

/// "CUDA_ERROR_INVALID_VALUE"; null for a code that is not known.
[[nodiscard]] const char* error_name(cuda::Result result);
/// What a driver says where nothing more is known.
[[nodiscard]] const char* error_text(cuda::Result result);

}  // namespace assay::ptx_device
