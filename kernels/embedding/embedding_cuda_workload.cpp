#include <cmath>
#include <memory>

#include "kernels/cuda/iteration.h"
#include "kernels/embedding/embedding_cuda.h"
#include "kernels/embedding/embedding_workload.h"

namespace assay::embedding {
namespace {

Instance make_forward(const Shape& shape, cuda::Stream& stream, const InputKey& key) {
  struct DeviceBuffers {
    cuda::Buffer<std::int32_t> tokens;
    cuda::Buffer<Bf16> wte, wpe, x;
  };
  auto in = std::make_shared<const Inputs<Bf16>>(Pass::forward, shape, key.key);
  const std::size_t elements = in->tokens.size() * static_cast<std::size_t>(shape.width);
  auto device = std::make_shared<const DeviceBuffers>(DeviceBuffers{
      {stream, in->tokens}, {stream, in->wte}, {stream, in->wpe}, {stream.device(), elements}});
  Instance instance;
  cuda::set_iteration(instance, stream, [=, &stream] {
    forward(stream, shape, device->tokens.data(), device->wte.data(), device->wpe.data(),
            device->x.data());
  });
  instance.verify = [=, &stream] { return verify_forward(shape, *in, device->x.to_host(stream)); };
  return instance;
}

Instance make_backward(const Shape& shape, cuda::Stream& stream, const InputKey& key) {
  struct DeviceBuffers {
    cuda::Buffer<std::int32_t> tokens;
    cuda::Buffer<Bf16> dx;
    cuda::Buffer<float> dwte, dwpe;
    cuda::Buffer<Occurrence> ordered;
    cuda::Buffer<float> parts;

    void zero_gradients(const cuda::Stream& on) const {
      dwte.fill_zero(on);
      dwpe.fill_zero(on);
    }
  };
  auto in = std::make_shared<const Inputs<Bf16>>(Pass::backward, shape, key.key);
  auto device = std::make_shared<const DeviceBuffers>(
      DeviceBuffers{{stream, in->tokens},
                    {stream, in->dx},
                    {stream.device(), static_cast<std::size_t>(shape.vocabulary * shape.width)},
                    {stream.device(), static_cast<std::size_t>(shape.sequence * shape.width)},
                    {stream.device(), ordered_size(shape)},
                    {stream.device(), parts_size(shape)}});
  device->zero_gradients(stream);
  Instance instance;
  cuda::set_iteration(instance, stream, [=, &stream] {
    backward(stream, shape, device->tokens.data(), device->dx.data(), device->dwte.data(),
             device->dwpe.data(), {device->ordered.data(), device->parts.data()});
  });
  // Gradients grow with each iteration, so the check starts them from zero and runs one more.
  instance.verify = [=, iterate = instance.iterate, &stream] {
    device->zero_gradients(stream);
    iterate();
    return verify_backward(shape, *in,
                           {device->dwte.to_host(stream), device->dwpe.to_host(stream)});
  };
  return instance;
}

/// How many different tokens are expected among `positions` drawn uniformly from the vocabulary.
double expected_distinct(const Shape& shape) {
  const auto vocabulary = static_cast<double>(shape.vocabulary);
  const auto positions = static_cast<double>(shape.batch * shape.sequence);
  return -vocabulary * std::expm1(positions * std::log1p(-1.0 / vocabulary));
}

}  // namespace

Workload cuda_workload(Pass pass, const Shape& shape) {
  Workload w = declare(pass, shape, Precision::bf16);
  const bool is_forward = pass == Pass::forward;
  w.cuda_bytes_issued = cuda::issued_on_every_device(
      is_forward ? forward_bytes_issued(shape, sizeof(Bf16))
                 : backward_bytes_issued(shape, sizeof(Bf16), expected_distinct(shape)));
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return is_forward ? make_forward(shape, stream, key) : make_backward(shape, stream, key);
  };
  return w;
}

}  // namespace assay::embedding
