/// RoPE's CUDA kernels against the definition, on the functional device or a GPU.
#include "kernels/rope/rope_cuda.h"

#include <gtest/gtest.h>

#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/sweep.h"
#include "ptx/test_device.h"
#include "reference/expect_passed.h"
#include "reference/rope_case.h"

namespace assay::rope {
namespace {

using cuda::Buffer;
using cuda::Stream;

/// One rotation of the input, `shift` elements behind an aligned address.
template <class T>
std::vector<T> run(Pass pass, const Buffers<T>& b, const Stream& stream, std::size_t shift = 0) {
  std::vector<T> input(shift);
  input.insert(input.end(), b.input.begin(), b.input.end());
  const Buffer<float> table(stream, b.table);
  const Buffer<T> x(stream, input);
  pass == Pass::forward ? forward(stream, b.shape, table.data(), x.data() + shift)
                        : backward(stream, b.shape, table.data(), x.data() + shift);
  const std::vector<T> output = x.to_host(stream);
  return {output.begin() + static_cast<std::ptrdiff_t>(shift), output.end()};
}

template <class T>
void expect_definition(const Shape& shape) {
  const Buffers<T> b(shape, kCaseKey);
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    SCOPED_TRACE(testing::Message() << "T " << shape.sequence << ", D " << shape.head_size
                                    << ", forward " << (pass == Pass::forward));
    cuda_test::on_each_architecture(
        [&](Stream& stream) { expect_passed(checks(pass, shape, b.input, run(pass, b, stream))); });
  }
}

TEST(RopeCuda, EqualsDefinitionWithinControl) {
  for (const Shape& shape : case_shapes()) {
    expect_definition<float>(shape);
    expect_definition<Bf16>(shape);
  }
}

TEST(RopeCuda, UnalignedRowsAreServed) {
  const Buffers<Bf16> b({2, 5, 3, 64, 4 * 64}, kCaseKey);
  cuda_test::on_each_architecture([&](Stream& stream) {
    EXPECT_EQ(cuda_test::bytes_of(run(Pass::forward, b, stream, 3)),
              cuda_test::bytes_of(run(Pass::forward, b, stream)));
  });
}

TEST(RopeCuda, SameBitsInAllOrders) {
  const Buffers<Bf16> b({2, 31, 18, 64, 20 * 64}, kCaseKey);
  cuda_test::expect_same_bits_in_all_orders(
      [&](Stream& stream) { return cuda_test::bytes_of(run(Pass::backward, b, stream)); });
}

/// The workloads as they are declared, at sizes that a CPU executes: outputs verified, bytes as the
/// contract says.
TEST(RopeCudaWorkload, VerifiesAndMovesTheBytesOfItsContract) {
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    cuda_test::expect_workload(cuda_workload(pass, {2, 24, 40, 128, 48 * 128}),
                               {.most_issued = 1.2});
  }
}

TEST(RopeCudaSweep, Shapes) {
  SKIP_UNLESS_SWEEPING();
  cuda_test::Sweep sweep(11);
  for (int i = 0; i < cuda_test::kSweepShapes; ++i) {
    const std::int64_t head_size = sweep.multiple(2, 256);
    const std::int64_t heads = sweep.extent(40);
    const std::int64_t row = heads * head_size;
    const std::int64_t sequence = sweep.extent(std::min<std::int64_t>(500, 1 + 20'000 / row));
    const Shape shape{sweep.extent(3), sequence, heads, head_size, row + sweep.draw(130)};
    expect_definition<float>(shape);
    expect_definition<Bf16>(shape);
  }
}

TEST(RopeCudaSweep, SameBitsInAllOrders) {
  SKIP_UNLESS_SWEEPING();
  for (const Shape& shape : case_shapes()) {
    const Buffers<float> b(shape, kCaseKey);
    cuda_test::expect_same_bits_in_all_orders_everywhere([&](Stream& stream) {
      return cuda_test::bytes_of(run(Pass::forward, b, stream), run(Pass::backward, b, stream));
    });
  }
}

}  // namespace
}  // namespace assay::rope
