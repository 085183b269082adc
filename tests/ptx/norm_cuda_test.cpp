/// The norms' CUDA kernels against the definition, on the functional device or a GPU.
#include "kernels/norm/norm_cuda.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/test_device.h"
#include "reference/norm_case.h"

namespace assay::norm {
namespace {

using cuda::Buffer;
using cuda::Stream;

/// Forward, then backward from what it left.
template <class T>
Outputs<T> run(const Case<T>& c, const Stream& stream) {
  const std::size_t n = c.x.size();
  const auto rows = static_cast<std::size_t>(c.shape.rows);
  const Buffer<T> x(stream, c.x), residual(stream, c.residual), gamma(stream, c.gamma),
      beta(stream, c.beta), dy(stream, c.dy), dsum(stream, c.dsum);
  const Buffer<T> sum(stream.device(), n), y(stream.device(), n), dx(stream.device(), n);
  const Buffer<float> mean(stream.device(), rows), rstd(stream.device(), rows),
      dgamma(stream.device(), c.gamma.size()), dbeta(stream.device(), c.gamma.size()),
      workspace(stream.device(), backward_workspace_floats(c.shape));
  dgamma.fill_zero(stream);
  dbeta.fill_zero(stream);
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

TEST_P(NormCuda, AddsToGradients) {
  const Case<float> c(GetParam(), {40, 16});
  cuda_test::on_each_architecture([&](Stream& stream) {
    const Outputs<float> once = run(c, stream);
    const std::size_t width = c.gamma.size();
    const Buffer<float> sum(stream, once.sum), dy(stream, c.dy), gamma(stream, c.gamma),
        dx(stream.device(), c.x.size()),
        workspace(stream.device(), backward_workspace_floats(c.shape)),
        mean(stream, std::vector<float>(40, 0.0F)), rstd(stream, std::vector<float>(40, 1.0F)),
        zero(stream, std::vector<float>(width, 0.0F)),
        ones(stream, std::vector<float>(width, 1.0F));
    const auto dgamma_from = [&](const Buffer<float>& start) {
      const Backward<float> operands{dy.data(), sum.data(), gamma.data(), mean.data(), rstd.data(),
                                     nullptr,   dx.data(),  start.data(), start.data()};
      rmsnorm_backward(stream, c.shape, operands, workspace.data());
      return start.to_host(stream);
    };
    const auto from_zero = dgamma_from(zero);
    const auto from_ones = dgamma_from(ones);
    for (std::size_t i = 0; i < width; ++i) {
      EXPECT_NEAR(from_ones[i], from_zero[i] + 1.0F, 1e-5F * std::abs(from_ones[i]) + 1e-5F);
    }
  });
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

}  // namespace
}  // namespace assay::norm
