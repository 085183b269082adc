#pragma once
/// The device that CUDA kernels are tested on. By default it is the functional device, which
/// executes on the CPU what nvcc emitted (tests/ptx_device); ASSAY_TEST_DRIVER=native takes the
/// machine's first GPU, ASSAY_TEST_DRIVER=ptxrun the independent executor where the build was given
/// its path (ASSAY_PTXRUN). ASSAY_TEST_ARCHITECTURE=80 leaves out other architectures.
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "kernels/cuda/device.h"
#include "ptx_device/counters.h"
#include "ptx_device/device.h"

namespace assay::cuda_test {

/// Whether launches are executed on the CPU: then orders can be varied and bytes counted.
[[nodiscard]] bool is_functional();

/// Whether that is the functional device of this repository, which can capture streams.
[[nodiscard]] bool is_own_device();

/// What launches did since the last call; zeros on a real GPU.
[[nodiscard]] ptx_device::Counters take_counted();

/// Whether the tests run on a device of that compute capability (80 for 8.0) or a later one.
[[nodiscard]] bool any_device_from(int compute_capability);

/// Runs body on a fresh device of each architecture that the build has kernels for, made by
/// `options` but for the architecture; on a real GPU once. Devices below `least` (80 for 8.0),
/// which lack what the kernels are made of, are left out; where that leaves none the test is
/// skipped.
void on_each_architecture(const std::function<void(cuda::Stream&)>& body,
                          const ptx_device::Options& options = {}, int least = 0);

/// Runs body on a functional device of that architecture, whatever the build has kernels for.
void on_architecture(int architecture, const std::function<void(cuda::Stream&)>& body);

/// For tests of what is around kernels whose own tests look for races: without those checks the
/// functional device takes half the time.
[[nodiscard]] ptx_device::Options without_checks();

/// Runs body, which returns its outputs' bytes, in each thread order (forward, reverse, two random
/// ones; on a real GPU four times) on the first architecture from `least` on that the build has
/// kernels for, and expects the same bits. Without such a device the test is skipped.
void expect_same_bits_in_all_orders(
    const std::function<std::vector<std::byte>(cuda::Stream&)>& body, int least = 0);
/// The same on each architecture from `least` on, which may have bits of its own.
void expect_same_bits_in_all_orders_everywhere(
    const std::function<std::vector<std::byte>(cuda::Stream&)>& body, int least = 0);

/// The first architecture from `least` on that the build has kernels for, or nothing.
[[nodiscard]] std::optional<int> first_architecture_from(int least);

}  // namespace assay::cuda_test
