#include "kernels/rope/rope.h"

#include <cmath>
#include <memory>

#include "kernels/cpu/kernels_at.h"
#include "kernels/rope/rope_workload.h"

namespace assay::rope {
namespace {

template <class T>
Instance make_instance(Pass pass, const Shape& shape, const CpuDevice& device,
                       const InputKey& key) {
  auto buffers = std::make_shared<const Buffers<T>>(shape, key.key);
  auto x = std::make_shared<std::vector<T>>(buffers->input);
  const CpuKernels<T>& kernels = kernels_for<CpuKernels<T>>(device.level);
  const auto run = pass == Pass::forward ? kernels.forward : kernels.backward;
  Instance instance;
  instance.iterate = [=] { run(shape, buffers->table.data(), x->data()); };
  instance.verify = [=] {
    std::vector<T> output = buffers->input;
    run(shape, buffers->table.data(), output.data());
    return checks(pass, shape, buffers->input, output);
  };
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

std::vector<float> make_table(std::int64_t sequence, std::int64_t head_size, double theta) {
  const std::int64_t half = head_size / 2;
  std::vector<float> table(static_cast<std::size_t>(sequence * half * 2));
  for (std::int64_t t = 0; t < sequence; ++t) {
    for (std::int64_t i = 0; i < half; ++i) {
      const double frequency =
          std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(2 * half));
      const double angle = static_cast<double>(t) * frequency;
      const auto at = static_cast<std::size_t>((t * half + i) * 2);
      table[at] = static_cast<float>(std::cos(angle));
      table[at + 1] = static_cast<float>(std::sin(angle));
    }
  }
  return table;
}

std::vector<Workload> workloads() {
  std::vector<Workload> all;
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    all.push_back(cuda_workload(pass, {4, 4096, 40, 128, 48 * 128}));  // 32 + 8 of 32 + 8 + 8
  }
  return all;
}

}  // namespace assay::rope
