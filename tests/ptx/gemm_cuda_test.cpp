/// Matrix products on CUDA against the definition: layouts, types and epilogues, by the host's
/// version of cuBLASLt or a GPU's.
#include "kernels/gemm/gemm_cuda.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "ptx/blas_device.h"
#include "ptx/gemm_run.h"
#include "ptx/sweep.h"
#include "ptx/test_device.h"

namespace assay::gemm {
namespace {

using cuda::Stream;
using cuda_test::any_device_from;
using cuda_test::on_each_library;

/// The first compute capabilities that multiply in BF16 and TF32, and in FP8.
constexpr int kAmpere = 80;
constexpr int kAda = 89;

/// Runs the operation and compares its outputs; an operation that the device refuses must be
/// refused by the plan, too. Returns whether it ran.
template <class A, class B, class Out>
bool expect_definition(const Operation& operation, bool scaled = false) {
  bool ran = false;
  on_each_library({}, [&](Stream& stream, const cuda::blas::Table& table) {
    SCOPED_TRACE(identity(operation));
    const auto library = cuda::blas::make_context(table);
    const auto refused = refusal(operation, stream.device().facts().compute_capability);
    if (refused) {
      EXPECT_THROW(CudaPlan(library, stream.device(), operation, {}), Error);
      return;
    }
    ran = true;
    const Problem<A, B, Out> problem(operation, scaled);
    CudaPlan plan(library, stream.device(), operation, {});
    for (const Check& check : problem.checks(problem.run(stream, plan, true))) {
      EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
    }
  });
  return ran;
}

Product product_of(std::int64_t m, std::int64_t n, std::int64_t k, Element input, Element output) {
  Product product;
  product.m = m;
  product.n = n;
  product.k = k;
  product.input = input;
  product.output = output;
  return product;
}

/// Both operands stored either way, with and without bias, stored and added. Returns how many ran.
template <class A, class B, class Out>
int expect_every_form(Element input, Element output) {
  int ran = 0;
  for (const auto& [m, n, k] :
       {std::array{1, 1, 1}, std::array{3, 5, 7}, std::array{17, 65, 33}, std::array{48, 32, 64},
        std::array{5, 48, 16}, std::array{1, 12, 8}}) {
    for (int form = 0; form < 16; ++form) {
      Product product = product_of(m, n, k, input, output);
      product.a_transposed = (form & 1) != 0;
      product.b_transposed = (form & 2) != 0;
      product.bias = (form & 4) != 0;
      product.accumulate = (form & 8) != 0;
      ran += expect_definition<A, B, Out>({.product = product}) ? 1 : 0;
    }
  }
  return ran;
}

TEST(GemmCuda, EveryFormEqualsTheDefinition) {
  constexpr int kForms = 6 * 16;
  // Where no device has the units, every form is refused.
  const auto from = [](int least, int forms) { return any_device_from(least) ? forms : 0; };
  EXPECT_EQ((expect_every_form<double, double, double>(Element::fp64, Element::fp64)), kForms);
  EXPECT_EQ((expect_every_form<float, float, float>(Element::fp32, Element::fp32)), kForms);
  EXPECT_EQ((expect_every_form<float, float, float>(Element::tf32, Element::fp32)),
            from(kAmpere, kForms));
  EXPECT_EQ((expect_every_form<Fp16, Fp16, Fp16>(Element::fp16, Element::fp16)), kForms);
  EXPECT_EQ((expect_every_form<Fp16, Fp16, float>(Element::fp16, Element::fp32)), kForms);
  EXPECT_EQ((expect_every_form<Bf16, Bf16, Bf16>(Element::bf16, Element::bf16)),
            from(kAmpere, kForms));
  EXPECT_EQ((expect_every_form<Bf16, Bf16, float>(Element::bf16, Element::fp32)),
            from(kAmpere, kForms));
  // Where k runs along memory in both, and n and k are multiples of 16 and of 4.
  using E4 = Fp8E4m3;
  using E5 = Fp8E5m2;
  EXPECT_EQ((expect_every_form<E4, E4, Bf16>(Element::fp8_e4m3, Element::bf16)), from(kAda, 2 * 4));
  EXPECT_EQ((expect_every_form<E4, E4, float>(Element::fp8_e4m3, Element::fp32)),
            from(kAda, 2 * 4));
  EXPECT_EQ((expect_every_form<E5, E4, Bf16>(Element::fp8_e5m2, Element::bf16)), from(kAda, 2 * 4));
  EXPECT_EQ((expect_every_form<E5, E4, float>(Element::fp8_e5m2, Element::fp32)),
            from(kAda, 2 * 4));
  using I8 = std::int8_t;
  EXPECT_EQ((expect_every_form<I8, I8, std::int32_t>(Element::int8, Element::int32)), 3 * 2);
}

TEST(GemmCuda, ScalesMultiplyFp8Products) {
  if (!any_device_from(kAda)) GTEST_SKIP() << "FP8 needs compute capability 8.9";
  Product product = product_of(7, 32, 48, Element::fp8_e5m2, Element::bf16);
  product.b_transposed = true;
  EXPECT_TRUE((expect_definition<Fp8E5m2, Fp8E4m3, Bf16>({.product = product}, true)));
}

/// Every epilogue that the element types have; none where no device is `least` or later.
template <class In, class Out>
void expect_every_epilogue(Element input, Element output, int least = 0) {
  std::set<std::string> ran;
  for (const auto& [m, n, k] : {std::array{3, 5, 7}, std::array{19, 40, 23}}) {
    for (const Activation activation :
         {Activation::none, Activation::gelu, Activation::gelu_saved, Activation::gelu_gradient}) {
      for (int form = 0; form < 8; ++form) {
        Operation operation{product_of(m, n, k, input, output), activation, (form & 1) != 0};
        operation.product.bias = (form & 2) != 0;
        operation.product.a_transposed = (form & 4) != 0;
        operation.product.b_transposed = activation != Activation::gelu_gradient;
        if (!expect_definition<In, In, Out>(operation)) continue;
        ran.insert(std::string(name(activation)) + (operation.product.bias ? " bias" : "") +
                   (operation.bias_gradient ? " gradient" : ""));
      }
    }
  }
  const std::set<std::string> all{"none",
                                  "none bias",
                                  "none gradient",
                                  "gelu",
                                  "gelu bias",
                                  "gelu_saved",
                                  "gelu_saved bias",
                                  "gelu_gradient",
                                  "gelu_gradient gradient"};
  EXPECT_EQ(ran, any_device_from(least) ? all : std::set<std::string>{});
}

TEST(GemmCuda, EveryEpilogueEqualsTheDefinition) {
  expect_every_epilogue<float, float>(Element::fp32, Element::fp32);
  expect_every_epilogue<float, float>(Element::tf32, Element::fp32, kAmpere);
  expect_every_epilogue<Fp16, Fp16>(Element::fp16, Element::fp16);
  expect_every_epilogue<Bf16, Bf16>(Element::bf16, Element::bf16, kAmpere);
  expect_every_epilogue<Bf16, float>(Element::bf16, Element::fp32, kAmpere);
}

/// The training step's weight gradient: added to in FP32, with the bias' gradient beside it.
TEST(GemmCuda, WeightGradientsAccumulateBesideTheBiasGradient) {
  if (!any_device_from(kAmpere)) GTEST_SKIP() << "BF16 needs compute capability 8.0";
  Operation operation{weight_gradient(37, 24, 40, Element::bf16, true)};
  operation.bias_gradient = true;
  EXPECT_TRUE((expect_definition<Bf16, Bf16, float>(operation)));
}

TEST(GemmCuda, RefusesWhatNoDeviceDoes) {
  const auto refused = [](const Operation& operation) {
    return refusal(operation, 90).value_or("");
  };
  Operation bf16{forward(16, 16, 16, Element::bf16, false)};
  EXPECT_EQ(refused(bf16), "");
  EXPECT_NE(refusal(bf16, 75).value_or("").find("compute capability 8.0"), std::string::npos);
  Operation empty = bf16;
  empty.product.m = 0;
  EXPECT_NE(refused(empty), "");
  Operation saved = bf16;
  saved.activation = Activation::gelu_saved;
  EXPECT_EQ(refused(saved), "");
  saved.product.n = 12;
  EXPECT_NE(refused(saved), "");
  Operation added = bf16;
  added.activation = Activation::gelu;
  EXPECT_EQ(refused(added), "");
  added.product.accumulate = true;
  EXPECT_NE(refused(added), "");
  Operation gradient = bf16;
  gradient.bias_gradient = true;
  EXPECT_NE(refused(gradient), "");
  Operation integer{forward(16, 16, 16, Element::int8, false)};
  integer.product.output = Element::int32;
  EXPECT_EQ(refused(integer), "");
  integer.product.bias = true;
  EXPECT_NE(refused(integer), "");
  EXPECT_NE(refused({forward(16, 16, 16, Element::int32, false)}), "");
  Operation fp8{forward(16, 16, 16, Element::fp8_e4m3, false)};
  fp8.product.output = Element::bf16;
  EXPECT_EQ(refused(fp8), "");
  EXPECT_NE(refusal(fp8, 80).value_or("").find("8.9"), std::string::npos);
  fp8.activation = Activation::gelu;
  EXPECT_NE(refused(fp8), "");
  Operation wide{forward(16, 16, 16, Element::fp64, true)};
  EXPECT_EQ(refused(wide), "");
  wide.activation = Activation::gelu;
  EXPECT_NE(refused(wide), "");
}

TEST(GemmCudaWorkload, VerifiesInEachPrecision) {
  static const cuda::blas::Table* chosen = nullptr;
  for (Case item : cuda_cases()) {
    if (item.operation != "square") continue;
    item.product.m = 48;
    item.product.n = item.product.k = 64;
    on_each_library({}, [&](Stream& stream, const cuda::blas::Table& table) {
      SCOPED_TRACE(text_of(item.product));
      chosen = &table;
      const Workload workload =
          cuda_workload(item, []() -> const cuda::blas::Table& { return *chosen; });
      if (refusal({item.product}, stream.device().facts().compute_capability)) {
        EXPECT_THROW(workload.on_cuda(stream, {42}), Error);
        return;
      }
      const Instance instance = workload.on_cuda(stream, {42});
      instance.iterate();
      instance.iterate();
      for (const Check& check : instance.verify()) {
        EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
      }
      EXPECT_FALSE(instance.notes.empty());
    });
  }
}

TEST(GemmCudaWorkload, AllRunOnAHopper) {
  std::set<Precision> squares;
  for (const Case& item : cuda_cases()) {
    EXPECT_EQ(refusal({item.product}, 90).value_or(""), "") << item.operation;
    if (item.operation == "square") squares.insert(declare(item).precision);
    const Product& p = item.product;
    EXPECT_LE(p.m * p.n, std::int64_t{1} << 30U) << "outputs beyond 32-bit extents";
  }
  EXPECT_EQ(squares.size(), 8U);
}

/// Where one of the extents does not fit the operands' type, the operation is refused.
TEST(GemmCudaSweep, Shapes) {
  SKIP_UNLESS_SWEEPING();
  cuda_test::Sweep sweep(14);
  for (int i = 0; i < cuda_test::kSweepShapes; ++i) {
    const auto extents = [&] {
      return std::array{sweep.extent(130), sweep.extent(130), sweep.extent(130)};
    };
    const auto operation = [&](Element input, Element output) {
      const auto [m, n, k] = extents();
      Product product = product_of(m, n, k, input, output);
      product.a_transposed = sweep.draw(2) == 1;
      product.b_transposed = sweep.draw(2) == 1;
      product.bias = sweep.draw(2) == 1;
      product.accumulate = sweep.draw(2) == 1;
      return Operation{.product = product};
    };
    expect_definition<double, double, double>(operation(Element::fp64, Element::fp64));
    expect_definition<float, float, float>(operation(Element::fp32, Element::fp32));
    expect_definition<float, float, float>(operation(Element::tf32, Element::fp32));
    expect_definition<Fp16, Fp16, Fp16>(operation(Element::fp16, Element::fp16));
    expect_definition<Bf16, Bf16, Bf16>(operation(Element::bf16, Element::bf16));
    expect_definition<Bf16, Bf16, float>(operation(Element::bf16, Element::fp32));
    Operation narrow = operation(Element::fp8_e4m3, Element::bf16);
    narrow.product.a_transposed = false;
    narrow.product.b_transposed = true;
    narrow.product.n = sweep.multiple(16, 128);
    narrow.product.k = sweep.multiple(16, 128);
    expect_definition<Fp8E4m3, Fp8E4m3, Bf16>(narrow);
    narrow.product.input = Element::int8;
    narrow.product.output = Element::int32;
    narrow.product.bias = false;
    expect_definition<std::int8_t, std::int8_t, std::int32_t>(narrow);
  }
}

}  // namespace
}  // namespace assay::gemm
