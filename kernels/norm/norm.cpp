#include <algorithm>
#include <memory>
#include <utility>

#include "kernels/cpu/kernels_at.h"
#include "kernels/norm/norm_workload.h"

namespace assay::norm {
namespace {

template <class T>
Instance make_instance(Kind kind, Pass pass, const Shape& shape, const CpuDevice& device,
                       const InputKey& key) {
  auto buffers = std::make_shared<Buffers<T>>(shape, key.key);
  const CpuKernels<T>& kernels = kernels_for<CpuKernels<T>>(device.level);
  const auto forward =
      kind == Kind::layernorm ? kernels.layernorm_forward : kernels.rmsnorm_forward;
  const auto backward =
      kind == Kind::layernorm ? kernels.layernorm_backward : kernels.rmsnorm_backward;
  forward(shape, buffers->forward());
  Instance instance;
  if (pass == Pass::forward) {
    instance.iterate = [=] { forward(shape, buffers->forward()); };
  } else {
    instance.iterate = [=] { backward(shape, buffers->backward()); };
  }
  instance.verify = [=] {
    if (pass == Pass::forward) return verify(kind, pass, *buffers);
    // dgamma and dbeta grow with each iteration, so the check runs one more from zeros.
    std::fill(buffers->dgamma.begin(), buffers->dgamma.end(), 0.0F);
    std::fill(buffers->dbeta.begin(), buffers->dbeta.end(), 0.0F);
    backward(shape, buffers->backward());
    std::vector<Check> all = verify(kind, pass, *buffers);
    for (Check& check : verify_parameters(kind, *buffers)) all.push_back(std::move(check));
    return all;
  };
  return instance;
}

}  // namespace

Workload cpu_workload(Kind kind, Pass pass, const Shape& shape, Precision precision) {
  Workload w = declare(kind, pass, shape, precision);
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_instance<Bf16>(kind, pass, shape, device, key)
                                        : make_instance<float>(kind, pass, shape, device, key);
  };
  return w;
}

std::vector<Workload> workloads() {
  std::vector<Workload> all;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    all.push_back(cuda_workload(Kind::layernorm, pass, {65536, 768}));
    all.push_back(cuda_workload(Kind::rmsnorm, pass, {16384, 4096}));
  }
  return all;
}

}  // namespace assay::norm
