/// Attention's CUDA kernels against the definition, on the functional device or a GPU.
#include "kernels/attention/attention_cuda.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "kernels/attention/attention_workload.h"
#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/test_device.h"
#include "reference/attention_case.h"

namespace assay::attention {
namespace {

using cuda::Buffer;
using cuda::Stream;

/// Device memory of a case. Every byte of the gradients is 0xFF before a kernel writes it.
template <class T>
struct OnDevice {
  std::int64_t k, v;
  Buffer<T> qkv, dout, out, dqkv;
  Buffer<float> log_sum, workspace;

  OnDevice(const Case<T>& c, const Stream& stream)
      : k(keys_at(c.shape)),
        v(values_at(c.shape)),
        qkv(stream, c.qkv),
        dout(stream, c.dout),
        out(stream.device(), c.dout.size()),
        dqkv(stream, std::vector<T>(c.qkv.size(), T{0xFFFF})),
        log_sum(stream.device(), backward_workspace_floats(c.shape)),
        workspace(stream.device(), backward_workspace_floats(c.shape)) {}

  [[nodiscard]] Forward<T> forward() const {
    return {qkv.data(), qkv.data() + k, qkv.data() + v, out.data(), log_sum.data()};
  }
  [[nodiscard]] Backward<T> backward() const {
    return {qkv.data(),  qkv.data() + k, qkv.data() + v,  out.data(),     log_sum.data(),
            dout.data(), dqkv.data(),    dqkv.data() + k, dqkv.data() + v};
  }
  [[nodiscard]] Results<T, float> results(const Stream& stream) const {
    return {out.to_host(stream), dqkv.to_host(stream), log_sum.to_host(stream)};
  }
};

/// Forward, then backward from what it left.
template <class T>
Results<T, float> run(const Case<T>& c, const Stream& stream) {
  const OnDevice<T> device(c, stream);
  forward(stream, c.shape, device.forward());
  backward(stream, c.shape, device.backward(), device.workspace.data());
  return device.results(stream);
}

template <class T>
void expect_definition(const Shape& shape) {
  SCOPED_TRACE(text(shape));
  const Case<T> c(shape);
  cuda_test::on_each_architecture([&](Stream& stream) {
    for (const Check& check : checks(c, run(c, stream))) {
      EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
    }
  });
}

TEST(AttentionCuda, EqualsDefinitionAtHeadSize64) {
  expect_definition<Bf16>(shape_of(2, 1, 1, 1, 64));
  expect_definition<Fp16>(shape_of(1, 17, 6, 2, 64, 8));
  expect_definition<Bf16>(shape_of(1, 65, 4, 1, 64, 24));
  expect_definition<Fp16>(shape_of(1, 128, 1, 1, 64));
  expect_definition<Bf16>(shape_of(1, 200, 1, 1, 64));
}

TEST(AttentionCuda, EqualsDefinitionAtHeadSize128) {
  expect_definition<Fp16>(shape_of(1, 1, 1, 1, 128));
  expect_definition<Bf16>(shape_of(1, 17, 2, 1, 128));
  expect_definition<Fp16>(shape_of(1, 64, 1, 1, 128, 8));
  expect_definition<Bf16>(shape_of(1, 200, 1, 1, 128));
}

TEST(AttentionCuda, SameBitsInAllOrders) {
  const Case<Bf16> c(shape_of(1, 130, 1, 1, 64));
  cuda_test::expect_same_bits_in_all_orders([&](Stream& stream) {
    const auto results = run(c, stream);
    return cuda_test::bytes_of(results.out, results.dqkv, results.log_sum);
  });
}

/// The tile of devices with 99 KiB of shared memory, and sections that don't divide the heads.
TEST(AttentionCuda, SmallTileEqualsDefinition) {
  const Case<Fp16> c(shape_of(1, 100, 3, 1, 128));
  const auto control =
      define(c.shape, to_single(c.qkv), to_single(c.dout), {}, control_weights<Fp16>());
  const auto exact = define(c.shape, to_double(c.qkv), to_double(c.dout));
  cuda_test::on_each_architecture([&](Stream& stream) {
    using Tile = ForwardD128Small;
    const OnDevice<Fp16> device(c, stream);
    const Schedule schedule{2, 3, 2};
    cuda::launch<attention_forward_fp16_d128_small>(
        stream, {.grid = {6}, .block = {Tile::kThreads}, .shared_bytes = Tile::kSharedBytes},
        c.shape, device.forward(), schedule);
    const auto output = device.results(stream);
    const Check check =
        compare_with_control("out", to_double(output.out), stored_as<Fp16>(control.out), exact.out);
    EXPECT_TRUE(check.passed()) << check.error << " > " << check.bound;
  });
}

/// A later token changes nothing before it, not even a bit; elements between rows stay untouched.
TEST(AttentionCuda, SeesNoFutureAndWritesNoGap) {
  constexpr std::int64_t kGap = 8;
  constexpr std::int64_t kChanged = 70;
  const Case<Bf16> c(shape_of(1, 80, 1, 1, 64, kGap));
  Case<Bf16> other = c;
  for (std::int64_t i = 0; i < c.shape.row_stride; ++i) {
    other.qkv[static_cast<std::size_t>(kChanged * c.shape.row_stride + i)] = to_bf16(1e30F);
  }
  cuda_test::on_each_architecture([&](Stream& stream) {
    const auto before = run(c, stream);
    const auto after = run(other, stream);
    EXPECT_EQ(std::memcmp(before.out.data(), after.out.data(), kChanged * 64 * sizeof(Bf16)), 0);
    for (std::int64_t row = 0; row < c.shape.sequence; ++row) {
      for (std::int64_t i = c.shape.row_stride - kGap; i < c.shape.row_stride; ++i) {
        const auto at = static_cast<std::size_t>(row * c.shape.row_stride + i);
        EXPECT_EQ(before.dqkv[at].bits, 0xFFFF);
      }
    }
  });
}

/// The workloads as they are declared, at sizes that a CPU executes. Tiles of keys are read by each
/// block of queries, so bytes exceed the compulsory ones by a factor that grows with T.
TEST(AttentionCudaWorkload, VerifiesAndMovesTheBytesOfItsContract) {
  for (const Pass pass : {Pass::forward, Pass::backward}) {
    cuda_test::expect_workload(cuda_workload(pass, packed({1, 256, 2, 1, 64, 0}), Precision::bf16),
                               {});
    cuda_test::expect_workload(cuda_workload(pass, packed({1, 128, 1, 1, 128, 0}), Precision::fp16),
                               {});
  }
}

TEST(AttentionCuda, RefusesWhatItCannotCompute) {
  cuda_test::on_each_architecture([](Stream& stream) {
    const Buffer<Bf16> memory(stream.device(), 64);
    Bf16* const p = memory.data();
    const Forward<Bf16> aligned{p, p, p, p, nullptr};
    const Forward<Bf16> misaligned{p, p + 4, p, p, nullptr};
    EXPECT_THROW(forward(stream, shape_of(1, 4, 2, 1, 96), aligned), Error);
    EXPECT_THROW(forward(stream, shape_of(1, 4, 2, 1, 64, 4), aligned), Error);
    EXPECT_THROW(forward(stream, shape_of(1, 4, 3, 2, 64), aligned), Error);
    EXPECT_THROW(forward(stream, shape_of(1, 4, 2, 1, 64), misaligned), Error);
  });
}

}  // namespace
}  // namespace assay::attention
