#include <memory>

#include "kernels/attention/attention_cuda.h"
#include "kernels/attention/attention_workload.h"
#include "kernels/cuda/iteration.h"

namespace assay::attention {
namespace {

/// The device's copy of a workload's buffers.
template <class T>
struct DeviceBuffers {
  cuda::Buffer<T> qkv, out, dout, dqkv;
  cuda::Buffer<float> log_sum, workspace;
  std::int64_t k_at;
  std::int64_t v_at;

  DeviceBuffers(const cuda::Stream& stream, const Buffers<T>& host)
      : qkv(stream, host.qkv),
        out(stream.device(), host.out.size()),
        dout(stream, host.dout),
        dqkv(stream.device(), host.dqkv.size()),
        log_sum(stream.device(), host.log_sum.size()),
        workspace(stream.device(), backward_workspace_floats(host.shape)),
        k_at(host.k_at),
        v_at(host.v_at) {}

  [[nodiscard]] Forward<T> forward() const {
    return {qkv.data(), qkv.data() + k_at, qkv.data() + v_at, out.data(), log_sum.data()};
  }
  [[nodiscard]] Backward<T> backward() const {
    return {qkv.data(),  qkv.data() + k_at, qkv.data() + v_at,  out.data(),        log_sum.data(),
            dout.data(), dqkv.data(),       dqkv.data() + k_at, dqkv.data() + v_at};
  }
};

template <class T>
Instance make_instance(Pass pass, const Shape& shape, cuda::Stream& stream, const InputKey& key) {
  auto host = std::make_shared<Buffers<T>>(shape, key.key);
  auto device = std::make_shared<DeviceBuffers<T>>(stream, *host);
  attention::forward(stream, shape, device->forward());  // a backward pass needs what it leaves
  stream.synchronize();
  Instance instance;
  cuda::set_iteration(instance, stream, [=, &stream] {
    if (pass == Pass::forward) {
      attention::forward(stream, shape, device->forward());
    } else {
      attention::backward(stream, shape, device->backward(), device->workspace.data());
    }
  });
  instance.verify = [=, &stream] {
    host->out = device->out.to_host(stream);
    host->log_sum = device->log_sum.to_host(stream);
    if (pass == Pass::backward) host->dqkv = device->dqkv.to_host(stream);
    return verify(pass, *host);
  };
  return instance;
}

}  // namespace

Workload cuda_workload(Pass pass, const Shape& shape, Precision precision) {
  Workload w = declare(pass, shape, precision);
  w.least_compute_capability = kLeastComputeCapability;
  w.cuda_bytes_issued = [=](const cuda::DeviceFacts& facts) {
    return pass == Pass::forward ? forward_bytes_issued(facts, shape)
                                 : backward_bytes_issued(shape);
  };
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return precision == Precision::bf16 ? make_instance<Bf16>(pass, shape, stream, key)
                                        : make_instance<Fp16>(pass, shape, stream, key);
  };
  return w;
}

}  // namespace assay::attention
