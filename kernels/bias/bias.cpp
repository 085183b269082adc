#include "kernels/bias/bias.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

namespace assay::bias {
namespace {

template <class T>
Instance make_instance(std::int64_t rows, std::int64_t width, const CpuDevice& device,
                       const InputKey& key) {
  struct Buffers {
    std::vector<T> dy;
    std::vector<float> dbias;
  };
  auto b = std::make_shared<Buffers>();
  b->dy = normal_input<T>(key.key, 1, rows * width);
  b->dbias.resize(static_cast<std::size_t>(width));
  const auto backward = kernels_for<CpuKernels<T>>(device.level).backward;
  Instance instance;
  instance.iterate = [=] { backward(rows, width, b->dy.data(), b->dbias.data()); };
  // dbias grows with each iteration, so the check starts it from zero and runs one more.
  instance.verify = [=, iterate = instance.iterate] {
    std::fill(b->dbias.begin(), b->dbias.end(), 0.0F);
    iterate();
    const auto run = [&](const auto& dy) {
      std::decay_t<decltype(dy)> dbias(b->dbias.size());
      backward_reference(rows, width, dy.data(), dbias.data());
      return dbias;
    };
    return std::vector<Check>{compare_with_control("dbias", to_double(b->dbias),
                                                   stored_as<float>(run(to_single(b->dy))),
                                                   run(to_double(b->dy)))};
  };
  return instance;
}

Workload workload(std::int64_t rows, std::int64_t width, Precision precision) {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  Workload w;
  w.family = "bias";
  w.operation = "backward";
  w.problem = {{"rows", rows}, {"width", width}};
  w.precision = precision;
  w.flops = static_cast<std::uint64_t>(rows * width);
  w.bytes =
      static_cast<std::uint64_t>(rows * width) * element + static_cast<std::uint64_t>(width) * 8;
  w.inputs = "normal(0, 1) by Philox";
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_instance<Bf16>(rows, width, device, key)
                                        : make_instance<float>(rows, width, device, key);
  };
  return named(std::move(w));
}

}  // namespace

std::vector<Workload> workloads() {
  return {workload(1024, 3072, Precision::fp32), workload(1024, 3072, Precision::bf16)};
}

}  // namespace assay::bias
