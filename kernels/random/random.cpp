#include "kernels/random/random.h"

#include <memory>
#include <utility>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

namespace assay::random {
namespace {

// Integers that products hold exactly in BF16 and FP32.
constexpr std::int32_t kLow = -255;
constexpr std::int32_t kHigh = 255;

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
  instance.verify = [=] {
    std::vector<double> exact(b->out.size());
    std::vector<float> control(b->out.size());
    normal_reference(b->draw, 0.0, 1.0, n, exact.data());
    normal_reference(b->draw, 0.0F, 1.0F, n, control.data());
    return std::vector<Check>{
        compare_with_control("normal", to_double(b->out), stored_as<T>(control), exact)};
  };
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
    std::vector<std::int32_t> exact(b->out.size());
    integers_reference(b->draw, kLow, kHigh, n, exact.data());
    Check check{"integers that differ from the definition", 0.0, 0.0};
    for (std::size_t i = 0; i < exact.size(); ++i) check.error += b->out[i] != exact[i] ? 1.0 : 0.0;
    return std::vector<Check>{check};
  };
  return instance;
}

Workload normal_workload(std::int64_t n, Precision precision) {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  Workload w;
  w.family = "random";
  w.operation = "normal";
  w.problem = {{"n", n}};
  w.precision = precision;
  w.flops = 8 * static_cast<std::uint64_t>(n);
  w.bytes = element * static_cast<std::uint64_t>(n);
  w.inputs = "Philox keyed by the run, another stream each iteration";
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_normal<Bf16>(n, device, key)
                                        : make_normal<float>(n, device, key);
  };
  return named(std::move(w));
}

Workload integers_workload(std::int64_t n) {
  Workload w;
  w.family = "random";
  w.operation = "integers";
  w.problem = {{"n", n}};
  w.bytes = 4 * static_cast<std::uint64_t>(n);
  w.inputs = "Philox keyed by the run, another stream each iteration; 32-bit, in [-255, 255]";
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return make_integers(n, device, key);
  };
  return named(std::move(w));
}

}  // namespace

std::vector<Workload> workloads() {
  constexpr std::int64_t kElements = std::int64_t{1} << 22;
  return {normal_workload(kElements, Precision::fp32), normal_workload(kElements, Precision::bf16),
          integers_workload(kElements)};
}

}  // namespace assay::random
