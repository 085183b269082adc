#include <memory>

#include "kernels/cuda/iteration.h"
#include "kernels/moe/moe_cuda.h"
#include "kernels/moe/moe_plan_cuda.h"
#include "kernels/moe/moe_route_cuda.h"
#include "kernels/moe/moe_workload.h"

namespace assay::moe {
namespace {

/// The device's copy of a workload's buffers.
struct DeviceBuffers {
  cuda::Buffer<std::int32_t> expert, slot, token_of_slot, workspace;
  cuda::Buffer<std::int64_t> offset;
  cuda::Buffer<Bf16> logits, dlogits, token_rows, slot_rows, token_rows_out, slot_rows_out;
  cuda::Buffer<float> probability, weight, dweight;

  DeviceBuffers(const cuda::Stream& stream, const Shape& shape, const Buffers<Bf16>& host)
      : expert(stream.device(), host.weight.size()),
        slot(stream.device(), host.weight.size()),
        token_of_slot(stream.device(), host.weight.size()),
        workspace(stream.device(), plan_workspace_integers(shape)),
        offset(stream.device(), static_cast<std::size_t>(shape.experts) + 1),
        logits(stream, host.logits),
        dlogits(stream, host.dlogits),
        token_rows(stream, host.token_rows),
        slot_rows(stream, host.slot_rows),
        token_rows_out(stream, host.token_rows_out),
        slot_rows_out(stream, host.slot_rows_out),
        probability(stream, host.probability),
        weight(stream, host.weight),
        dweight(stream, host.dweight) {}

  [[nodiscard]] PlanView plan() const {
    return {expert.data(), slot.data(), token_of_slot.data(), offset.data()};
  }
  [[nodiscard]] PlanArrays plan_arrays() const {
    return {expert.data(), slot.data(), token_of_slot.data(), offset.data()};
  }
  /// What the operations changed.
  void read_into(Buffers<Bf16>& host, const cuda::Stream& stream) const {
    host.plan = {expert.to_host(stream), slot.to_host(stream), token_of_slot.to_host(stream),
                 offset.to_host(stream)};
    host.dlogits = dlogits.to_host(stream);
    host.token_rows_out = token_rows_out.to_host(stream);
    host.slot_rows_out = slot_rows_out.to_host(stream);
    host.probability = probability.to_host(stream);
    host.weight = weight.to_host(stream);
    host.dweight = dweight.to_host(stream);
  }
};

void run(Operation operation, const cuda::Stream& stream, const Shape& shape,
         const DeviceBuffers& b) {
  const PlanView plan = b.plan();
  const Bf16* const none = nullptr;
  switch (operation) {
    case Operation::route_forward:
      return route_forward(stream, shape, b.logits.data(), b.probability.data(), b.expert.data(),
                           b.weight.data());
    case Operation::route_backward:
      return route_backward(stream, shape, b.probability.data(), b.expert.data(), b.dweight.data(),
                            b.dlogits.data());
    case Operation::dispatch_forward:
      return dispatch_forward(stream, shape, plan, b.token_rows.data(), b.slot_rows_out.data());
    case Operation::dispatch_backward:
      return dispatch_backward(stream, shape, plan, b.slot_rows.data(), none,
                               b.token_rows_out.data());
    case Operation::combine_forward:
      return combine_forward(stream, shape, plan, b.weight.data(), b.slot_rows.data(), none,
                             b.token_rows_out.data());
    case Operation::combine_backward:
      return combine_backward(stream, shape, plan, b.weight.data(), b.slot_rows.data(),
                              b.token_rows.data(), b.slot_rows_out.data(), b.dweight.data());
  }
}

/// How many entries of the device's plan are not make_plan's.
Check plan_check(const Shape& shape, const Plan& plan) {
  Plan wanted;
  wanted.expert = plan.expert;
  make_plan(shape, wanted);
  Check check{"entries of the plan that differ from the host's", 0.0, 0.0};
  for (std::size_t i = 0; i < wanted.slot.size(); ++i) {
    check.error += plan.slot[i] != wanted.slot[i] ? 1.0 : 0.0;
    check.error += plan.token_of_slot[i] != wanted.token_of_slot[i] ? 1.0 : 0.0;
  }
  for (std::size_t e = 0; e < wanted.offset.size(); ++e) {
    check.error += plan.offset[e] != wanted.offset[e] ? 1.0 : 0.0;
  }
  return check;
}

Instance make_instance(Operation operation, const Shape& shape, cuda::Stream& stream,
                       const InputKey& key) {
  auto host = std::make_shared<Buffers<Bf16>>(make_buffers<Bf16>(shape, key.key));
  auto device = std::make_shared<const DeviceBuffers>(stream, shape, *host);
  run(Operation::route_forward, stream, shape, *device);
  make_plan(stream, shape, device->plan_arrays(), device->workspace.data());
  stream.synchronize();
  Instance instance;
  cuda::set_iteration(instance, stream, [=, &stream] { run(operation, stream, shape, *device); });
  instance.verify = [=, &stream] {
    device->read_into(*host, stream);
    const Check plan = plan_check(shape, host->plan);
    if (!plan.passed()) return std::vector<Check>{plan};  // its slots lead nowhere
    const auto [few, buffers] = sampled(shape, *host);
    auto all = verify(operation, few, buffers);
    all.push_back(plan);
    return all;
  };
  return instance;
}

}  // namespace

Workload cuda_workload(Operation operation, const Shape& shape) {
  Workload w = declare(operation, shape, Precision::bf16);
  w.cuda_bytes_issued = cuda::issued_on_every_device(w.bytes);  // nothing is asked for twice
  w.on_cuda = [=](cuda::Stream& stream, const InputKey& key) {
    return make_instance(operation, shape, stream, key);
  };
  return w;
}

}  // namespace assay::moe
