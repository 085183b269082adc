/// The norms' CUDA kernels against the definition, on the functional device or a GPU.
#include "kernels/norm/norm_cuda.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/sweep.h"
#include "ptx/test_device.h"
#include "reference/norm_case.h"

namespace assay::norm {
namespace {

using cuda::Buffer;
using cuda::Stream;

/// Forward, then backward from what it left; gradients are added to `start`.
template <class T>
Outputs<T> run(const Case<T>& c, const Stream& stream, float start = 0.0F) {
  const std::size_t n = c.x.size();
  const auto rows = static_cast<std::size_t>(c.shape.rows);
  const Buffer<T> x(stream, c.x), residual(stream, c.residual), gamma(stream, c.gamma),
      beta(stream, c.beta), dy(stream, c.dy), dsum(stream, c.dsum);
  const Buffer<T> sum(stream.device(), n), y(stream.device(), n), dx(stream.device(), n);
  const std::vector<float> gradients(c.gamma.size(), start);
  const Buffer<float> mean(stream.device(), rows), rstd(stream.device(), rows),
      dgamma(stream, gradients), dbeta(stream, gradients),
      workspace(stream.device(), backward_workspace_floats(c.shape));
  const Forward<T> forward{x.data(),   residual.data(), gamma.data(), beta.data(),
                           sum.data(), y.data(),        mean.data(),  rstd.data()};
  const Backward<T> backward{dy.data(),   sum.data(), gamma.data(),  mean.data(), rstd.data(),
                             dsum.data(), dx.data(),  dgamma.data(), dbeta.data()};
  if (c.kind == Kind::layernorm) {
    layernorm_forward(stream, c.shape, forward);
    layernorm_backward(stream, c.shape, backward, workspace.data());
  } else {
    rmsnorm_forward(stream, c.shape, forward);
    rmsnorm_backward(stream, c.shape, backward, workspace.data());
  }
  return {sum.to_host(stream), y.to_host(stream), dx.to_host(stream), dgamma.to_host(stream),
          dbeta.to_host(stream)};
}

class NormCuda : public testing::TestWithParam<Kind> {};

template <class T>
void expect_definition(Kind kind, const Shape& shape) {
  SCOPED_TRACE(testing::Message() << shape.rows << " rows of " << shape.width);
  const Case<T> c(kind, shape);
  cuda_test::on_each_architecture([&](Stream& stream) {
    for (const auto& check : checks(c, run(c, stream))) {
      EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
    }
  });
}

TEST_P(NormCuda, EqualsDefinitionWithinControl) {
  for (const Shape& shape : {Shape{67, 768}, Shape{5, 333}, Shape{1, 64}, Shape{33, 3},
                             Shape{3, 2048}, Shape{2, 8192}, Shape{35, 8}}) {
    expect_definition<Bf16>(GetParam(), shape);
    if (shape.width <= 2048) expect_definition<float>(GetParam(), shape);
  }
}

TEST_P(NormCuda, SameBitsInAllOrders) {
  const Case<Bf16> c(GetParam(), {70, 2056});
  cuda_test::expect_same_bits_in_all_orders([&](Stream& stream) {
    const auto out = run(c, stream);
    return cuda_test::bytes_of(out.y, out.dx, out.dgamma, out.dbeta);
  });
}

/// The rows' sums are added to what was there, to dgamma and, of the layer norm, to dbeta.
TEST_P(NormCuda, AddsToGradients) {
  const float start = 3.0F;
  for (const Shape& shape : {Shape{40, 16}, Shape{5, 333}, Shape{70, 2056}}) {
    const Case<float> c(GetParam(), shape);
    cuda_test::on_each_architecture([&](Stream& stream) {
      const Outputs<float> from_zero = run(c, stream);
      const Outputs<float> from_start = run(c, stream, start);
      const bool has_beta = c.kind == Kind::layernorm;
      const auto expect_added = [start](float sum, float added) {
        ASSERT_NEAR(added, start + sum, 1e-6F * (start + std::abs(sum)));
      };
      for (std::size_t i = 0; i < c.gamma.size(); ++i) {
        expect_added(from_zero.dgamma[i], from_start.dgamma[i]);
        expect_added(from_zero.dbeta[i], from_start.dbeta[i]);
        ASSERT_NE(from_zero.dgamma[i], 0.0F) << i;
        ASSERT_EQ(from_zero.dbeta[i] != 0.0F, has_beta) << i;
      }
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, NormCuda, testing::Values(Kind::layernorm, Kind::rmsnorm));

/// The workloads as they are declared, at sizes that a CPU executes: outputs verified, bytes as the
/// contract says.
TEST(NormCudaWorkload, VerifiesAndMovesTheBytesOfItsContract) {
  for (const Kind kind : {Kind::layernorm, Kind::rmsnorm}) {
    for (const Pass pass : {Pass::forward, Pass::backward}) {
      cuda_test::expect_workload(cuda_workload(kind, pass, {512, 768}), {.most_issued = 1.2});
    }
  }
}

TEST(NormCudaWorkload, RefusesRowsBeyondItsWidth) {
  cuda_test::on_each_architecture([](Stream& stream) {
    const Forward<float> nothing;
    EXPECT_THROW(rmsnorm_forward(stream, {1, 8200}, nothing), Error);
  });
}

TEST(NormCudaSweep, Shapes) {
  SKIP_UNLESS_SWEEPING();
  cuda_test::Sweep sweep(9);
  for (int i = 0; i < cuda_test::kSweepShapes; ++i) {
    // Beyond 2,048 elements rows are of whole packs (norm_cuda.h); of fewer than 8 the control's
    // error, from which the bound is made, would be that of a few lucky numbers.
    const std::int64_t width =
        i % 4 == 0 ? sweep.multiple(8, 8192) : 7 + sweep.extent(i % 2 == 0 ? 2041 : 300);
    const std::int64_t rows = sweep.extent(std::min<std::int64_t>(300, 1 + 30'000 / width));
    for (const Kind kind : {Kind::layernorm, Kind::rmsnorm}) {
      expect_definition<Bf16>(kind, {rows, width});
      expect_definition<float>(kind, {rows, width});
    }
  }
}

TEST(NormCudaSweep, SameBitsInAllOrders) {
  SKIP_UNLESS_SWEEPING();
  for (const Shape& shape : {Shape{70, 333}, Shape{129, 64}, Shape{5, 8192}}) {
    for (const Kind kind : {Kind::layernorm, Kind::rmsnorm}) {
      const Case<float> c(kind, shape);
      cuda_test::expect_same_bits_in_all_orders_everywhere([&](Stream& stream) {
        const auto out = run(c, stream);
        return cuda_test::bytes_of(out.y, out.dx, out.dgamma, out.dbeta);
      });
    }
  }
}

}  // namespace
}  // namespace assay::norm
