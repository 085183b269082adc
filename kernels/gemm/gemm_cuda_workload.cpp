#include <memory>
#include <optional>

#include "base/error.h"
#include "kernels/cuda/iteration.h"
#include "kernels/gemm/gemm_cuda.h"
#include "kernels/gemm/gemm_workload.h"

namespace assay::gemm {
namespace {

/// A product on a device, with its operands and the library that runs it.
template <class A, class B, class Out>
struct OnDevice {
  cuda::Buffer<A> a;
  cuda::Buffer<B> b, bias;
  cuda::Buffer<Out> d;
  cuda::Buffer<std::byte> workspace;
  cuda::blas::Context library;
  CudaPlan plan;

  OnDevice(const cuda::Stream& stream, const Product& product, const HostOperands<A, B, Out>& host,
           const cuda::blas::Table& table, const std::string& choice)
      : a(stream, host.a),
        b(stream, host.b),
        bias(stream, host.bias),
        d(stream.device(), host.d.size()),
        workspace(stream.device(),
                  recommended_workspace_bytes(stream.device().facts().compute_capability)),
        library(cuda::blas::make_context(table)),
        plan(library, stream.device(), {.product = product}, {workspace.data(), workspace.size()}) {
    choice.empty() ? plan.choose(stream, operands()) : plan.adopt(choice);
  }

  [[nodiscard]] Operands operands() const {
    return {.a = a.data(), .b = b.data(), .bias = bias.data(), .d = d.data()};
  }
};

/// `choice`: the algorithm to take over, or nothing.
template <class A, class B, class Out>
Instance make_instance(const Product& product, cuda::Stream& stream, const InputKey& key,
                       cuda::blas::LibrarySource library, const std::string& choice = {}) {
  const auto host = std::make_shared<HostOperands<A, B, Out>>(product, key.key);
  const auto device =
      std::make_shared<OnDevice<A, B, Out>>(stream, product, *host, library(), choice);
  Instance instance;
  cuda::set_iteration(instance, stream,
                      [=, &stream] { device->plan.run(stream, device->operands()); });
  instance.verify = [=, &stream] {
    host->d = device->d.to_host(stream);
    return host->verify(product, key.key);
  };
  instance.another = [=, &stream] {
    return make_instance<A, B, Out>(product, stream, key, library, device->plan.choice());
  };
  instance.notes = device->plan.notes();
  return instance;
}

/// Makes the instance in the types that stand for the product's elements on the host.
Instance instance_of(const Product& product, cuda::Stream& stream, const InputKey& key,
                     cuda::blas::LibrarySource library) {
  switch (product.input) {
    case Element::fp64:
      return make_instance<double, double, double>(product, stream, key, library);
    case Element::fp32:
    case Element::tf32:
      return make_instance<float, float, float>(product, stream, key, library);
    case Element::fp16:
      return make_instance<Fp16, Fp16, Fp16>(product, stream, key, library);
    case Element::bf16:
      return product.output == Element::bf16
                 ? make_instance<Bf16, Bf16, Bf16>(product, stream, key, library)
                 : make_instance<Bf16, Bf16, float>(product, stream, key, library);
    case Element::fp8_e4m3:
      return make_instance<Fp8E4m3, Fp8E4m3, Bf16>(product, stream, key, library);
    case Element::fp8_e5m2:
      return make_instance<Fp8E5m2, Fp8E4m3, Bf16>(product, stream, key, library);
    case Element::int8:
      return make_instance<std::int8_t, std::int8_t, std::int32_t>(product, stream, key, library);
    case Element::int32:
      break;
  }
  throw input_error("no product has such operands", text_of(product));
}

/// The dense models of tb1 (docs/figures.md), at micro-batches that fill a large GPU: 16 sequences
/// of 1,024 tokens for gpt2-124m, 4 of 2,048 for llama-1b, 2 of 4,096 for the slice of llama-8b.
/// The output heads of the large vocabularies take fewer rows, so that their logits fit in 0.5 GB;
/// vocabularies are padded to a multiple of 64. A SwiGLU's gate and up are one weight.
std::vector<Layer> cuda_layers() {
  return {{"gpt2_qkv", 16384, 768, 2304, true},
          {"gpt2_projection", 16384, 768, 768, true},
          {"gpt2_up", 16384, 768, 3072, true},
          {"gpt2_down", 16384, 3072, 768, true},
          {"gpt2_head", 4096, 768, 50304, false},
          {"llama_1b_qkv", 8192, 2048, 3072, false},
          {"llama_1b_projection", 8192, 2048, 2048, false},
          {"llama_1b_gate_up", 8192, 2048, 16384, false},
          {"llama_1b_down", 8192, 8192, 2048, false},
          {"llama_1b_head", 2048, 2048, 128256, false},
          {"llama_8b_qkv", 8192, 4096, 6144, false},
          {"llama_8b_projection", 8192, 4096, 4096, false},
          {"llama_8b_gate_up", 8192, 4096, 28672, false},
          {"llama_8b_down", 8192, 14336, 4096, false},
          {"llama_8b_head", 8192, 4096, 16064, false}};
}

/// The square products, in the form that FP8 and INT8 need: k runs along memory in both operands.
Case cuda_square(Element input, Element output) {
  constexpr std::int64_t kExtent = 8192;
  Case item = square(kExtent, input, output);
  item.product.b_transposed = true;
  return item;
}

}  // namespace

Workload cuda_workload(const Case& item, cuda::blas::LibrarySource library) {
  Workload w = declare(item);
  w.on_cuda = [product = item.product, library](cuda::Stream& stream, const InputKey& key) {
    return instance_of(product, stream, key, library);
  };
  return w;
}

std::vector<Case> cuda_cases() {
  std::vector<Case> all = {
      cuda_square(Element::fp64, Element::fp64),     cuda_square(Element::fp32, Element::fp32),
      cuda_square(Element::tf32, Element::fp32),     cuda_square(Element::fp16, Element::fp16),
      cuda_square(Element::bf16, Element::bf16),     cuda_square(Element::fp8_e4m3, Element::bf16),
      cuda_square(Element::fp8_e5m2, Element::bf16), cuda_square(Element::int8, Element::int32)};
  for (const Layer& layer : cuda_layers()) {
    const auto cases = training_cases(layer, Element::bf16);
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

}  // namespace assay::gemm
