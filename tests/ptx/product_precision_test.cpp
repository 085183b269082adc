/// The precision that products are pinned to (kernels/gemm/gemm_cuda.h), as cuBLASLt is asked for
/// it: compute type, reduction schemes, fast accumulation and workspace of each element type, and
/// which algorithms are refused for what they would do. Values can't show it: a host's sums are as
/// narrow or wide as the host makes them. So it is on the host's version of the library, which
/// records what it was asked for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "kernels/gemm/blas_terms.h"
#include "ptx/gemm_run.h"
#include "ptx/host_blas.h"
#include "ptx_device/device.h"

namespace assay::gemm {
namespace {

using cuda::blas::ComputeType;
using testing::HasSubstr;

constexpr std::size_t kWorkspaceBytes = 4096;

/// The form that all element types have: k runs along memory in both operands.
template <class A, class B, class Out>
struct Pinned {
  Element input, output;
};

Operation product(Element input, Element output) {
  Product product;
  product.m = product.n = product.k = 16;
  product.b_transposed = true;
  product.input = input;
  product.output = output;
  return {product};
}

/// Chooses an algorithm among the proposals and runs it.
template <class A, class B, class Out>
host_blas::Observed run(const Pinned<A, B, Out>& types,
                        const std::vector<host_blas::Proposal>& proposals) {
  const Operation operation = product(types.input, types.output);
  ptx_device::Options device_options;
  device_options.architecture = 90;
  ptx_device::configure(device_options);
  const cuda::DriverTable driver = host_blas::with_clock(ptx_device::driver());
  host_blas::Options options;
  options.proposals = proposals;
  host_blas::configure(driver, options);
  cuda::Device device(driver, 0);
  cuda::Stream stream(device);
  const auto library = cuda::blas::make_context(host_blas::library());
  const cuda::Buffer<std::byte> workspace(device, kWorkspaceBytes);
  CudaPlan plan(library, device, operation, {workspace.data(), workspace.size()});
  const Problem<A, B, Out> problem(operation);
  for (const Check& check : problem.checks(problem.run(stream, plan, true))) {
    EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
  }
  return host_blas::observed();
}

/// Calls visit(types) for each combination of element types that products have.
template <class Visit>
void for_each_types(Visit visit) {
  visit(Pinned<double, double, double>{Element::fp64, Element::fp64});
  visit(Pinned<float, float, float>{Element::fp32, Element::fp32});
  visit(Pinned<float, float, float>{Element::tf32, Element::fp32});
  visit(Pinned<Fp16, Fp16, Fp16>{Element::fp16, Element::fp16});
  visit(Pinned<Fp16, Fp16, float>{Element::fp16, Element::fp32});
  visit(Pinned<Bf16, Bf16, Bf16>{Element::bf16, Element::bf16});
  visit(Pinned<Bf16, Bf16, float>{Element::bf16, Element::fp32});
  visit(Pinned<Fp8E4m3, Fp8E4m3, Bf16>{Element::fp8_e4m3, Element::bf16});
  visit(Pinned<Fp8E4m3, Fp8E4m3, float>{Element::fp8_e4m3, Element::fp32});
  visit(Pinned<Fp8E5m2, Fp8E4m3, Bf16>{Element::fp8_e5m2, Element::bf16});
  visit(Pinned<Fp8E5m2, Fp8E4m3, float>{Element::fp8_e5m2, Element::fp32});
  visit(Pinned<std::int8_t, std::int8_t, std::int32_t>{Element::int8, Element::int32});
}

/// cublasComputeType_t's own numbers, as its documentation has them.
int compute_type_number(Element input) {
  switch (input) {
    case Element::fp64:
      return 70;  // CUBLAS_COMPUTE_64F
    case Element::fp32:
      return 69;  // CUBLAS_COMPUTE_32F_PEDANTIC
    case Element::tf32:
      return 77;  // CUBLAS_COMPUTE_32F_FAST_TF32
    case Element::int8:
      return 72;  // CUBLAS_COMPUTE_32I
    default:
      return 68;  // CUBLAS_COMPUTE_32F
  }
}

TEST(ProductPrecision, IsWhatTheLibraryIsAskedFor) {
  for_each_types([](const auto& types) {
    SCOPED_TRACE(identity(product(types.input, types.output)));
    const host_blas::Observed asked = run(types, {{}});
    EXPECT_EQ(static_cast<int>(asked.compute.value()), compute_type_number(types.input));
    EXPECT_EQ(asked.workspace_bytes, kWorkspaceBytes);
    // Parts of a sum are added up in its own type, 2, not in a narrower output's, 1 and 4.
    const bool narrower = types.output == Element::fp16 || types.output == Element::bf16;
    EXPECT_EQ(asked.reduction_schemes, narrower ? 2U : 7U);
    const bool fp8 = types.input == Element::fp8_e4m3 || types.input == Element::fp8_e5m2;
    EXPECT_EQ(asked.fast_accumulation, fp8 ? std::optional<std::int8_t>(0) : std::nullopt);
  });
}

/// What an algorithm does inside (cublasLtNumericalImplFlags_t), and whose products it may make.
struct Inside {
  const char* what;
  std::uint64_t flags;
  bool (*is_refused)(Element);
};
const std::vector<Inside> kInsides = {
    {"nothing told", 0, [](Element) { return false; }},
    {"FP64 multiply-adds", 0x401, [](Element) { return false; }},
    {"FP64 on its tensor cores", 0x408, [](Element) { return false; }},
    {"FP64 emulated by integers", 0x404, [](Element input) { return input == Element::fp64; }},
    {"FP32 multiply-adds", 0x201, [](Element) { return false; }},
    {"FP32 sums on narrower tensor cores", 0x202,
     [](Element input) { return input == Element::fp32 || input == Element::fp64; }},
    {"FP16 sums on narrower tensor cores", 0x102, [](Element) { return true; }},
    {"INT32 sums on tensor cores", 0x804, [](Element input) { return input == Element::fp64; }}};

/// An algorithm that is faster than all others and does what the element type doesn't stand for.
TEST(ProductPrecision, RefusesAlgorithmsThatAreNarrowerInside) {
  for_each_types([](const auto& types) {
    for (const Inside& inside : kInsides) {
      SCOPED_TRACE(identity(product(types.input, types.output)) + ": " + inside.what);
      const host_blas::Proposal fast{.seconds = 1e-3, .numerical_flags = inside.flags};
      const host_blas::Proposal slow{.seconds = 9e-3};
      const int expected = inside.is_refused(types.input) ? 1 : 0;
      EXPECT_EQ(run(types, {fast, slow}).last_algorithm, expected);
      if (expected == 0) continue;
      try {
        run(types, {fast});
        ADD_FAILURE() << "was run all the same";
      } catch (const Error& error) {
        EXPECT_THAT(error.line(), HasSubstr("no algorithm that keeps the precision"));
      }
    }
  });
}

}  // namespace
}  // namespace assay::gemm
