#pragma once
/// How a workload on CUDA iterates: it enqueues, and who wants its end waits.
#include <functional>
#include <utility>

#include "kernels/cuda/device.h"
#include "kernels/workload.h"

namespace assay::cuda {

/// Makes `enqueue`, which gives one iteration to the stream and waits for nothing, the instance's
/// iteration. The stream outlives the instance.
inline void set_iteration(Instance& instance, const Stream& stream, std::function<void()> enqueue) {
  instance.enqueue = std::move(enqueue);
  instance.iterate = [enqueue = instance.enqueue, &stream] {
    enqueue();
    stream.synchronize();
  };
}

/// A workload's cuda_bytes_issued where no launch depends on the device.
inline auto issued_on_every_device(std::uint64_t bytes) {
  return [bytes](const DeviceFacts&) { return bytes; };
}

}  // namespace assay::cuda
