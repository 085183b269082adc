#include "kernels/attention/attention.h"

#include <memory>
#include <utility>

#include "kernels/attention/attention_workload.h"
#include "kernels/cpu/kernels_at.h"

namespace assay::attention {
namespace {

template <class T>
Instance make_instance(Pass pass, const Shape& shape, const CpuDevice& device,
                       const InputKey& key) {
  auto buffers = std::make_shared<Buffers<T>>(shape, key.key);
  const CpuKernels<T>& kernels = kernels_for<CpuKernels<T>>(device.level);
  kernels.forward(shape, buffers->forward());
  Instance instance;
  if (pass == Pass::forward) {
    instance.iterate = [=, &kernels] { kernels.forward(shape, buffers->forward()); };
  } else {
    instance.iterate = [=, &kernels] { kernels.backward(shape, buffers->backward()); };
  }
  instance.verify = [=] { return verify(pass, *buffers); };
  return instance;
}

}  // namespace

Workload cpu_workload(Pass pass, const Shape& shape, Precision precision) {
  Workload w = declare(pass, shape, precision);
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_instance<Bf16>(pass, shape, device, key)
                                        : make_instance<float>(pass, shape, device, key);
  };
  return w;
}

/// T²/2 scores a head, D multiply-adds for each in each product.
std::uint64_t product_flops(const Shape& shape) {
  return static_cast<std::uint64_t>(shape.batch * shape.heads * shape.sequence * shape.sequence *
                                    shape.head_size);
}

std::uint64_t forward_flops(const Shape& shape) {
  return 2 * product_flops(shape);
}

std::uint64_t backward_flops(const Shape& shape) {
  return 4 * product_flops(shape);
}

std::vector<Workload> workloads() {
  std::vector<Workload> all;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    all.push_back(cuda_workload(pass, packed({16, 1024, 12, 12, 64, 0}), Precision::bf16));
    all.push_back(cuda_workload(pass, packed({1, 4096, 32, 8, 128, 0}), Precision::bf16));
    all.push_back(cuda_workload(pass, packed({1, 4096, 32, 8, 128, 0}), Precision::fp16));
  }
  return all;
}

}  // namespace assay::attention
