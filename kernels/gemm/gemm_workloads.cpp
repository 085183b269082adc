#include <memory>
#include <utility>

#include "kernels/gemm/cpu_product.h"
#include "kernels/gemm/freivalds.h"
#include "kernels/gemm/gemm.h"
#include "kernels/inputs.h"

namespace assay::gemm {
namespace {

/// A product as a workload: what it is called and computed on.
struct Case {
  std::string operation;
  Product product;
};

/// Exact on every processor (cpu_product.h).
constexpr std::int32_t kInt8Magnitude = 64;

template <class T>
std::vector<T> random_operand(std::uint64_t key, std::uint64_t stream, std::int64_t n) {
  if constexpr (std::is_same_v<T, std::int8_t>) {
    std::vector<T> values;
    values.reserve(static_cast<std::size_t>(n));
    for (const std::int32_t value : integer_input(key, stream, n, 2 * kInt8Magnitude + 1)) {
      values.push_back(static_cast<T>(value - kInt8Magnitude));
    }
    return values;
  } else {
    return normal_input<T>(key, stream, n);
  }
}

template <class In, class Out>
struct Operands {
  std::vector<In> a, b, bias;
  std::vector<Out> d;

  Operands(const Product& product, std::uint64_t key)
      : a(random_operand<In>(key, 1, product.m * product.k)),
        b(random_operand<In>(key, 2, product.k * product.n)),
        bias(product.bias ? random_operand<In>(key, 3, product.n) : std::vector<In>()),
        d(static_cast<std::size_t>(product.m * product.n)) {}
};

template <class In, class Out>
Instance make_instance(const Product& product, const CpuDevice& device, const InputKey& key) {
  const auto operands = std::make_shared<Operands<In, Out>>(product, key.key);
  const auto prepared =
      std::make_shared<CpuProduct>(device.level, product, std::make_shared<Workspace>());
  const In* bias = product.bias ? operands->bias.data() : nullptr;
  Instance instance;
  instance.iterate = [=] {
    prepared->run(operands->a.data(), operands->b.data(), bias, operands->d.data());
  };
  instance.verify = [=] {
    return std::vector<Check>{freivalds_check("freivalds", product, operands->a.data(),
                                              operands->b.data(), bias, operands->d.data(),
                                              key.key)};
  };
  instance.notes = {{"library", library_text()}, {"kernel", prepared->kernel()}};
  return instance;
}

Precision precision_of(Element input) {
  switch (input) {
    case Element::bf16:
      return Precision::bf16;
    case Element::int8:
      return Precision::int8;
    default:
      return Precision::fp32;
  }
}

Workload workload(const Case& item) {
  const Product product = item.product;
  Workload w;
  w.family = "gemm";
  w.operation = item.operation;
  w.problem = {{"m", product.m}, {"n", product.n}, {"k", product.k}};
  w.precision = precision_of(product.input);
  w.flops = flops(product);
  w.bytes = bytes(product);
  w.inputs = product.input == Element::int8 ? "uniform integers in [-64, 64] by Philox"
                                            : "normal(0, 1) by Philox";
  w.on_cpu = [product](const CpuDevice& device, const InputKey& key) {
    if (product.input == Element::int8) {
      return make_instance<std::int8_t, std::int32_t>(product, device, key);
    }
    if (product.input == Element::fp32) return make_instance<float, float>(product, device, key);
    return product.output == Element::bf16 ? make_instance<Bf16, Bf16>(product, device, key)
                                           : make_instance<Bf16, float>(product, device, key);
  };
  return named(std::move(w));
}

/// The measured peak (docs/figures.md): large enough to be bound by arithmetic.
Product square(std::int64_t extent, Element input, Element output) {
  Product product;
  product.m = product.n = product.k = extent;
  product.input = input;
  product.output = output;
  return product;
}

/// A weight of a model, and how many rows of activations meet it in a step.
struct Layer {
  std::string name;
  std::int64_t rows;
  std::int64_t in;
  std::int64_t out;
  bool bias;
};

/// gpt2-124m with 1,024 tokens; its vocabulary of 50,257 is padded to a multiple of 64, as in the
/// step. The others are of tb1-lite with its 256 tokens: a dense GELU layer, a SwiGLU layer, and
/// one expert with its mean share of the tokens (256 · 6 / 32).
std::vector<Layer> training_layers() {
  return {{"gpt2_qkv", 1024, 768, 2304, true},
          {"gpt2_projection", 1024, 768, 768, true},
          {"gpt2_up", 1024, 768, 3072, true},
          {"gpt2_down", 1024, 3072, 768, true},
          {"gpt2_head", 1024, 768, 50304, false},
          {"gpt2_lite_up", 256, 256, 1024, true},
          {"llama_lite_gate_up", 256, 384, 2688, false},
          {"moe_lite_expert_gate_up", 48, 512, 352, false}};
}

}  // namespace

std::vector<Workload> workloads() {
  std::vector<Workload> all;
  all.push_back(workload({"square", square(2048, Element::fp32, Element::fp32)}));
  all.push_back(workload({"square", square(2048, Element::bf16, Element::bf16)}));
  all.push_back(workload({"square", square(2048, Element::int8, Element::int32)}));
  for (const Element element : {Element::fp32, Element::bf16}) {
    for (const Layer& layer : training_layers()) {
      const auto [label, rows, in, out, bias] = layer;
      all.push_back(workload({label + "_forward", forward(rows, in, out, element, bias)}));
      all.push_back(workload({label + "_input_gradient", input_gradient(rows, in, out, element)}));
      all.push_back(
          workload({label + "_weight_gradient", weight_gradient(rows, in, out, element, false)}));
    }
  }
  return all;
}

}  // namespace assay::gemm
