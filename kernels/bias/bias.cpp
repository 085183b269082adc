#include "kernels/bias/bias.h"

#include <memory>

#include "kernels/bias/bias_workload.h"
#include "kernels/cpu/kernels_at.h"

namespace assay::bias {
namespace {

template <class T>
Instance make_instance(std::int64_t rows, std::int64_t width, const CpuDevice& device,
                       const InputKey& key) {
  auto dy = std::make_shared<const std::vector<T>>(normal_input<T>(key.key, 1, rows * width));
  auto dbias = std::make_shared<std::vector<float>>(static_cast<std::size_t>(width));
  const auto backward = kernels_for<CpuKernels<T>>(device.level).backward;
  Instance instance;
  instance.iterate = [=] { backward(rows, width, dy->data(), dbias->data()); };
  // dbias grows with each iteration, so the check starts one more from values of its own: from
  // zeros it would not see whether dy was added to them.
  const auto start = normal_input<float>(key.key, 2, width);
  instance.verify = [=] {
    std::vector<float> once = start;
    backward(rows, width, dy->data(), once.data());
    return checks(rows, width, *dy, start, once);
  };
  return instance;
}

}  // namespace

Workload cpu_workload(std::int64_t rows, std::int64_t width, Precision precision) {
  Workload w = declare(rows, width, precision);
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_instance<Bf16>(rows, width, device, key)
                                        : make_instance<float>(rows, width, device, key);
  };
  return w;
}

std::vector<Workload> workloads() {
  return {cuda_workload(32768, 3072)};
}

}  // namespace assay::bias
