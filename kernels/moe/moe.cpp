#include "kernels/moe/moe.h"

#include <memory>

#include "kernels/cpu/kernels_at.h"
#include "kernels/moe/moe_products_cuda.h"
#include "kernels/moe/moe_workload.h"

namespace assay::moe {
namespace {

template <class T>
void run(Operation operation, const Shape& shape, const CpuKernels<T>& kernels, Buffers<T>& b) {
  switch (operation) {
    case Operation::route_forward:
      return kernels.route_forward(shape, b.logits.data(), b.probability.data(),
                                   b.plan.expert.data(), b.weight.data());
    case Operation::route_backward:
      return kernels.route_backward(shape, b.probability.data(), b.plan.expert.data(),
                                    b.dweight.data(), b.dlogits.data());
    case Operation::dispatch_forward:
      return kernels.dispatch_forward(shape, b.plan, b.token_rows.data(), b.slot_rows_out.data());
    case Operation::dispatch_backward:
      return kernels.dispatch_backward(shape, b.plan, b.slot_rows.data(), nullptr,
                                       b.token_rows_out.data());
    case Operation::combine_forward:
      return kernels.combine_forward(shape, b.plan, b.weight.data(), b.slot_rows.data(), nullptr,
                                     b.token_rows_out.data());
    case Operation::combine_backward:
      return kernels.combine_backward(shape, b.plan, b.weight.data(), b.slot_rows.data(),
                                      b.token_rows.data(), b.slot_rows_out.data(),
                                      b.dweight.data());
  }
}

template <class T>
Instance make_instance(Operation operation, const Shape& shape, const CpuDevice& device,
                       const InputKey& key) {
  const CpuKernels<T>& kernels = kernels_for<CpuKernels<T>>(device.level);
  auto b = std::make_shared<Buffers<T>>(make_buffers<T>(shape, key.key));
  run(Operation::route_forward, shape, kernels, *b);
  make_plan(shape, b->plan);
  Instance instance;
  instance.iterate = [=, &kernels] { run(operation, shape, kernels, *b); };
  instance.verify = [=] { return verify(operation, shape, *b); };
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
  for (const Operation operation : kOperations) {
    const bool route =
        operation == Operation::route_forward || operation == Operation::route_backward;
    // Rows as narrow as can be where none are moved.
    all.push_back(
        cuda_workload(operation, route ? Shape{1 << 18, 64, 6, 8} : Shape{8192, 64, 6, 2048}));
  }
  for (const ProductPass pass :
       {ProductPass::forward, ProductPass::input_gradient, ProductPass::weight_gradient}) {
    // Gate and up of tb1's moe-slice, a sequence's slots.
    all.push_back(cuda_product_workload(pass, {6 * 4096, 64, 2048, 2 * 1408}));
  }
  return all;
}

}  // namespace assay::moe
