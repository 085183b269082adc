/// The fills' CUDA kernels against the definition, on the functional device or a GPU.
#include "kernels/random/random_cuda.h"

#include <gtest/gtest.h>

#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/sweep.h"
#include "ptx/test_device.h"
#include "reference/random_case.h"

namespace assay::random {
namespace {

using cuda::Buffer;
using cuda::Stream;

/// n elements from `begin` elements into a buffer on; `fill(draw, out)` launches.
template <class T, class Fill>
std::vector<T> filled(const Stream& stream, std::int64_t n, std::size_t begin, const Fill& fill) {
  const Buffer<Draw> draw(stream, std::vector<Draw>{kDraw});
  const Buffer<T> out(stream, std::vector<T>(begin + static_cast<std::size_t>(n)));
  fill(draw.data(), out.data() + begin);
  auto values = out.to_host(stream);
  values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(begin));
  return values;
}

template <class T>
std::vector<T> normals(const Stream& stream, float mean, float deviation, std::int64_t n,
                       std::size_t begin = 0) {
  return filled<T>(stream, n, begin, [&](const Draw* draw, T* out) {
    normal(stream, draw, mean, deviation, n, out);
  });
}

std::vector<std::int32_t> integers_in(const Stream& stream, std::int32_t low, std::int32_t high,
                                      std::int64_t n, std::size_t begin = 0) {
  return filled<std::int32_t>(stream, n, begin, [&](const Draw* draw, std::int32_t* out) {
    integers(stream, draw, low, high, n, out);
  });
}

TEST(RandomCuda, NormalEqualsDefinition) {
  cuda_test::on_each_architecture([](Stream& stream) {
    for (const std::int64_t n : {20'000, 64, 63, 3, 1, 0}) {
      for (const std::size_t begin : {0, 1}) {
        expect_right(normal_check(kDraw, 0.0F, 1.0F, normals<float>(stream, 0.0F, 1.0F, n, begin)),
                     n);
        expect_right(
            normal_check(kDraw, 1.0F, 0.02F, normals<float>(stream, 1.0F, 0.02F, n, begin)), n);
        expect_right(normal_check(kDraw, 0.0F, 1.0F, normals<Bf16>(stream, 0.0F, 1.0F, n, begin)),
                     n);
      }
    }
  });
}

TEST(RandomCuda, NormalIsAsExactAsFloatAllows) {
  cuda_test::on_each_architecture([](Stream& stream) {
    expect_as_exact_as_float_allows(normals<float>(stream, 0.0F, 1.0F, 200'000));
  });
}

TEST(RandomCuda, IntegersEqualDefinition) {
  cuda_test::on_each_architecture([](Stream& stream) {
    for (const auto& [low, high] : kRanges) {
      for (const std::int64_t n : {10'000, 65, 1}) {
        expect_right(integers_check(kDraw, low, high, integers_in(stream, low, high, n)), n);
        expect_right(integers_check(kDraw, low, high, integers_in(stream, low, high, n, 3)), n);
      }
    }
  });
}

TEST(RandomCuda, AdvanceDrawsAnotherStream) {
  cuda_test::on_each_architecture([](Stream& stream) {
    const Buffer<Draw> draw(stream, std::vector<Draw>{kDraw});
    advance(stream, draw.data());
    const Draw next = draw.to_host(stream)[0];
    EXPECT_EQ(next.key, kDraw.key);
    EXPECT_EQ(next.stream, kDraw.stream + 1);
  });
}

TEST(RandomCuda, SameBitsInAllOrders) {
  cuda_test::expect_same_bits_in_all_orders([](Stream& stream) {
    return cuda_test::bytes_of(normals<float>(stream, 0.0F, 1.0F, 1001),
                               integers_in(stream, -3, 4, 1001));
  });
}

/// The workloads as they are declared, at sizes that a CPU executes: outputs verified, bytes as the
/// contract says.
TEST(RandomCudaWorkload, VerifiesAndMovesTheBytesOfItsContract) {
  cuda_test::expect_workload(cuda_normal_workload(65'536, Precision::fp32), {.most_issued = 1.2});
  cuda_test::expect_workload(cuda_normal_workload(65'536, Precision::bf16), {.most_issued = 1.2});
  cuda_test::expect_workload(cuda_integers_workload(65'536), {.most_issued = 1.2});
}

TEST(RandomCudaSweep, Sizes) {
  SKIP_UNLESS_SWEEPING();
  cuda_test::Sweep sweep(10);
  for (int i = 0; i < cuda_test::kSweepShapes; ++i) {
    const std::int64_t n = sweep.extent(30'000);
    const auto begin = static_cast<std::size_t>(sweep.draw(9));
    cuda_test::on_each_architecture([&](Stream& stream) {
      expect_right(normal_check(kDraw, 0.5F, 2.0F, normals<float>(stream, 0.5F, 2.0F, n, begin)),
                   n);
      expect_right(normal_check(kDraw, 0.0F, 1.0F, normals<Bf16>(stream, 0.0F, 1.0F, n, begin)), n);
      for (const auto& [low, high] : kRanges) {
        expect_right(integers_check(kDraw, low, high, integers_in(stream, low, high, n, begin)), n);
      }
    });
  }
}

TEST(RandomCudaSweep, SameBitsInAllOrders) {
  SKIP_UNLESS_SWEEPING();
  for (const std::int64_t n : {1, 4097, 20'000}) {
    cuda_test::expect_same_bits_in_all_orders_everywhere([&](Stream& stream) {
      return cuda_test::bytes_of(normals<float>(stream, 0.0F, 1.0F, n, 1),
                                 normals<Bf16>(stream, 0.0F, 1.0F, n),
                                 integers_in(stream, -3, 4, n, 1));
    });
  }
}

}  // namespace
}  // namespace assay::random
