#include <memory>

#include "kernels/cuda/iteration.h"
#include "kernels/rope/rope_cuda.h"
#include "kernels/rope/rope_workload.h"

namespace assay::rope {
namespace {

/// The device's copy of a workload's buffers.
struct DeviceBuffers {
  Shape shape;
  cuda::Buffer<float> table;
  cuda::Buffer<Bf16> x;

  DeviceBuffers(const cuda::Stream& stream, const Buffers<Bf16>& host)
      : shape(host.shape), table(stream, host.table), x(stream, host.input) {}

  void run(Pass pass, const cuda::Stream& stream) const {
    pass == Pass::forward ? forward(stream, shape, table.data(), x.data())
                          : backward(stream, shape, table.data(), x.data());
  }
};

Instance make_instance(Pass pass, const Shape& shape, cuda::Stream& stream, const InputKey& key) {
  auto host = std::make_shared<const Buffers<Bf16>>(shape, key.key);
  auto device = std::make_shared<const DeviceBuffers>(stream, *host);
  Instance instance;
  cuda::set_iteration(instance, stream, [=, &stream] { device->run(pass, stream); });
  instance.verify = [=, &stream] {
    const DeviceBuffers fresh(stream, *host);
    fresh.run(pass, stream);
    return checks(pass, shape, host->input, fresh.x.to_host(stream));
  };
  return instance;
}

}  // namespace

Workload cuda_workload(Pass pass, const Shape& shape) {
  Workload w = declare(pass, shape, Precision::bf16);
  w.cuda_bytes_issued = cuda::issued_on_every_device(bytes_issued(shape, sizeof(Bf16)));
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return make_instance(pass, shape, stream, key);
  };
  return w;
}

}  // namespace assay::rope
