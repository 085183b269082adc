/// The bias gradient's CUDA kernels against the definition, on the functional device or a GPU.
#include "kernels/bias/bias_cuda.h"

#include <gtest/gtest.h>

#include <limits>

#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/sweep.h"
#include "ptx/test_device.h"
#include "reference/bias_case.h"

namespace assay::bias {
namespace {

using cuda::Buffer;
using cuda::Stream;

template <class T>
std::vector<float> run(const Case<T>& c, const Stream& stream) {
  const Buffer<T> dy(stream, c.dy);
  // What no block writes must not be read: then a sum is no number.
  const std::vector<float> unwritten(backward_workspace_floats(c.rows, c.width),
                                     std::numeric_limits<float>::quiet_NaN());
  const Buffer<float> dbias(stream, c.dbias), workspace(stream, unwritten);
  backward(stream, c.rows, c.width, dy.data(), dbias.data(), workspace.data());
  return dbias.to_host(stream);
}

template <class T>
void expect_definition(std::int64_t rows, std::int64_t width) {
  const Case<T> c(rows, width);
  cuda_test::on_each_architecture([&](Stream& stream) {
    const Check check = c.check(run(c, stream));
    EXPECT_TRUE(check.passed()) << rows << 'x' << width << ": " << check.error << " > "
                                << check.bound;
  });
}

TEST(BiasCuda, EqualsDefinitionWithinControl) {
  for (const auto& [rows, width] : {std::pair{256, 768},
                                    {67, 333},
                                    {1, 300},
                                    {1, 1},
                                    {31, 3},
                                    {33, 264},
                                    {129, 24},
                                    {65, 8},
                                    {2, 2056}}) {
    expect_definition<float>(rows, width);
    expect_definition<Bf16>(rows, width);
  }
}

TEST(BiasCuda, RowsBeyondTheLargestNumberOfRuns) {
  expect_definition<Bf16>(64 * 512 + 100, 8);
}

TEST(BiasCuda, SameBitsInAllOrders) {
  const Case<Bf16> c(211, 520);
  cuda_test::expect_same_bits_in_all_orders(
      [&](Stream& stream) { return cuda_test::bytes_of(run(c, stream)); });
}

/// The workload as it is declared, at a size that a CPU executes: output verified even after many
/// iterations, bytes as the contract says.
TEST(BiasCudaWorkload, VerifiesAndMovesTheBytesOfItsContract) {
  cuda_test::expect_workload(cuda_workload(640, 768), {.most_issued = 1.2});
}

TEST(BiasCudaSweep, Shapes) {
  SKIP_UNLESS_SWEEPING();
  cuda_test::Sweep sweep(4);
  for (int i = 0; i < cuda_test::kSweepShapes; ++i) {
    const std::int64_t width = sweep.extent(3000);
    const std::int64_t rows = sweep.extent(std::min<std::int64_t>(40'000, 1 + 300'000 / width));
    expect_definition<float>(rows, width);
    expect_definition<Bf16>(rows, width);
  }
}

TEST(BiasCudaSweep, SameBitsInAllOrders) {
  SKIP_UNLESS_SWEEPING();
  for (const auto& [rows, width] : {std::pair{1000, 65}, {65, 1001}, {4097, 8}}) {
    const Case<float> c(rows, width);
    cuda_test::expect_same_bits_in_all_orders_everywhere(
        [&](Stream& stream) { return cuda_test::bytes_of(run(c, stream)); });
  }
}

}  // namespace
}  // namespace assay::bias
