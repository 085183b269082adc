#pragma once
/// The device and the library that matrix products are tested on: the functional device and the
/// host's version of cuBLASLt, or the machine's GPU and its cuBLASLt.
#include <functional>

#include "kernels/cuda/blas.h"
#include "kernels/cuda/device.h"
#include "ptx/host_blas.h"
#include "ptx_device/device.h"

namespace assay::cuda_test {

/// Runs body on each architecture from `least` on (80 for 8.0) that the build has kernels for, with
/// a library made anew by `options` (but for the architecture), and expects that nothing of it is
/// left behind. On a GPU the library is the machine's, once, and options do nothing.
void on_each_library(const host_blas::Options& options,
                     const std::function<void(cuda::Stream&, const cuda::blas::Table&)>& body,
                     const ptx_device::Options& device = {}, int least = 0);

/// What on_each_library() hands to its body, as a workload wants it.
[[nodiscard]] cuda::blas::LibrarySource tested_library();

}  // namespace assay::cuda_test
