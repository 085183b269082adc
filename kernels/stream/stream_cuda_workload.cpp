#include <memory>

#include "kernels/cuda/iteration.h"
#include "kernels/stream/stream_cuda.h"
#include "kernels/stream/stream_workload.h"

namespace assay::stream {
namespace {

struct DeviceBuffers {
  cuda::Buffer<double> a, b, c;
};

/// A device array of the ramp; the host keeps nothing of it.
cuda::Buffer<double> ramp_on_device(const cuda::Stream& stream, std::int64_t n, double seed) {
  std::vector<double> values(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) values[static_cast<std::size_t>(i)] = ramp(seed, i);
  return {stream, values};
}

Instance make_instance(Operation operation, std::int64_t n, cuda::Stream& stream, double seed) {
  const bool is_triad = operation == Operation::triad;
  auto device = std::make_shared<const DeviceBuffers>(
      DeviceBuffers{{stream.device(), static_cast<std::size_t>(n)},
                    ramp_on_device(stream, n, seed),
                    ramp_on_device(stream, is_triad ? n : 0, c_seed(seed))});
  device->a.fill_zero(stream);
  Instance instance;
  cuda::set_iteration(instance, stream, [=, &stream] {
    is_triad ? triad(stream, n, kScale, device->b.data(), device->c.data(), device->a.data())
             : copy(stream, n, device->b.data(), device->a.data());
  });
  instance.verify = [=, &stream] {
    const std::vector<double> a = device->a.to_host(stream);
    return std::vector<Check>{elements_that_differ(operation, n, seed, a.data())};
  };
  return instance;
}

}  // namespace

Workload cuda_workload(Operation operation, std::int64_t n) {
  Workload w = declare(operation, n);
  w.cuda_bytes_issued = cuda::issued_on_every_device(w.bytes);  // each array once, nothing else
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return make_instance(operation, n, stream, drawn_seed(key));
  };
  return w;
}

}  // namespace assay::stream
