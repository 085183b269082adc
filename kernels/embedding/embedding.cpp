#include "kernels/embedding/embedding.h"

#include <memory>

#include "kernels/cpu/kernels_at.h"
#include "kernels/embedding/embedding_workload.h"

namespace assay::embedding {
namespace {

template <class T>
Instance make_forward(const Shape& shape, Positions places, const CpuDevice& device,
                      const InputKey& key) {
  auto in = std::make_shared<const Inputs<T>>(Pass::forward, shape, key.key, places);
  auto x =
      std::make_shared<std::vector<T>>(in->tokens.size() * static_cast<std::size_t>(shape.width));
  const auto forward = kernels_for<CpuKernels<T>>(device.level).forward;
  Instance instance;
  instance.iterate = [=] {
    forward(shape, in->tokens.data(), in->wte.data(), data_or_null(in->wpe), x->data());
  };
  instance.verify = [=] { return verify_forward(shape, *in, *x); };
  return instance;
}

template <class T>
Instance make_backward(const Shape& shape, Positions places, const CpuDevice& device,
                       const InputKey& key) {
  auto in = std::make_shared<const Inputs<T>>(Pass::backward, shape, key.key, places);
  auto g = std::make_shared<Gradients<float>>(zero_gradients(shape, places));
  const auto backward = kernels_for<CpuKernels<T>>(device.level).backward;
  Instance instance;
  instance.iterate = [=] {
    backward(shape, in->tokens.data(), in->dx.data(), g->dwte.data(), data_or_null(g->dwpe));
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
Instance make_instance(Pass pass, const Shape& shape, Positions places, const CpuDevice& device,
                       const InputKey& key) {
  return pass == Pass::forward ? make_forward<T>(shape, places, device, key)
                               : make_backward<T>(shape, places, device, key);
}

}  // namespace

Workload cpu_workload(Pass pass, const Shape& shape, Positions places, Precision precision) {
  Workload w = declare(pass, shape, precision, places);
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_instance<Bf16>(pass, shape, places, device, key)
                                        : make_instance<float>(pass, shape, places, device, key);
  };
  return w;
}

std::vector<Workload> workloads() {
  const Shape gpt2{64, 1024, 768, 50257};
  return {cuda_workload(Pass::forward, gpt2), cuda_workload(Pass::backward, gpt2)};
}

}  // namespace assay::embedding
