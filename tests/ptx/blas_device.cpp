#include "ptx/blas_device.h"

#include <gtest/gtest.h>

#include "ptx/test_device.h"
#include "ptx_device/library.h"

namespace assay::cuda_test {

void on_each_library(const host_blas::Options& options,
                     const std::function<void(cuda::Stream&, const cuda::blas::Table&)>& body,
                     const ptx_device::Options& device_options, int least) {
  const auto on_architecture = [&](cuda::Stream& stream) {
    if (!is_functional()) return body(stream, cuda::blas::system_library());
    const cuda::DriverTable clocked = host_blas::with_clock(stream.device().driver());
    cuda::Device device(clocked, 0);
    cuda::Stream clocked_stream(device);
    host_blas::Options of_device = options;
    of_device.architecture = device.facts().compute_capability;
    if (is_own_device()) of_device.enqueue = ptx_device::enqueue;
    host_blas::configure(device.driver(), of_device);
    body(clocked_stream, host_blas::library());
    EXPECT_TRUE(host_blas::leaks().empty()) << host_blas::leaks().front();
  };
  on_each_architecture(on_architecture, device_options, least);
}

cuda::blas::LibrarySource tested_library() {
  return is_functional() ? host_blas::library : cuda::blas::machine_library;
}

}  // namespace assay::cuda_test
