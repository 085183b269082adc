#include "kernels/activation/activation.h"

#include <memory>
#include <utility>

#include "kernels/compare.h"
#include "kernels/cpu/kernels_at.h"
#include "kernels/inputs.h"

namespace assay::activation {
namespace {

enum class Operation { gelu_forward, gelu_backward, swiglu_forward, swiglu_backward };

bool is_gelu(Operation operation) {
  return operation == Operation::gelu_forward || operation == Operation::gelu_backward;
}
bool is_forward(Operation operation) {
  return operation == Operation::gelu_forward || operation == Operation::swiglu_forward;
}

struct Shape {
  std::int64_t rows = 0;
  std::int64_t width = 0;
};

template <class T>
struct Buffers {
  std::vector<T> input;   ///< x, or gate_up
  std::vector<T> dy;      ///< backward only
  std::vector<T> output;  ///< y, dx or dgate_up
};

template <class T>
Buffers<T> make_buffers(Operation operation, const Shape& shape, std::uint64_t key) {
  const std::int64_t n = shape.rows * shape.width;
  Buffers<T> b;
  b.input = normal_input<T>(key, 1, is_gelu(operation) ? n : 2 * n);
  if (!is_forward(operation)) b.dy = normal_input<T>(key, 2, n);
  b.output.resize(is_forward(operation) ? static_cast<std::size_t>(n) : b.input.size());
  return b;
}

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

template <class Real>
std::vector<Real> reference(Operation operation, const Shape& shape, const std::vector<Real>& input,
                            const std::vector<Real>& dy) {
  const std::int64_t n = shape.rows * shape.width;
  std::vector<Real> output(is_forward(operation) ? static_cast<std::size_t>(n) : input.size());
  switch (operation) {
    case Operation::gelu_forward:
      gelu_forward_reference(n, input.data(), output.data());
      break;
    case Operation::gelu_backward:
      gelu_backward_reference(n, input.data(), dy.data(), output.data());
      break;
    case Operation::swiglu_forward:
      swiglu_forward_reference(shape.rows, shape.width, input.data(), output.data());
      break;
    case Operation::swiglu_backward:
      swiglu_backward_reference(shape.rows, shape.width, input.data(), dy.data(), output.data());
      break;
  }
  return output;
}

template <class T>
Instance make_instance(Operation operation, const Shape& shape, const CpuDevice& device,
                       const InputKey& key) {
  auto buffers = std::make_shared<Buffers<T>>(make_buffers<T>(operation, shape, key.key));
  const CpuKernels<T>& kernels = kernels_for<CpuKernels<T>>(device.level);
  Instance instance;
  instance.iterate = [=, &kernels] { run(operation, shape, kernels, *buffers); };
  instance.verify = [=] {
    const Buffers<T>& b = *buffers;
    const auto control = reference(operation, shape, to_single(b.input), to_single(b.dy));
    const auto exact = reference(operation, shape, to_double(b.input), to_double(b.dy));
    return std::vector<Check>{compare_with_control(
        is_forward(operation) ? "y" : "dx", to_double(b.output), stored_as<T>(control), exact)};
  };
  return instance;
}

Workload workload(Operation operation, const Shape& shape, Precision precision) {
  const std::uint64_t element = precision == Precision::bf16 ? 2 : 4;
  const auto n = static_cast<std::uint64_t>(shape.rows * shape.width);
  Workload w;
  w.family = "activation";
  w.precision = precision;
  w.problem = {{"rows", shape.rows}, {"width", shape.width}};
  switch (operation) {
    case Operation::gelu_forward:
      w.operation = "gelu_forward";
      w.flops = 9 * n;
      w.bytes = 2 * n * element;
      break;
    case Operation::gelu_backward:
      w.operation = "gelu_backward";
      w.flops = 18 * n;
      w.bytes = 3 * n * element;
      break;
    case Operation::swiglu_forward:
      w.operation = "swiglu_forward";
      w.flops = 3 * n;
      w.bytes = 3 * n * element;
      break;
    case Operation::swiglu_backward:
      w.operation = "swiglu_backward";
      w.flops = 8 * n;
      w.bytes = 5 * n * element;
      break;
  }
  w.inputs = "normal(0, 1) by Philox";
  w.on_cpu = [=](const CpuDevice& device, const InputKey& key) {
    return precision == Precision::bf16 ? make_instance<Bf16>(operation, shape, device, key)
                                        : make_instance<float>(operation, shape, device, key);
  };
  return named(std::move(w));
}

}  // namespace

std::vector<Workload> workloads() {
  std::vector<Workload> all;
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    all.push_back(workload(Operation::gelu_forward, {1024, 3072}, precision));
    all.push_back(workload(Operation::gelu_backward, {1024, 3072}, precision));
    all.push_back(workload(Operation::swiglu_forward, {1024, 2048}, precision));
    all.push_back(workload(Operation::swiglu_backward, {1024, 2048}, precision));
  }
  return all;
}

}  // namespace assay::activation
