/// Copy and triad on CUDA against the definition, on the functional device or a GPU. Results are
/// exact, so nothing needs a control.
#include "kernels/stream/stream_cuda.h"

#include <gtest/gtest.h>

#include "kernels/stream/stream_workload.h"
#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/sweep.h"
#include "ptx/test_device.h"

namespace assay::stream {
namespace {

using cuda::Buffer;
using cuda::Stream;

std::vector<double> ramp_of(std::int64_t n, double seed) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < n; ++i) values.push_back(ramp(seed, i));
  return values;
}

std::vector<double> run(Operation operation, std::int64_t n, double seed, const Stream& stream) {
  const Buffer<double> b(stream, ramp_of(n, seed)), c(stream, ramp_of(n, c_seed(seed)));
  const Buffer<double> a(stream.device(), b.size());
  operation == Operation::triad ? triad(stream, n, kScale, b.data(), c.data(), a.data())
                                : copy(stream, n, b.data(), a.data());
  return a.to_host(stream);
}

TEST(StreamCuda, EqualsDefinition) {
  cuda_test::on_each_architecture([](Stream& stream) {
    for (const Operation operation : {Operation::copy, Operation::triad}) {
      for (const std::int64_t n : {10'000, 4096, 2049, 2048, 2046, 513, 7, 2, 1}) {
        const auto a = run(operation, n, 17.0, stream);
        EXPECT_EQ(elements_that_differ(operation, n, 17.0, a.data()).error, 0.0) << n;
        EXPECT_GT(elements_that_differ(operation, n, 18.0, a.data()).error, 0.0) << n;
      }
    }
  });
}

TEST(StreamCuda, UnalignedArraysAreServed) {
  cuda_test::on_each_architecture([](Stream& stream) {
    std::vector<double> shifted = ramp_of(64, 3.0);
    shifted.insert(shifted.begin(), -1.0);
    const Buffer<double> b(stream, shifted), a(stream.device(), 64);
    copy(stream, 64, b.data() + 1, a.data());
    EXPECT_EQ(a.to_host(stream), ramp_of(64, 3.0));
  });
}

TEST(StreamCuda, SameBitsInAllOrders) {
  cuda_test::expect_same_bits_in_all_orders([](Stream& stream) {
    return cuda_test::bytes_of(run(Operation::triad, 5000, 17.0, stream));
  });
}

/// The workloads as they are declared, at a size that a CPU executes: outputs verified, bytes as
/// the contract says.
TEST(StreamCudaWorkload, VerifiesAndMovesTheBytesOfItsContract) {
  for (const Operation operation : {Operation::copy, Operation::triad}) {
    cuda_test::expect_workload(cuda_workload(operation, 20'000), {.most_issued = 1.0});
  }
}

TEST(StreamCudaWorkload, VerifiesOnlyOnceItHasRun) {
  cuda_test::on_each_architecture([](Stream& stream) {
    const Instance instance = cuda_workload(Operation::triad, 3000).on_cuda(stream, {42});
    EXPECT_FALSE(instance.verify().front().passed()) << "nothing was computed yet";
    instance.iterate();
    EXPECT_TRUE(instance.verify().front().passed());
  });
}

TEST(StreamCudaSweep, Sizes) {
  SKIP_UNLESS_SWEEPING();
  cuda_test::Sweep sweep(12);
  for (int i = 0; i < cuda_test::kSweepShapes; ++i) {
    const std::int64_t n = sweep.extent(50'000);
    cuda_test::on_each_architecture([&](Stream& stream) {
      for (const Operation operation : {Operation::copy, Operation::triad}) {
        const auto a = run(operation, n, 17.0, stream);
        EXPECT_EQ(elements_that_differ(operation, n, 17.0, a.data()).error, 0.0) << n;
      }
    });
  }
}

TEST(StreamCudaSweep, SameBitsInAllOrders) {
  SKIP_UNLESS_SWEEPING();
  for (const std::int64_t n : {1, 2049, 20'001}) {
    cuda_test::expect_same_bits_in_all_orders_everywhere([&](Stream& stream) {
      return cuda_test::bytes_of(run(Operation::copy, n, 17.0, stream),
                                 run(Operation::triad, n, 17.0, stream));
    });
  }
}

}  // namespace
}  // namespace assay::stream
