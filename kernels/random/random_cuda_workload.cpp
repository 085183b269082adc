#include <memory>

#include "kernels/cuda/iteration.h"
#include "kernels/random/random_cuda.h"
#include "kernels/random/random_workload.h"

namespace assay::random {
namespace {

/// Each iteration draws another stream, so nothing can be kept from one to the next.
template <class Element>
struct DeviceBuffers {
  cuda::Buffer<Draw> draw;
  cuda::Buffer<Element> out;

  DeviceBuffers(const cuda::Stream& stream, std::int64_t n, const InputKey& key)
      : draw(stream, std::vector<Draw>{{key.key, 0}}),
        out(stream.device(), static_cast<std::size_t>(n)) {}
};

template <class T>
Instance make_normal(std::int64_t n, cuda::Stream& stream, const InputKey& key) {
  auto b = std::make_shared<const DeviceBuffers<T>>(stream, n, key);
  Instance instance;
  cuda::set_iteration(instance, stream, [=, &stream] {
    advance(stream, b->draw.data());
    normal(stream, b->draw.data(), 0.0F, 1.0F, n, b->out.data());
  });
  instance.verify = [=, &stream] {
    return std::vector<Check>{
        normal_check(b->draw.to_host(stream)[0], 0.0F, 1.0F, b->out.to_host(stream))};
  };
  return instance;
}

Instance make_integers(std::int64_t n, cuda::Stream& stream, const InputKey& key) {
  auto b = std::make_shared<const DeviceBuffers<std::int32_t>>(stream, n, key);
  Instance instance;
  cuda::set_iteration(instance, stream, [=, &stream] {
    advance(stream, b->draw.data());
    integers(stream, b->draw.data(), kLow, kHigh, n, b->out.data());
  });
  instance.verify = [=, &stream] {
    return std::vector<Check>{
        integers_check(b->draw.to_host(stream)[0], kLow, kHigh, b->out.to_host(stream))};
  };
  return instance;
}

}  // namespace

Workload cuda_normal_workload(std::int64_t n, Precision precision) {
  Workload w = declare_normal(n, precision);
  w.cuda_bytes_issued =
      cuda::issued_on_every_device(fill_bytes_issued(n, precision == Precision::bf16 ? 2 : 4));
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return precision == Precision::bf16 ? make_normal<Bf16>(n, stream, key)
                                        : make_normal<float>(n, stream, key);
  };
  return w;
}

Workload cuda_integers_workload(std::int64_t n) {
  Workload w = declare_integers(n);
  w.cuda_bytes_issued = cuda::issued_on_every_device(fill_bytes_issued(n, sizeof(std::int32_t)));
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return make_integers(n, stream, key);
  };
  return w;
}

}  // namespace assay::random
