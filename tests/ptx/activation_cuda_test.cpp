/// The activations' CUDA kernels against the definition, on the functional device or a GPU.
#include "kernels/activation/activation_cuda.h"

#include <gtest/gtest.h>

#include "kernels/activation/activation_workload.h"
#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/sweep.h"
#include "ptx/test_device.h"
#include "reference/activation_case.h"
#include "reference/expect_passed.h"

namespace assay::activation {
namespace {

using cuda::Buffer;
using cuda::Stream;

template <class T>
Outputs<T> run(const Case<T>& c, const Stream& stream) {
  const std::int64_t n = c.rows * c.width;
  const Buffer<T> gate_up(stream, c.gate_up), dy(stream, c.dy);
  const Buffer<T> x(stream, std::vector<T>(c.gate_up.begin(), c.gate_up.begin() + n));
  const Buffer<T> gelu(stream.device(), c.dy.size()), gelu_dx(stream.device(), c.dy.size()),
      swiglu(stream.device(), c.dy.size()), swiglu_dx(stream.device(), c.gate_up.size());
  gelu_forward(stream, n, x.data(), gelu.data());
  gelu_backward(stream, n, x.data(), dy.data(), gelu_dx.data());
  swiglu_forward(stream, c.rows, c.width, gate_up.data(), swiglu.data());
  swiglu_backward(stream, c.rows, c.width, gate_up.data(), dy.data(), swiglu_dx.data());
  Outputs<T> out(c);
  out.gelu = gelu.to_host(stream);
  out.gelu_dx = gelu_dx.to_host(stream);
  out.swiglu = swiglu.to_host(stream);
  out.swiglu_dx = swiglu_dx.to_host(stream);
  return out;
}

template <class T>
void expect_definition(std::int64_t rows, std::int64_t width) {
  SCOPED_TRACE(testing::Message() << rows << 'x' << width);
  const Case<T> c(rows, width);
  cuda_test::on_each_architecture(
      [&](Stream& stream) { expect_passed(checks(c, run(c, stream))); });
}

TEST(ActivationCuda, EqualsDefinitionWithinControl) {
  for (const auto& [rows, width] :
       {std::pair{64, 96}, {7, 333}, {1, 64}, {1, 1}, {33, 3}, {5, 2056}, {3, 4104}, {129, 8}}) {
    expect_definition<float>(rows, width);
    expect_definition<Bf16>(rows, width);
  }
}

TEST(ActivationCuda, TailsGoToTheirLimits) {
  cuda_test::on_each_architecture([](Stream& stream) {
    const Buffer<float> x(stream, far_arguments());
    const Buffer<float> one(stream, std::vector<float>(x.size(), 1.0F));
    const Buffer<float> y(stream.device(), x.size()), dx(stream.device(), x.size());
    const auto n = static_cast<std::int64_t>(x.size());
    gelu_forward(stream, n, x.data(), y.data());
    gelu_backward(stream, n, x.data(), one.data(), dx.data());
    expect_passed(far_checks(y.to_host(stream), dx.to_host(stream)));
  });
}

TEST(ActivationCuda, GeluBackwardMayWriteOverItsOperand) {
  const Case<Bf16> c(9, 680);
  cuda_test::on_each_architecture([&](Stream& stream) {
    const std::int64_t n = c.rows * c.width;
    const Buffer<Bf16> x(stream, c.gate_up), shared(stream, c.dy);
    gelu_backward(stream, n, x.data(), shared.data(), shared.data());
    EXPECT_EQ(cuda_test::bytes_of(shared.to_host(stream)),
              cuda_test::bytes_of(run(c, stream).gelu_dx));
  });
}

TEST(ActivationCuda, UnalignedOperandsAreServed) {
  const Case<Bf16> c(4, 64);
  cuda_test::on_each_architecture([&](Stream& stream) {
    std::vector<Bf16> shifted(1);
    shifted.insert(shifted.end(), c.gate_up.begin(), c.gate_up.end());
    const Buffer<Bf16> gate_up(stream, shifted), y(stream.device(), c.dy.size());
    swiglu_forward(stream, c.rows, c.width, gate_up.data() + 1, y.data());
    EXPECT_EQ(cuda_test::bytes_of(y.to_host(stream)), cuda_test::bytes_of(run(c, stream).swiglu));
  });
}

TEST(ActivationCuda, SameBitsInAllOrders) {
  const Case<Bf16> c(6, 2064);
  cuda_test::expect_same_bits_in_all_orders([&](Stream& stream) {
    const auto out = run(c, stream);
    return cuda_test::bytes_of(out.gelu, out.gelu_dx, out.swiglu, out.swiglu_dx);
  });
}

/// The workloads as they are declared, at sizes that a CPU executes: outputs verified, bytes as the
/// contract says. More rows than are verified, so that the sample is one.
TEST(ActivationCudaWorkload, VerifiesAndMovesTheBytesOfItsContract) {
  for (const Operation operation : {Operation::gelu_forward, Operation::gelu_backward,
                                    Operation::swiglu_forward, Operation::swiglu_backward}) {
    cuda_test::expect_workload(cuda_workload(operation, {1100, 88}), {.most_issued = 1.0});
  }
}

TEST(ActivationCudaSweep, Shapes) {
  SKIP_UNLESS_SWEEPING();
  cuda_test::Sweep sweep(1);
  for (int i = 0; i < cuda_test::kSweepShapes; ++i) {
    const std::int64_t width = sweep.extent(6000);
    const std::int64_t rows = sweep.extent(std::min<std::int64_t>(300, 1 + 30'000 / width));
    expect_definition<float>(rows, width);
    expect_definition<Bf16>(rows, width);
  }
}

TEST(ActivationCudaSweep, SameBitsInAllOrders) {
  SKIP_UNLESS_SWEEPING();
  for (const auto& [rows, width] : {std::pair{5, 2056}, {37, 129}, {3, 4097}}) {
    const Case<float> c(rows, width);
    cuda_test::expect_same_bits_in_all_orders_everywhere([&](Stream& stream) {
      const auto out = run(c, stream);
      return cuda_test::bytes_of(out.gelu, out.gelu_dx, out.swiglu, out.swiglu_dx);
    });
  }
}

}  // namespace
}  // namespace assay::activation
