#pragma once
/// What a library's host version (tests/ptx/host_nccl.h) needs of the functional device and has no
/// driver's call for: the device that is current, the one that a stream is on, memory of any
/// device, and a place in a stream. Work is done at once, so a stream's order is the order of
/// calls.
#include <cstddef>
#include <functional>
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

/// Work of a library's host filling on a stream: done at once, or, where the stream is being
/// captured, recorded and done at each replay. It may call the driver's table, on no stream but the
/// null stream.
[[nodiscard]] cuda::Result enqueue(cuda::StreamHandle stream, std::function<void()> work);

}  // namespace assay::ptx_device
