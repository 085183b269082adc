#include <memory>
#include <utility>

#include "kernels/gemm/cpu_product.h"
#include "kernels/gemm/gemm_workload.h"

namespace assay::gemm {
namespace {

template <class In, class Out>
Instance make_instance(const Product& product, const CpuDevice& device, const InputKey& key) {
  const auto operands = std::make_shared<HostOperands<In, In, Out>>(product, key.key);
  const auto prepared =
      std::make_shared<CpuProduct>(device.level, product, std::make_shared<Workspace>());
  Instance instance;
  instance.iterate = [=] {
    prepared->run(operands->a.data(), operands->b.data(), operands->bias_or_null(),
                  operands->d.data());
  };
  instance.verify = [=] { return operands->verify(product, key.key); };
  instance.notes = {{"library", library_text()}, {"kernel", prepared->kernel()}};
  return instance;
}

Precision precision_of(Element input) {
  switch (input) {
    case Element::fp64:
      return Precision::fp64;
    case Element::fp32:
      return Precision::fp32;
    case Element::tf32:
      return Precision::tf32;
    case Element::fp16:
      return Precision::fp16;
    case Element::bf16:
      return Precision::bf16;
    case Element::fp8_e4m3:
      return Precision::fp8_e4m3;
    case Element::fp8_e5m2:
      return Precision::fp8_e5m2;
    default:
      return Precision::int8;
  }
}

std::string inputs_text(Element input) {
  if (input == Element::int8) return "uniform integers in [-64, 64] by Philox";
  return input == Element::tf32 ? "normal(0, 1) by Philox, rounded to TF32"
                                : "normal(0, 1) by Philox";
}

}  // namespace

Workload cpu_workload(const Case& item) {
  Workload w = declare(item);
  w.on_cpu = [product = item.product](const CpuDevice& device, const InputKey& key) {
    if (product.input == Element::int8) {
      return make_instance<std::int8_t, std::int32_t>(product, device, key);
    }
    if (product.input == Element::fp32) return make_instance<float, float>(product, device, key);
    return product.output == Element::bf16 ? make_instance<Bf16, Bf16>(product, device, key)
                                           : make_instance<Bf16, float>(product, device, key);
  };
  return w;
}

Case square(std::int64_t extent, Element input, Element output) {
  Product product;
  product.m = product.n = product.k = extent;
  product.input = input;
  product.output = output;
  return {"square", product};
}

std::vector<Case> training_cases(const Layer& layer, Element element) {
  const auto& [label, rows, in, out, bias] = layer;
  return {{label + "_forward", forward(rows, in, out, element, bias)},
          {label + "_input_gradient", input_gradient(rows, in, out, element)},
          {label + "_weight_gradient", weight_gradient(rows, in, out, element, false)}};
}

Workload declare(const Case& item) {
  const Product& product = item.product;
  Workload w;
  w.family = "gemm";
  w.operation = item.operation;
  w.problem = {{"m", product.m}, {"n", product.n}, {"k", product.k}};
  w.precision = precision_of(product.input);
  w.flops = flops(product);
  w.bytes = bytes(product);
  w.inputs = inputs_text(product.input);
  return named(std::move(w));
}

std::vector<Workload> workloads() {
  std::vector<Workload> all;
  // Large enough to be bound by arithmetic.
  for (const auto& [input, output] :
       {std::pair(Element::fp32, Element::fp32), std::pair(Element::bf16, Element::bf16),
        std::pair(Element::int8, Element::int32)}) {
    all.push_back(cpu_workload(square(2048, input, output)));
  }
  for (const Case& item : cuda_cases()) all.push_back(cuda_workload(item));
  return all;
}

}  // namespace assay::gemm
