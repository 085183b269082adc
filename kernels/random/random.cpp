#include "kernels/random/random.h"

#include <memory>

#include "kernels/cpu/kernels_at.h"
#include "kernels/random/random_workload.h"

namespace assay::random {
namespace {

/// Each iteration draws another stream, so nothing can be kept from one to the next.
template <class Element>
struct Buffers {
  Draw draw;
  std::vector<Element> out;
};

template <class Element>
std::shared_ptr<Buffers<Element>> make_buffers(std::int64_t n, const InputKey& key) {
  auto b = std::make_shared<Buffers<Element>>();
  b->draw.key = key.key;
  b->out.resize(static_cast<std::size_t>(n));
  return b;
}

template <class T>
Instance make_normal(std::int64_t n, const CpuDevice& device, const InputKey& key) {
  auto b = make_buffers<T>(n, key);
  const auto normal = kernels_for<CpuKernels<T>>(device.level).normal;
  Instance instance;
  instance.iterate = [=] {
    ++b->draw.stream;
    normal(b->draw, 0.0F, 1.0F, n, b->out.data());
  };
  instance.verify = [=] { return std::vector<Check>{normal_check(b->draw, 0.0F, 1.0F, b->out)}; };
  return instance;
}

Instance make_integers(std::int64_t n, const CpuDevice& device, const InputKey& key) {
  auto b = make_buffers<std::int32_t>(n, key);
  const auto integers = kernels_for<CpuIntegerKernels>(device.level).integers;
  Instance instance;
  instance.iterate = [=] {
    ++b->draw.stream;
    integers(b->draw, kLow, kHigh, n, b->out.data());
  };
  instance.verify = [=] {
    return std::vector<Check>{integers_check(b->draw, kLow, kHigh, b->out)};
  };
  return instance;
}

Workload normal_workload(std::int64_t n, Precision precision) {
  Workload w = declare_normal(n, precision);
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_normal<Bf16>(n, device, key)
                                        : make_normal<float>(n, device, key);
  };
  return w;
}

Workload integers_workload(std::int64_t n) {
  Workload w = declare_integers(n);
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return make_integers(n, device, key);
  };
  return w;
}

}  // namespace

std::vector<Workload> workloads() {
  constexpr std::int64_t kOnCpu = std::int64_t{1} << 22;
  constexpr std::int64_t kOnCuda = std::int64_t{1} << 26;
  return {normal_workload(kOnCpu, Precision::fp32),
          normal_workload(kOnCpu, Precision::bf16),
          integers_workload(kOnCpu),
          cuda_normal_workload(kOnCuda, Precision::fp32),
          cuda_normal_workload(kOnCuda, Precision::bf16),
          cuda_integers_workload(kOnCuda)};
}

}  // namespace assay::random
