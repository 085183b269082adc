#include <memory>

#include "kernels/cross_entropy/cross_entropy_cuda.h"
#include "kernels/cross_entropy/cross_entropy_workload.h"
#include "kernels/cuda/iteration.h"

namespace assay::cross_entropy {
namespace {

/// The device's copy of a workload's buffers.
struct DeviceBuffers {
  Shape shape;
  float scale;
  cuda::Buffer<Bf16> logits;
  cuda::Buffer<std::int32_t> targets;
  cuda::Buffer<float> losses;

  DeviceBuffers(const cuda::Stream& stream, const Buffers<Bf16>& host, float mean_scale)
      : shape(host.shape),
        scale(mean_scale),
        logits(stream, host.logits),
        targets(stream, host.targets),
        losses(stream.device(), host.losses.size()) {}

  void run(const cuda::Stream& stream) const {
    forward_backward(stream, shape, targets.data(), scale, logits.data(), losses.data());
  }
};

Instance make_instance(const Shape& shape, cuda::Stream& stream, const InputKey& key) {
  const Buffers<Bf16> host(shape, key.key);
  auto checked = std::make_shared<const Buffers<Bf16>>(host.checked());
  auto device = std::make_shared<const DeviceBuffers>(stream, host, host.scale());
  Instance instance;
  cuda::set_iteration(instance, stream, [=, &stream] { device->run(stream); });
  instance.verify = [=, &stream] {
    const DeviceBuffers few(stream, *checked, device->scale);
    few.run(stream);
    return checks(few.shape, checked->targets, few.scale, checked->logits,
                  few.logits.to_host(stream), few.losses.to_host(stream));
  };
  return instance;
}

}  // namespace

Workload cuda_workload(const Shape& shape) {
  Workload w = declare(shape, Precision::bf16);
  w.cuda_bytes_issued = [=](const cuda::DeviceFacts& facts) {
    return forward_backward_bytes_issued(facts, shape, sizeof(Bf16));
  };
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return make_instance(shape, stream, key);
  };
  return w;
}

}  // namespace assay::cross_entropy
