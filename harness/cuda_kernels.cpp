#include "harness/cuda_kernels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "harness/cuda_probe.h"

namespace assay::harness {

std::optional<CarriedKernels> carried_kernels(std::string_view compiler) {
  if (compiler.empty()) return std::nullopt;
  CarriedKernels kernels;
  kernels.compiler = compiler;
  char* at = kernels.compiler.data() + kernels.compiler.find(' ');
  const long major = std::strtol(at, &at, 10);
  const long minor = std::strtol(at + 1, nullptr, 10);
  kernels.cuda_version = static_cast<int>(1000 * major + 10 * minor);
  constexpr std::string_view kFor = " for ";
  const std::size_t list = kernels.compiler.find(kFor);
  for (std::size_t i = list; i != std::string::npos; i = kernels.compiler.find(", ", i + 1)) {
    i += i == list ? kFor.size() : 2;
    kernels.architectures.push_back(std::atoi(kernels.compiler.c_str() + i));
  }
  return kernels;
}

std::optional<std::string> kernels_refusal(const std::optional<CarriedKernels>& kernels,
                                           int driver_version, int compute_capability) {
  if (!kernels) return "this build carries no CUDA kernels: build with ASSAY_NVCC set to an nvcc";
  const auto any = [&](auto runs) {
    return std::any_of(kernels->architectures.begin(), kernels->architectures.end(), runs);
  };
  if (!any([&](int architecture) { return architecture <= compute_capability; })) {
    return fmt::format(
        "compute capability {}.{} is older than all kernels of this build ({}): build with "
        "ASSAY_CUDA_ARCHITECTURES={}",
        compute_capability / 10, compute_capability % 10, kernels->compiler, compute_capability);
  }
  const bool has_cubin = any([&](int architecture) {
    return architecture / 10 == compute_capability / 10 && architecture <= compute_capability;
  });
  const int least = has_cubin ? kernels->cuda_version / 1000 * 1000 : kernels->cuda_version;
  if (driver_version >= least) return std::nullopt;
  return fmt::format(
      "the driver is for {} and the kernels need one for {} or later ({}): install a newer driver, "
      "or build with an older nvcc",
      cuda_version_text(driver_version), cuda_version_text(least), kernels->compiler);
}

std::string cuda_kernels_line(const std::optional<CarriedKernels>& kernels) {
  if (!kernels) return "this build carries no CUDA kernels";
  return fmt::format(
      "made by {}; they need a driver for CUDA {}, or {} on GPUs of other major capabilities",
      kernels->compiler, kernels->cuda_version / 1000,
      cuda_version_text(kernels->cuda_version).substr(5));
}

}  // namespace assay::harness
