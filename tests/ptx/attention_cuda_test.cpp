/// Attention's CUDA kernels against the definition, on the functional device or a GPU.
#include "kernels/attention/attention_cuda.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "kernels/attention/attention_workload.h"
#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/sweep.h"
#include "ptx/test_device.h"
#include "reference/attention_case.h"
#include "support/expect_error.h"

namespace assay::attention {
namespace {

using cuda::Buffer;
using cuda::Stream;

void on_each_device(const std::function<void(Stream&)>& body) {
  cuda_test::on_each_architecture(body, {}, kLeastComputeCapability);
}

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
  on_each_device([&](Stream& stream) {
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
  expect_definition<Fp16>(shape_of(2, 33, 3, 3, 64, 8));
}

TEST(AttentionCuda, EqualsDefinitionAtHeadSize128) {
  expect_definition<Fp16>(shape_of(1, 1, 1, 1, 128));
  expect_definition<Bf16>(shape_of(1, 17, 2, 1, 128));
  expect_definition<Fp16>(shape_of(1, 64, 1, 1, 128, 8));
  expect_definition<Bf16>(shape_of(1, 200, 1, 1, 128));
}

/// Query heads of one key head after another, each over several stages of both passes' tiles; and
/// the second sequence's rows.
TEST(AttentionCuda, GroupsOfHeadsOverSeveralStages) {
  expect_definition<Bf16>(shape_of(2, 70, 2, 1, 128, 8));
}

template <class T>
std::vector<std::byte> bits_of(const Case<T>& c, const Stream& stream) {
  const auto results = run(c, stream);
  return cuda_test::bytes_of(results.out, results.dqkv, results.log_sum);
}

TEST(AttentionCuda, SameBitsInAllOrders) {
  const Case<Bf16> small_heads(shape_of(1, 130, 1, 1, 64));
  cuda_test::expect_same_bits_in_all_orders([&](Stream& s) { return bits_of(small_heads, s); },
                                            kLeastComputeCapability);
  const Case<Fp16> groups(shape_of(1, 70, 2, 1, 128));
  cuda_test::expect_same_bits_in_all_orders([&](Stream& s) { return bits_of(groups, s); },
                                            kLeastComputeCapability);
}

/// The tile of devices with 99 KiB of shared memory, and sections that don't divide the heads; the
/// backward pass takes the statistics that it leaves.
template <auto* Entry, class T>
void expect_small_tile_definition(const Shape& shape) {
  SCOPED_TRACE(text(shape));
  const Case<T> c(shape);
  on_each_device([&](Stream& stream) {
    using Tile = ForwardD128Small;
    const OnDevice<T> device(c, stream);
    const auto blocks = cuda::blocks_for(shape.sequence, Tile::kQueries);
    const auto heads = static_cast<unsigned>(shape.batch * shape.heads);
    const Schedule schedule{static_cast<int>(blocks), static_cast<int>(heads), 2};
    cuda::launch<Entry>(
        stream,
        {.grid = {blocks * heads}, .block = {Tile::kThreads}, .shared_bytes = Tile::kSharedBytes},
        shape, device.forward(), schedule);
    backward(stream, shape, device.backward(), device.workspace.data());
    for (const Check& check : checks(c, device.results(stream))) {
      EXPECT_TRUE(check.passed()) << check.name << ' ' << check.error << " > " << check.bound;
    }
  });
}

TEST(AttentionCuda, SmallTileEqualsDefinition) {
  expect_small_tile_definition<attention_forward_fp16_d128_small, Fp16>(shape_of(1, 70, 3, 1, 128));
  expect_small_tile_definition<attention_forward_bf16_d128_small, Bf16>(shape_of(1, 66, 1, 1, 128));
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
  on_each_device([&](Stream& stream) {
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
  on_each_device([](Stream& stream) {
    const Buffer<Bf16> memory(stream.device(), 64);
    Bf16* const p = memory.data();
    const Forward<Bf16> aligned{p, p, p, p, nullptr};
    const Forward<Bf16> misaligned{p, p + 4, p, p, nullptr};
    EXPECT_THROW(forward(stream, shape_of(1, 4, 2, 1, 96), aligned), Error);
    EXPECT_THROW(forward(stream, shape_of(1, 4, 3, 2, 64), aligned), Error);
    EXPECT_THROW(forward(stream, shape_of(1, 4, 2, 1, 64), misaligned), Error);
  });
}

/// Devices that take the small tile, which asks for each key once more.
TEST(AttentionCudaWorkload, MovesTheBytesOfTheTileThatIsLaunched) {
  if (!cuda_test::is_functional()) GTEST_SKIP() << "on the functional device only";
  if (cuda_test::first_architecture_from(kLeastComputeCapability) != 80) {
    GTEST_SKIP() << "no code for compute capability 8.0, which 8.6 executes too";
  }
  const Workload workload =
      cuda_workload(Pass::forward, packed({1, 192, 1, 1, 128, 0}), Precision::bf16);
  std::uint64_t of_larger_tile = 0;
  for (const int architecture : {80, 86}) {
    cuda_test::on_architecture(architecture, [&](Stream& stream) {
      cuda_test::expect_workload_on(stream, workload, {});
      const std::uint64_t issued = workload.cuda_bytes_issued(stream.device().facts());
      EXPECT_GT(issued, of_larger_tile);
      of_larger_tile = issued;
    });
  }
}

/// The code for Turing is a trap: no launch may reach it.
TEST(AttentionCuda, RefusesDevicesBelow80) {
  if (!cuda_test::is_functional()) GTEST_SKIP() << "on the functional device only";
  cuda_test::on_architecture(75, [](Stream& stream) {
    const Buffer<Bf16> memory(stream.device(), 64);
    Bf16* const p = memory.data();
    const Shape shape = shape_of(1, 4, 2, 1, 64);
    EXPECT_THROW(forward(stream, shape, Forward<Bf16>{p, p, p, p, nullptr}), Error);
    EXPECT_THROW(backward(stream, shape, Backward<Bf16>{p, p, p, p, nullptr, p, p, p, p}, nullptr),
                 Error);
  });
}

/// Tiles come by copies of 16 bytes, so rows at other multiples are refused, by both passes.
TEST(AttentionCuda, RefusesRowsAtNoMultipleOf16Bytes) {
  on_each_device([](Stream& stream) {
    for (const std::int64_t gap : {1, 2, 4, 7, 9}) {
      const Case<Bf16> c(shape_of(1, 4, 2, 1, 64, gap));
      const OnDevice<Bf16> device(c, stream);
      const std::vector<std::string> parts = {std::to_string(c.shape.row_stride),
                                              "a row stride of a multiple of 8 elements"};
      expect_input_error([&] { forward(stream, c.shape, device.forward()); }, parts);
      expect_input_error(
          [&] { backward(stream, c.shape, device.backward(), device.workspace.data()); }, parts);
    }
  });
}

TEST(AttentionCudaSweep, Shapes) {
  SKIP_UNLESS_SWEEPING();
  cuda_test::Sweep sweep(3);
  for (int i = 0; i < cuda_test::kSweepShapes; ++i) {
    const std::int64_t sequence = sweep.extent(300);
    const std::int64_t kv_heads = sweep.extent(2);
    const std::int64_t heads = kv_heads * sweep.one_of<std::int64_t>({1, 1, 2, 3, 4});
    // As much work for short sequences as for long ones.
    const std::int64_t batch = heads * sequence < 200 ? sweep.extent(3) : 1;
    const Shape shape =
        shape_of(batch, sequence, heads, kv_heads, i % 2 == 0 ? 64 : 128, 8 * sweep.draw(4));
    i % 4 < 2 ? expect_definition<Bf16>(shape) : expect_definition<Fp16>(shape);
  }
}

TEST(AttentionCudaSweep, SameBitsInAllOrders) {
  SKIP_UNLESS_SWEEPING();
  for (const Shape& shape : {shape_of(2, 65, 4, 2, 64, 8), shape_of(1, 129, 2, 1, 128),
                             shape_of(1, 33, 3, 3, 128, 24)}) {
    SCOPED_TRACE(text(shape));
    const Case<Bf16> bf16(shape);
    const Case<Fp16> fp16(shape);
    cuda_test::expect_same_bits_in_all_orders_everywhere(
        [&](Stream& stream) { return bits_of(bf16, stream); }, kLeastComputeCapability);
    cuda_test::expect_same_bits_in_all_orders_everywhere(
        [&](Stream& stream) { return bits_of(fp16, stream); }, kLeastComputeCapability);
  }
}

}  // namespace
}  // namespace assay::attention
