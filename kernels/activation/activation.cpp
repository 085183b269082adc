#include "kernels/activation/activation.h"

#include <memory>

#include "kernels/activation/activation_workload.h"
#include "kernels/cpu/kernels_at.h"

namespace assay::activation {
namespace {

template <class T>
void run(Operation operation, const Shape& shape, const CpuKernels<T>& kernels, Buffers<T>& b) {
  switch (operation) {
    case Operation::gelu_forward:
      return kernels.gelu_forward(shape.rows * shape.width, b.input.data(), b.output.data());
    case Operation::gelu_backward:
      return kernels.gelu_backward(shape.rows * shape.width, b.input.data(), b.dy.data(),
                                   b.output.data());
    case Operation::swiglu_forward:
      return kernels.swiglu_forward(shape.rows, shape.width, b.input.data(), b.output.data());
    case Operation::swiglu_backward:
      return kernels.swiglu_backward(shape.rows, shape.width, b.input.data(), b.dy.data(),
                                     b.output.data());
  }
}

template <class T>
Instance make_instance(Operation operation, const Shape& shape, const CpuDevice& device,
                       const InputKey& key) {
  auto buffers = std::make_shared<Buffers<T>>(operation, shape, key.key);
  const CpuKernels<T>& kernels = kernels_for<CpuKernels<T>>(device.level);
  Instance instance;
  instance.iterate = [=, &kernels] { run(operation, shape, kernels, *buffers); };
  instance.verify = [=] { return verify(operation, shape, *buffers); };
  return instance;
}

}  // namespace

Workload cpu_workload(Operation operation, const Shape& shape, Precision precision) {
  Workload w = declare(operation, shape, precision);
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_instance<Bf16>(operation, shape, device, key)
                                        : make_instance<float>(operation, shape, device, key);
  };
  return w;
}

std::vector<Workload> workloads() {
  std::vector<Workload> all;
  for (const Operation operation : {Operation::gelu_forward, Operation::gelu_backward}) {
    all.push_back(cuda_workload(operation, {16384, 3072}));
  }
  for (const Operation operation : {Operation::swiglu_forward, Operation::swiglu_backward}) {
    all.push_back(cuda_workload(operation, {4096, 11008}));
  }
  return all;
}

}  // namespace assay::activation
