#include <memory>

#include "kernels/activation/activation_cuda.h"
#include "kernels/activation/activation_workload.h"
#include "kernels/cuda/iteration.h"

namespace assay::activation {
namespace {

/// The device's copy of a workload's buffers.
struct DeviceBuffers {
  cuda::Buffer<Bf16> input, dy, output;

  DeviceBuffers(const cuda::Stream& stream, const Buffers<Bf16>& host)
      : input(stream, host.input),
        dy(stream, host.dy),
        output(stream.device(), host.output.size()) {}
};

void run(Operation operation, const Shape& shape, const cuda::Stream& stream,
         const DeviceBuffers& b) {
  const std::int64_t n = shape.rows * shape.width;
  const Bf16* const input = b.input.data();
  const Bf16* const dy = b.dy.data();
  Bf16* const output = b.output.data();
  switch (operation) {
    case Operation::gelu_forward:
      return gelu_forward(stream, n, input, output);
    case Operation::gelu_backward:
      return gelu_backward(stream, n, input, dy, output);
    case Operation::swiglu_forward:
      return swiglu_forward(stream, shape.rows, shape.width, input, output);
    case Operation::swiglu_backward:
      return swiglu_backward(stream, shape.rows, shape.width, input, dy, output);
  }
}

Instance make_instance(Operation operation, const Shape& shape, cuda::Stream& stream,
                       const InputKey& key) {
  auto host = std::make_shared<Buffers<Bf16>>(operation, shape, key.key);
  auto device = std::make_shared<const DeviceBuffers>(stream, *host);
  Instance instance;
  cuda::set_iteration(instance, stream, [=, &stream] { run(operation, shape, stream, *device); });
  instance.verify = [=, &stream] {
    host->output = device->output.to_host(stream);
    return verify(operation, shape, *host);
  };
  return instance;
}

}  // namespace

Workload cuda_workload(Operation operation, const Shape& shape) {
  Workload w = declare(operation, shape, Precision::bf16);
  w.cuda_bytes_issued = cuda::issued_on_every_device(w.bytes);  // each tensor once, nothing else
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return make_instance(operation, shape, stream, key);
  };
  return w;
}

}  // namespace assay::activation
