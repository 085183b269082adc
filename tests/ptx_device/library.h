#pragma once
/// What a library's host version (tests/ptx/host_nccl.h) needs of the functional device and has no
/// driver's call for: the device that is current, the one that a stream is on, and memory of any
/// device. Copies are done at once, so a stream's order is the order of calls.
#include <cstddef>
#include <optional>

#include "kernels/cuda/driver.h"

namespace assay::ptx_device {

/// The device whose context is current in this thread.
[[nodiscard]] std::optional<int> current_device();

/// The device that a stream was made on; the default stream's is the current one.
[[nodiscard]] std::optional<int> device_of(cuda::StreamHandle stream);

/// The host's bytes of a range of a device's memory; null unless one allocation holds it. They stay
/// where they are until it is freed.
[[nodiscard]] std::byte* device_bytes(int device, cuda::DevicePointer pointer, std::size_t bytes);

}  // namespace assay::ptx_device
