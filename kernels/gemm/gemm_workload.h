#pragma once
/// What the CPU's and CUDA's workloads of matrix products share: how a product is named and what
/// stands in it, its inputs, and the check of its output.
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/cuda/blas.h"
#include "kernels/fp16.h"
#include "kernels/gemm/freivalds.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/small_float.h"
#include "kernels/inputs.h"

namespace assay::gemm {

/// A product as a workload.
struct Case {
  std::string operation;
  Product product;
};

/// A weight of a model, and how many rows of activations meet it in a step.
struct Layer {
  std::string name;
  std::int64_t rows;
  std::int64_t in;
  std::int64_t out;
  bool bias;
};

/// The measured peak (docs/figures.md).
[[nodiscard]] Case square(std::int64_t extent, Element input, Element output);
/// The three products of a layer.
[[nodiscard]] std::vector<Case> training_cases(const Layer& layer, Element element);

/// The workload of that product, with no back end yet.
[[nodiscard]] Workload declare(const Case& item);

/// Int8 operands lie in [-64, 64]: exact on every processor (cpu_product.h).
inline constexpr std::int32_t kInt8Magnitude = 64;

/// n elements: normal(0, 1), rounded to what `element` represents; integers uniform.
template <class T>
std::vector<T> random_operand(Element element, std::uint64_t key, std::uint64_t stream,
                              std::int64_t n) {
  std::vector<T> values(static_cast<std::size_t>(n));
  if constexpr (std::is_same_v<T, std::int8_t>) {
    const auto integers = integer_input(key, stream, n, 2 * kInt8Magnitude + 1);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<T>(integers[i] - kInt8Magnitude);
    }
  } else if constexpr (std::is_same_v<T, double> || std::is_same_v<T, Bf16>) {
    values = normal_input<T>(key, stream, n);
  } else {
    const auto normals = normal_input<float>(key, stream, n);
#pragma omp parallel for schedule(static)
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i] = from_float<T>(element == Element::tf32 ? to_tf32(normals[i]) : normals[i]);
    }
  }
  return values;
}

/// Host buffers of one product.
template <class A, class B, class Out>
struct HostOperands {
  std::vector<A> a;
  std::vector<B> b, bias;
  std::vector<Out> d;

  HostOperands(const Product& product, std::uint64_t key)
      : a(random_operand<A>(product.input, key, 1, product.m * product.k)),
        b(random_operand<B>(b_element(product), key, 2, product.k * product.n)),
        bias(product.bias ? random_operand<B>(product.input, key, 3, product.n) : std::vector<B>()),
        d(static_cast<std::size_t>(product.m * product.n)) {}

  [[nodiscard]] const B* bias_or_null() const { return bias.empty() ? nullptr : bias.data(); }
  [[nodiscard]] std::vector<Check> verify(const Product& product, std::uint64_t key) const {
    return {
        freivalds_check("freivalds", product, a.data(), b.data(), bias_or_null(), d.data(), key)};
  }
};

/// The CPU workload of that product.
[[nodiscard]] Workload cpu_workload(const Case& item);

/// The CUDA workload of that product, by the machine's cuBLASLt or another filling of its table.
/// Making an instance chooses the algorithm, which its notes record (gemm_cuda.h).
/// Errors of an instance: as CudaPlan; input_error where there is no cuBLASLt.
[[nodiscard]] Workload cuda_workload(
    const Case& item, cuda::blas::LibrarySource library = cuda::blas::machine_library);
/// All of CUDA's: the products of tb1's dense models, and a square one in each precision.
[[nodiscard]] std::vector<Case> cuda_cases();

}  // namespace assay::gemm
