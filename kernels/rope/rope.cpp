#include "kernels/rope/rope.h"

#include <cmath>
#include <memory>
#include <utility>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

namespace assay::rope {
namespace {

enum class Pass { forward, backward };

constexpr double kTheta = 10000.0;  // of the paper; models choose their own

/// Host buffers of one workload on a CPU. A rotation in place can be iterated for ever: it keeps
/// lengths. What is checked is one rotation of the first input.
template <class T>
struct Buffers {
  Shape shape;
  std::vector<float> table;
  std::vector<T> input, x;

  Buffers(const Shape& problem, std::uint64_t key)
      : shape(problem),
        table(make_table(shape.sequence, shape.head_size, kTheta)),
        input(normal_input<T>(key, 1, shape.batch * shape.sequence * shape.row_stride)),
        x(input) {}
};

template <class T>
void run(Pass pass, const CpuKernels<T>& kernels, const Buffers<T>& b, T* x) {
  (pass == Pass::forward ? kernels.forward : kernels.backward)(b.shape, b.table.data(), x);
}

template <class T>
std::vector<Check> verify(Pass pass, const CpuKernels<T>& kernels, const Buffers<T>& b) {
  std::vector<T> output = b.input;
  run(pass, kernels, b, output.data());
  const auto reference = [&](auto x) {
    pass == Pass::forward ? forward_reference(b.shape, kTheta, x.data())
                          : backward_reference(b.shape, kTheta, x.data());
    return x;
  };
  return {compare_with_control("x", to_double(output), stored_as<T>(reference(to_single(b.input))),
                               reference(to_double(b.input)))};
}

template <class T>
Instance make_instance(Pass pass, const Shape& shape, const CpuDevice& device,
                       const InputKey& key) {
  auto buffers = std::make_shared<Buffers<T>>(shape, key.key);
  const CpuKernels<T>& kernels = kernels_for<CpuKernels<T>>(device.level);
  Instance instance;
  instance.iterate = [=, &kernels] { run(pass, kernels, *buffers, buffers->x.data()); };
  instance.verify = [=, &kernels] { return verify(pass, kernels, *buffers); };
  return instance;
}

Workload workload(Pass pass, const Shape& shape, Precision precision) {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  const auto tokens = static_cast<std::uint64_t>(shape.batch * shape.sequence);
  const auto rotated = static_cast<std::uint64_t>(shape.heads * shape.head_size);
  Workload w;
  w.family = "rope";
  w.operation = pass == Pass::forward ? "rope_forward" : "rope_backward";
  w.problem = {{"batch", shape.batch},
               {"sequence", shape.sequence},
               {"heads", shape.heads},
               {"head_size", shape.head_size}};
  w.precision = precision;
  w.flops = 3 * tokens * rotated;
  w.bytes = 2 * tokens * rotated * element +
            4 * static_cast<std::uint64_t>(shape.sequence * shape.head_size);
  w.tokens = tokens;
  w.inputs = "normal(0, 1) by Philox";
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_instance<Bf16>(pass, shape, device, key)
                                        : make_instance<float>(pass, shape, device, key);
  };
  return named(std::move(w));
}

}  // namespace

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
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      // Query and key heads of a row that also holds the value heads: 8 + 2 of 8 + 2 + 2.
      all.push_back(workload(pass, {2, 512, 10, 64, 12 * 64}, precision));
    }
  }
  return all;
}

}  // namespace assay::rope
