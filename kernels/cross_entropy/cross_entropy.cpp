#include "kernels/cross_entropy/cross_entropy.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

namespace assay::cross_entropy {
namespace {

constexpr std::int64_t kCheckedRows = 16;

/// Host buffers of one workload on a CPU. The kernel works in place, so later iterations start from
/// gradients: the same work on other values. What is checked is the first rows of the first input.
template <class T>
struct Buffers {
  Shape shape;
  std::vector<T> first_rows, logits;
  std::vector<std::int32_t> targets;
  std::vector<float> losses;

  Buffers(const Shape& problem, std::uint64_t key)
      : shape(problem),
        logits(normal_input<T>(key, 1, shape.rows * shape.row_stride, 0.0, 2.0)),
        targets(integer_input(key, 2, shape.rows, static_cast<std::int32_t>(shape.vocabulary))),
        losses(static_cast<std::size_t>(shape.rows)) {
    first_rows.assign(logits.begin(),
                      logits.begin() + std::min(kCheckedRows, shape.rows) * shape.row_stride);
  }

  /// Of the mean over all rows.
  [[nodiscard]] float scale() const { return 1.0F / static_cast<float>(shape.rows); }
};

template <class T>
std::vector<Check> verify(const CpuKernels<T>& kernels, const Buffers<T>& b) {
  Shape shape = b.shape;
  shape.rows = std::min(kCheckedRows, shape.rows);
  std::vector<T> gradients = b.first_rows;
  std::vector<float> losses(static_cast<std::size_t>(shape.rows));
  kernels.forward_backward(shape, b.targets.data(), b.scale(), gradients.data(), losses.data());
  const auto reference = [&](auto z) {
    using Real = typename decltype(z)::value_type;
    std::vector<Real> loss(losses.size());
    forward_backward_reference(shape, b.targets.data(), static_cast<Real>(b.scale()), z.data(),
                               loss.data());
    return std::pair(std::move(z), std::move(loss));
  };
  const auto exact = reference(to_double(b.first_rows));
  const auto control = reference(to_single(b.first_rows));
  return {compare_with_control("dlogits", to_double(gradients), stored_as<T>(control.first),
                               exact.first),
          compare_with_control("loss", to_double(losses), stored_as<float>(control.second),
                               exact.second)};
}

template <class T>
Instance make_instance(const Shape& shape, const CpuDevice& device, const InputKey& key) {
  auto buffers = std::make_shared<Buffers<T>>(shape, key.key);
  const CpuKernels<T>& kernels = kernels_for<CpuKernels<T>>(device.level);
  Instance instance;
  instance.iterate = [=, &kernels] {
    kernels.forward_backward(shape, buffers->targets.data(), buffers->scale(),
                             buffers->logits.data(), buffers->losses.data());
  };
  instance.verify = [=, &kernels] { return verify(kernels, *buffers); };
  return instance;
}

Workload workload(const Shape& shape, Precision precision) {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  const auto rows = static_cast<std::uint64_t>(shape.rows);
  const auto vocabulary = static_cast<std::uint64_t>(shape.vocabulary);
  const auto padding = static_cast<std::uint64_t>(shape.row_stride - shape.vocabulary);
  Workload w;
  w.family = "cross_entropy";
  w.operation = "softmax_cross_entropy_forward_backward";
  w.problem = {{"rows", shape.rows}, {"vocabulary", shape.vocabulary}};
  w.precision = precision;
  w.flops = 6 * rows * vocabulary;
  w.bytes = rows * ((2 * vocabulary + padding) * element + 4 + 4);
  w.tokens = rows;
  w.inputs = "normal(0, 2) by Philox; targets uniform";
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_instance<Bf16>(shape, device, key)
                                        : make_instance<float>(shape, device, key);
  };
  return named(std::move(w));
}

}  // namespace

std::vector<Workload> workloads() {
  std::vector<Workload> all;
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    // Rows padded to whole vectors, as products leave them.
    all.push_back(workload({1024, 50257, 50304}, precision));
    all.push_back(workload({256, 4008, 4032}, precision));
  }
  return all;
}

}  // namespace assay::cross_entropy
