#include "kernels/cross_entropy/cross_entropy.h"

#include <memory>

#include "kernels/cpu/kernels_at.h"
#include "kernels/cross_entropy/cross_entropy_workload.h"

namespace assay::cross_entropy {
namespace {

template <class T>
Instance make_instance(const Shape& shape, const CpuDevice& device, const InputKey& key) {
  auto buffers = std::make_shared<Buffers<T>>(shape, key.key);
  auto checked = std::make_shared<const Buffers<T>>(buffers->checked());
  const auto run = [scale = buffers->scale(),
                    &kernels = kernels_for<CpuKernels<T>>(device.level)](Buffers<T>& b) {
    kernels.forward_backward(b.shape, b.targets.data(), scale, b.logits.data(), b.losses.data());
  };
  Instance instance;
  instance.iterate = [=] { run(*buffers); };
  instance.verify = [=] {
    Buffers<T> after = *checked;
    run(after);
    return checks(after.shape, after.targets, buffers->scale(), checked->logits, after.logits,
                  after.losses);
  };
  return instance;
}

}  // namespace

Workload cpu_workload(const Shape& shape, Precision precision) {
  Workload w = declare(shape, precision);
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_instance<Bf16>(shape, device, key)
                                        : make_instance<float>(shape, device, key);
  };
  return w;
}

std::vector<Workload> workloads() {
  // Rows padded to whole vectors, as products leave them.
  return {cuda_workload({2048, 50257, 50304}), cuda_workload({1024, 128256, 128256})};
}

}  // namespace assay::cross_entropy
