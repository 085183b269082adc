#include "kernels/embedding/embedding.h"

#include <memory>

#include "kernels/cpu/kernels_at.h"
#include "kernels/embedding/embedding_workload.h"

namespace assay::embedding {
namespace {

template <class T>
Instance make_forward(const Shape& shape, const CpuDevice& device, const InputKey& key) {
  auto in = std::make_shared<const Inputs<T>>(Pass::forward, shape, key.key);
  auto x =
      std::make_shared<std::vector<T>>(in->tokens.size() * static_cast<std::size_t>(shape.width));
  const auto forward = kernels_for<CpuKernels<T>>(device.level).forward;
  Instance instance;
  instance.iterate = [=] {
    forward(shape, in->tokens.data(), in->wte.data(), in->wpe.data(), x->data());
  };
  instance.verify = [=] { return verify_forward(shape, *in, *x); };
  return instance;
}

template <class T>
Instance make_backward(const Shape& shape, const CpuDevice& device, const InputKey& key) {
  auto in = std::make_shared<const Inputs<T>>(Pass::backward, shape, key.key);
  auto g = std::make_shared<Gradients<float>>(zero_gradients(shape));
  const auto backward = kernels_for<CpuKernels<T>>(device.level).backward;
  Instance instance;
  instance.iterate = [=] {
    backward(shape, in->tokens.data(), in->dx.data(), g->dwte.data(), g->dwpe.data());
  };
  // Gradients grow with each iteration, so the check starts them from zero and runs one more.
  instance.verify = [=, iterate = instance.iterate] {
    std::fill(g->dwte.begin(), g->dwte.end(), 0.0F);
    std::fill(g->dwpe.begin(), g->dwpe.end(), 0.0F);
    iterate();
    return verify_backward(shape, *in, *g);
  };
  return instance;
}

template <class T>
Instance make_instance(Pass pass, const Shape& shape, const CpuDevice& device,
                       const InputKey& key) {
  return pass == Pass::forward ? make_forward<T>(shape, device, key)
                               : make_backward<T>(shape, device, key);
}

Workload workload(Pass pass, const Shape& shape, Precision precision) {
  Workload w = declare(pass, shape, precision);
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_instance<Bf16>(pass, shape, device, key)
                                        : make_instance<float>(pass, shape, device, key);
  };
  return w;
}

}  // namespace

std::vector<Workload> workloads() {
  const Shape gpt2{2, 512, 768, 50257};
  const Shape gpt2_on_cuda{64, 1024, 768, 50257};
  std::vector<Workload> all;
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    all.push_back(workload(Pass::forward, gpt2, precision));
    all.push_back(workload(Pass::backward, gpt2, precision));
  }
  all.push_back(cuda_workload(Pass::forward, gpt2_on_cuda));
  all.push_back(cuda_workload(Pass::backward, gpt2_on_cuda));
  return all;
}

}  // namespace assay::embedding
