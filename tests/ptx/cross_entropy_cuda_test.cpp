/// The cross-entropy's CUDA kernels against the definition, on the functional device or a GPU.
#include "kernels/cross_entropy/cross_entropy_cuda.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/sweep.h"
#include "ptx/test_device.h"
#include "reference/cross_entropy_case.h"

namespace assay::cross_entropy {
namespace {

using cuda::Buffer;
using cuda::Stream;

/// Where in a buffer the first row begins, in elements: beyond 0, at no multiple of 16 bytes.
template <class T>
Outputs<T> run(const Case<T>& c, const Stream& stream, std::size_t begin = 0) {
  std::vector<T> placed(begin);
  placed.insert(placed.end(), c.logits.begin(), c.logits.end());
  const Buffer<T> logits(stream, placed);
  const Buffer<std::int32_t> targets(stream, c.targets);
  const Buffer<float> losses(stream.device(), c.targets.size());
  forward_backward(stream, c.shape, targets.data(), c.scale, logits.data() + begin, losses.data());
  placed = logits.to_host(stream);
  return {{placed.begin() + static_cast<std::ptrdiff_t>(begin), placed.end()},
          losses.to_host(stream)};
}

template <class T>
void expect_definition(const Case<T>& c, std::size_t begin = 0) {
  cuda_test::on_each_architecture([&](Stream& stream) { expect_right(c, run(c, stream, begin)); });
}

TEST(CrossEntropyCuda, EqualsDefinitionWithinControl) {
  for (const Shape& shape :
       {Shape{2, 50257, 50304}, Shape{1, 128256, 128256}, Shape{3, 4008, 4032},
        Shape{5, 2049, 2051}, Shape{4, 63, 67}, Shape{7, 1, 3}, Shape{3, 2, 2}, Shape{3, 8, 8}}) {
    expect_definition(Case<Bf16>(shape, 0.0, 2.0));
    expect_definition(Case<float>(shape, 0.0, 2.0));
  }
}

TEST(CrossEntropyCuda, RowsBeginAnywhere) {
  for (const std::size_t begin : {1, 3, 7}) {
    expect_definition(Case<Bf16>({2, 1001, 1001}, 0.0, 2.0), begin);
    expect_definition(Case<Bf16>({3, 5, 9}, 0.0, 2.0), begin);
    expect_definition(Case<float>({2, 1001, 1003}, 0.0, 2.0), begin);
  }
}

/// Where only the subtraction of the maximum keeps exponentials finite.
TEST(CrossEntropyCuda, LogitsFarFromZero) {
  expect_definition(Case<float>({2, 4100, 4100}, 300.0, 10.0));
  expect_definition(Case<float>({2, 4100, 4100}, -300.0, 10.0));
}

TEST(CrossEntropyCuda, RescalesTheSumWhenTheMaximumRises) {
  Case<float> c({1, 10000, 10000}, 0.0, 1.0);
  for (std::size_t i = 0; i < c.logits.size(); ++i) c.logits[i] = static_cast<float>(i) * 1e-3F;
  expect_definition(c);
}

TEST(CrossEntropyCuda, AdmitsMinusInfinityAndPassesNansOn) {
  Case<float> c({1, 5000, 5000}, 0.0, 1.0);
  std::fill_n(c.logits.begin(), 3000, -std::numeric_limits<float>::infinity());
  c.targets = {4000};
  expect_definition(c);
  c.logits[4500] = std::numeric_limits<float>::quiet_NaN();
  cuda_test::on_each_architecture(
      [&](Stream& stream) { EXPECT_TRUE(std::isnan(run(c, stream).losses[0])); });
}

TEST(CrossEntropyCuda, SameBitsInAllOrders) {
  const Case<Bf16> c({3, 9001, 9001}, 0.0, 2.0);
  cuda_test::expect_same_bits_in_all_orders([&](Stream& stream) {
    const auto out = run(c, stream);
    return cuda_test::bytes_of(out.gradients, out.losses);
  });
}

TEST(CrossEntropyCuda, AddsLosses) {
  for (const std::int64_t rows : {1, 33, 5000}) {
    const auto losses = normal_input<float>(4, 1, rows, 10.0);
    double sum = 0.0;
    for (const float loss : losses) sum += static_cast<double>(loss);
    cuda_test::on_each_architecture([&](Stream& stream) {
      const Buffer<float> values(stream, losses);
      const Buffer<double> total(stream, std::vector<double>{2.5});
      add_losses(stream, rows, values.data(), 0.25, total.data());
      EXPECT_NEAR(total.to_host(stream)[0], 2.5 + 0.25 * sum, 1e-12 * sum) << rows;
    });
  }
}

TEST(CrossEntropyCuda, NoRowsAreNoLaunch) {
  cuda_test::on_each_architecture([](Stream& stream) {
    forward_backward<Bf16>(stream, {0, 100, 100}, nullptr, 1.0F, nullptr, nullptr);
  });
}

/// The workloads as they are declared, at sizes that a CPU executes: outputs verified, bytes as the
/// contract says.
TEST(CrossEntropyCudaWorkload, VerifiesAndMovesTheBytesOfItsContract) {
  cuda_test::expect_workload(cuda_workload({3, 50257, 50304}), {.most_issued = 1.2});
  cuda_test::expect_workload(cuda_workload({20, 4008, 4032}), {.most_issued = 1.2});
  cuda_test::expect_workload(cuda_workload({2, 128256, 128256}), {.most_issued = 1.5});
}

TEST(CrossEntropyCudaSweep, Shapes) {
  SKIP_UNLESS_SWEEPING();
  cuda_test::Sweep sweep(5);
  for (int i = 0; i < cuda_test::kSweepShapes; ++i) {
    const std::int64_t most = sweep.one_of<std::int64_t>({100, 5000, 60'000, 140'000});
    const std::int64_t vocabulary = 1 + sweep.extent(most);
    const std::int64_t rows = sweep.extent(std::min<std::int64_t>(70, 1 + 60'000 / vocabulary));
    const Shape shape{rows, vocabulary, vocabulary + sweep.draw(65)};
    const auto begin = static_cast<std::size_t>(sweep.draw(9));
    expect_definition(Case<Bf16>(shape, 0.0, 2.0), begin);
    expect_definition(Case<float>(shape, 0.0, 2.0), begin);
  }
}

TEST(CrossEntropyCudaSweep, SameBitsInAllOrders) {
  SKIP_UNLESS_SWEEPING();
  for (const Shape& shape : {Shape{1, 50257, 50304}, Shape{3, 2049, 2051}, Shape{40, 63, 67}}) {
    const Case<float> c(shape, 0.0, 2.0);
    cuda_test::expect_same_bits_in_all_orders_everywhere([&](Stream& stream) {
      const auto out = run(c, stream);
      return cuda_test::bytes_of(out.gradients, out.losses);
    });
  }
}

}  // namespace
}  // namespace assay::cross_entropy
