#pragma once
/// Which drivers and GPUs the kernels of this build run on, from what compiled them.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/cuda/images.h"

namespace assay::harness {

struct CarriedKernels {
  std::string compiler;            ///< "nvcc 13.0.88 for 80, 90"
  int cuda_version = 0;            ///< 13000 for 13.0, as drivers count
  std::vector<int> architectures;  ///< 80, 90: a cubin and PTX of each
};

/// Nothing where the build carries none.
[[nodiscard]] std::optional<CarriedKernels> carried_kernels(
    std::string_view compiler = cuda::images_compiler());

/// Why they don't run on a GPU of that compute capability (80 for 8.0) under that driver, with the
/// mend; nothing where they do. By NVIDIA's rules of compatibility: a cubin runs on GPUs of its own
/// major capability from its minor one on, under drivers of its CUDA's major version or later; PTX
/// runs on GPUs from its capability on, under drivers of its CUDA's version or later.
[[nodiscard]] std::optional<std::string> kernels_refusal(
    const std::optional<CarriedKernels>& kernels, int driver_version, int compute_capability);

/// What kernels there are, and the driver they need, in one line.
[[nodiscard]] std::string cuda_kernels_line(
    const std::optional<CarriedKernels>& kernels = carried_kernels());

}  // namespace assay::harness
