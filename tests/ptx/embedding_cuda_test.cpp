/// The embedding's CUDA kernels against the definition, on the functional device or a GPU.
#include "kernels/embedding/embedding_cuda.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/sweep.h"
#include "ptx/test_device.h"
#include "reference/embedding_case.h"
#include "reference/expect_passed.h"

namespace assay::embedding {
namespace {

using cuda::Buffer;
using cuda::Stream;
using Tokens = std::vector<std::int32_t>;

template <class T>
Outputs<T> run(const Case<T>& c, const Stream& stream) {
  const Buffer<std::int32_t> tokens(stream, c.tokens);
  const Buffer<T> wte(stream, c.wte), wpe(stream, c.wpe), dx(stream, c.dx);
  const Buffer<T> x(stream.device(), c.dx.size());
  const Buffer<float> dwte(stream, c.start.dwte), dwpe(stream, c.start.dwpe);
  const Buffer<Occurrence> ordered(stream.device(), ordered_size(c.shape));
  // What no block writes must not be read: then a sum is no number.
  const std::vector<float> unwritten(parts_size(c.shape), std::numeric_limits<float>::quiet_NaN());
  const Buffer<float> parts(stream, unwritten);
  forward(stream, c.shape, tokens.data(), wte.data(), c.positions ? wpe.data() : nullptr, x.data());
  backward(stream, c.shape, tokens.data(), dx.data(), dwte.data(),
           c.positions ? dwpe.data() : nullptr, {ordered.data(), parts.data()});
  return {x.to_host(stream), {dwte.to_host(stream), dwpe.to_host(stream)}};
}

template <class T>
void expect_definition(const Stream& stream, const Case<T>& c) {
  SCOPED_TRACE(testing::Message() << c.shape.batch << 'x' << c.shape.sequence << 'x'
                                  << c.shape.width << " of " << c.shape.vocabulary);
  expect_passed(checks(c, run(c, stream)));
}

TEST(EmbeddingCuda, EqualsDefinitionWithinControl) {
  cuda_test::on_each_architecture([](Stream& stream) {
    expect_definition(stream, Case<Bf16>({2, 16, 96, 40}, true));
    expect_definition(stream, Case<float>({2, 16, 96, 40}, false));
    expect_definition(stream, Case<float>({5, 3, 12, 40}, true));
    expect_definition(stream, Case<Bf16>({3, 5, 37, 7}, false));
    expect_definition(stream, Case<float>({3, 5, 37, 7}, true));
    expect_definition(stream, Case<Bf16>({1, 1, 1, 2}, true));
    expect_definition(stream, Case<Bf16>({18, 3, 8, 3}, true));     // two shares of the batch
    expect_definition(stream, Case<Bf16>({1, 70, 2056, 9}, true));  // rows beyond one block
  });
}

/// Token k as often as 1 / (k + 1): what text looks like.
Tokens zipf(std::int64_t positions, std::int32_t vocabulary) {
  Tokens tokens = integer_input(8, 1, positions, 1 << 20);
  for (std::int32_t& token : tokens) {
    const double u = (token + 0.5) / (1 << 20);
    token = static_cast<std::int32_t>(std::pow(vocabulary, u)) - 1;
  }
  return tokens;
}

/// Token k at positions 32·k to 32·k + 31: runs end with a tile.
Tokens whole_tiles() {
  Tokens tokens(192);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<std::int32_t>(i / kTile);
  return tokens;
}

TEST(EmbeddingCuda, RunsThatCrossTiles) {
  cuda_test::on_each_architecture([](Stream& stream) {
    // More positions than the ordering reads at a time, tokens that fill several tiles.
    expect_definition(stream, Case<Bf16>({3, 700, 8, 500}, false, zipf(2100, 500)));
    // One token everywhere: runs of more tiles than a warp looks at, the last one whole or not.
    expect_definition(stream, Case<Bf16>({1, 1200, 8, 3}, false, Tokens(1200, 2)));
    expect_definition(stream, Case<float>({1, 1088, 4, 200}, false, Tokens(1088, 130)));
    expect_definition(stream, Case<Bf16>({1, 192, 16, 6}, false, whole_tiles()));
  });
}

TEST(EmbeddingCuda, LargestVocabularies) {
  for (const std::int32_t vocabulary : {50257, 128256, 131072}) {
    const std::int32_t last = vocabulary - 1;
    const Case<Bf16> c({1, 9, 8, vocabulary}, true,
                       Tokens{0, 127, 128, last, last, 50256, 128, last - 128, last});
    cuda_test::on_each_architecture([&](Stream& stream) { expect_definition(stream, c); });
  }
  const Case<float> c({2, 40, 4, 50257}, false, zipf(80, 50257));
  cuda_test::on_each_architecture([&](Stream& stream) { expect_definition(stream, c); });
}

TEST(EmbeddingCuda, SameBitsInAllOrders) {
  const Case<Bf16> c({2, 600, 16, 300}, true, zipf(1200, 300));
  cuda_test::expect_same_bits_in_all_orders([&](Stream& stream) {
    const auto out = run(c, stream);
    return cuda_test::bytes_of(out.x, out.gradients.dwte, out.gradients.dwpe);
  });
}

/// The workloads as they are declared, at sizes that a CPU executes: outputs verified even after
/// many iterations, bytes as the contract says (the backward pass reads dx twice).
TEST(EmbeddingCudaWorkload, VerifiesAndMovesTheBytesOfItsContract) {
  const Shape shape{4, 256, 384, 2000};
  cuda_test::expect_workload(cuda_workload(Pass::forward, shape), {.most_issued = 1.2});
  cuda_test::expect_workload(cuda_workload(Pass::backward, shape), {});
}

TEST(EmbeddingCudaWorkload, RefusesVocabulariesBeyondItsGroups) {
  cuda_test::on_each_architecture([](Stream& stream) {
    EXPECT_THROW(backward<float>(stream, {1, 1, 4, (kMaxSlots << kMaxGroupBits) + 1}, nullptr,
                                 nullptr, nullptr, nullptr, {}),
                 Error);
  });
}

TEST(EmbeddingCudaSweep, Shapes) {
  SKIP_UNLESS_SWEEPING();
  cuda_test::Sweep sweep(6);
  for (int i = 0; i < cuda_test::kSweepShapes; ++i) {
    const auto vocabulary = static_cast<std::int32_t>(i % 10 == 0   ? 128'256
                                                      : i % 10 == 5 ? 50'257
                                                                    : 1 + sweep.extent(3000));
    const std::int64_t width = sweep.extent(vocabulary > 4000 ? 16 : 600);
    const std::int64_t batch = sweep.extent(20);
    const std::int64_t sequence =
        sweep.extent(std::min<std::int64_t>(1200, 1 + 40'000 / width / batch));
    const Tokens tokens = i % 2 == 0 ? zipf(batch * sequence, vocabulary)
                                     : integer_input(8, 2, batch * sequence, vocabulary);
    const Shape shape{batch, sequence, width, vocabulary};
    const Case<Bf16> bf16(shape, i % 3 == 0, tokens);
    const Case<float> fp32(shape, i % 3 == 1, tokens);
    cuda_test::on_each_architecture([&](Stream& stream) {
      expect_definition(stream, bf16);
      expect_definition(stream, fp32);
    });
  }
}

TEST(EmbeddingCudaSweep, SameBitsInAllOrders) {
  SKIP_UNLESS_SWEEPING();
  for (const Shape& shape : {Shape{3, 700, 5, 500}, Shape{18, 3, 264, 7}, Shape{1, 90, 8, 50257}}) {
    const Case<float> c(
        shape, true,
        zipf(shape.batch * shape.sequence, static_cast<std::int32_t>(shape.vocabulary)));
    cuda_test::expect_same_bits_in_all_orders_everywhere([&](Stream& stream) {
      const auto out = run(c, stream);
      return cuda_test::bytes_of(out.x, out.gradients.dwte, out.gradients.dwpe);
    });
  }
}

}  // namespace
}  // namespace assay::embedding
