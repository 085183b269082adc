#include <memory>

#include "kernels/cuda/iteration.h"
#include "kernels/norm/norm_cuda.h"
#include "kernels/norm/norm_workload.h"

namespace assay::norm {
namespace {

/// The device's copy of a workload's buffers.
struct DeviceBuffers {
  cuda::Buffer<Bf16> x, residual, gamma, beta, dy, sum, y, dx;
  cuda::Buffer<float> mean, rstd, dgamma, dbeta, workspace;

  DeviceBuffers(const cuda::Stream& stream, const Buffers<Bf16>& host)
      : x(stream, host.x),
        residual(stream, host.residual),
        gamma(stream, host.gamma),
        beta(stream, host.beta),
        dy(stream, host.dy),
        sum(stream.device(), host.sum.size()),
        y(stream.device(), host.y.size()),
        dx(stream.device(), host.dx.size()),
        mean(stream.device(), host.mean.size()),
        rstd(stream.device(), host.rstd.size()),
        dgamma(stream, host.dgamma),
        dbeta(stream, host.dbeta),
        workspace(stream.device(), backward_workspace_floats(host.shape)) {}

  [[nodiscard]] Forward<Bf16> forward() const {
    return {x.data(),   residual.data(), gamma.data(), beta.data(),
            sum.data(), y.data(),        mean.data(),  rstd.data()};
  }
  [[nodiscard]] Backward<Bf16> backward() const {
    return {dy.data(), sum.data(), gamma.data(),  mean.data(), rstd.data(),
            nullptr,   dx.data(),  dgamma.data(), dbeta.data()};
  }
};

Instance make_instance(Kind kind, Pass pass, const Shape& shape, cuda::Stream& stream,
                       const InputKey& key) {
  auto host = std::make_shared<Buffers<Bf16>>(shape, key.key);
  auto device = std::make_shared<DeviceBuffers>(stream, *host);
  const auto forward = [=, &stream] {
    kind == Kind::layernorm ? layernorm_forward(stream, shape, device->forward())
                            : rmsnorm_forward(stream, shape, device->forward());
  };
  const auto backward = [=, &stream] {
    float* const workspace = device->workspace.data();
    kind == Kind::layernorm ? layernorm_backward(stream, shape, device->backward(), workspace)
                            : rmsnorm_backward(stream, shape, device->backward(), workspace);
  };
  forward();  // a backward pass needs what it leaves
  stream.synchronize();
  Instance instance;
  cuda::set_iteration(instance, stream,
                      [=, &stream] { pass == Pass::forward ? forward() : backward(); });
  instance.verify = [=, &stream] {
    host->sum = device->sum.to_host(stream);
    (pass == Pass::forward ? host->y : host->dx) =
        (pass == Pass::forward ? device->y : device->dx).to_host(stream);
    return verify(kind, pass, *host);
  };
  return instance;
}

}  // namespace

Workload cuda_workload(Kind kind, Pass pass, const Shape& shape) {
  Workload w = declare(kind, pass, shape, Precision::bf16);
  const bool layernorm = kind == Kind::layernorm;
  w.cuda_bytes_issued = cuda::issued_on_every_device(
      pass == Pass::forward ? forward_bytes_issued(shape, layernorm, sizeof(Bf16), true)
                            : backward_bytes_issued(shape, layernorm, sizeof(Bf16), false));
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return make_instance(kind, pass, shape, stream, key);
  };
  return w;
}

}  // namespace assay::norm
