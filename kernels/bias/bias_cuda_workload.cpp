#include <memory>

#include "kernels/bias/bias_cuda.h"
#include "kernels/bias/bias_workload.h"
#include "kernels/cuda/iteration.h"

namespace assay::bias {
namespace {

struct DeviceBuffers {
  cuda::Buffer<Bf16> dy;
  cuda::Buffer<float> dbias, workspace;
};

Instance make_instance(std::int64_t rows, std::int64_t width, cuda::Stream& stream,
                       const InputKey& key) {
  auto dy = std::make_shared<const std::vector<Bf16>>(normal_input<Bf16>(key.key, 1, rows * width));
  auto device = std::make_shared<const DeviceBuffers>(
      DeviceBuffers{{stream, *dy},
                    {stream.device(), static_cast<std::size_t>(width)},
                    {stream.device(), backward_workspace_floats(rows, width)}});
  device->dbias.fill_zero(stream);
  Instance instance;
  cuda::set_iteration(instance, stream, [=, &stream] {
    backward(stream, rows, width, device->dy.data(), device->dbias.data(),
             device->workspace.data());
  });
  // dbias grows with each iteration, so the check starts one more from zero.
  instance.verify = [=, iterate = instance.iterate, &stream] {
    device->dbias.fill_zero(stream);
    iterate();
    const std::vector<float> zero(device->dbias.size());
    return checks(rows, width, *dy, zero, device->dbias.to_host(stream));
  };
  return instance;
}

}  // namespace

Workload cuda_workload(std::int64_t rows, std::int64_t width) {
  Workload w = declare(rows, width, Precision::bf16);
  w.cuda_bytes_issued =
      cuda::issued_on_every_device(backward_bytes_issued(rows, width, sizeof(Bf16)));
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return make_instance(rows, width, stream, key);
  };
  return w;
}

}  // namespace assay::bias
