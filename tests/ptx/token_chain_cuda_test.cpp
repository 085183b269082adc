/// The token chain's CUDA kernels draw the definition's tokens, on the functional device or a GPU.
#include "kernels/token_chain/token_chain_cuda.h"

#include <gtest/gtest.h>

#include "ptx/bytes.h"
#include "ptx/expect_workload.h"
#include "ptx/sweep.h"
#include "ptx/test_device.h"
#include "reference/token_chain_case.h"

namespace assay::token_chain {
namespace {

using cuda::Buffer;
using cuda::Stream;

std::vector<std::int32_t> drawn(const Stream& stream, const TokenLaw& law, const Case& c) {
  const DeviceLaw device_law(stream, law);
  const Buffer<Place> place(stream, std::vector<Place>{{c.draw, c.first_row}});
  const Buffer<std::int32_t> tokens(stream, c.room());
  draw(stream, device_law.view(), place.data(), c.rows, c.length, tokens.data());
  return tokens.to_host(stream);
}

TEST(TokenChainCuda, EqualsDefinition) {
  for (const std::int32_t vocabulary : {2, 3, 257, 50257, 128256}) {
    const TokenLaw law = make_token_law(0x1234567890ABCDEFULL, vocabulary);
    for (const Case& c : kCases) {
      cuda_test::on_each_architecture(
          [&](Stream& stream) { expect_definition(law, c, drawn(stream, law, c)); });
    }
  }
}

TEST(TokenChainCuda, SameTokensInAllOrders) {
  const TokenLaw law = make_token_law(3, 1000);
  cuda_test::expect_same_bits_in_all_orders([&](Stream& stream) {
    return cuda_test::bytes_of(drawn(stream, law, {9, 65, 0, 0}));
  });
}

TEST(TokenChainCuda, AdvancesByRowsAndByDraws) {
  cuda_test::on_each_architecture([](Stream& stream) {
    const Buffer<Place> place(stream, std::vector<Place>{{0xFFFFFFFFULL, 0xFFFFFFFFULL}});
    advance(stream, place.data(), 3);
    EXPECT_EQ(place.to_host(stream)[0].row, 0x100000002ULL);
    next_draw(stream, place.data(), 7);
    EXPECT_EQ(place.to_host(stream)[0].draw, 0x100000000ULL);
    EXPECT_EQ(place.to_host(stream)[0].row, 7U);
  });
}

TEST(TokenChainCuda, SplitsRowsIntoInputsAndTargets) {
  cuda_test::on_each_architecture([](Stream& stream) {
    const Buffer<std::int32_t> tokens(stream, std::vector<std::int32_t>{1, 2, 3, 4, 5, 6});
    const Buffer<std::int32_t> inputs(stream.device(), 4), targets(stream.device(), 4);
    split(stream, 2, 3, tokens.data(), inputs.data(), targets.data());
    EXPECT_EQ(inputs.to_host(stream), (std::vector<std::int32_t>{1, 2, 4, 5}));
    EXPECT_EQ(targets.to_host(stream), (std::vector<std::int32_t>{2, 3, 5, 6}));
  });
}

/// Its searches go beyond the compulsory bytes, by design: the contract's bytes are held, their
/// ratio is not.
TEST(TokenChainCudaWorkload, VerifiesAndMovesTheBytesOfItsContract) {
  cuda_test::expect_workload(cuda_workload({16, 513, 50257}), {});
}

TEST(TokenChainCudaSweep, Shapes) {
  SKIP_UNLESS_SWEEPING();
  cuda_test::Sweep sweep(13);
  for (int i = 0; i < cuda_test::kSweepShapes; ++i) {
    const auto vocabulary = static_cast<std::int32_t>(
        1 + sweep.extent(sweep.one_of<std::int64_t>({10, 1000, 140'000})));
    const TokenLaw law = make_token_law(static_cast<std::uint64_t>(i), vocabulary);
    const std::int64_t length = sweep.extent(2000);
    const Case c{sweep.extent(std::min<std::int64_t>(50, 1 + 20'000 / length)), length,
                 static_cast<std::uint64_t>(sweep.draw(1'000'000)),
                 static_cast<std::uint64_t>(sweep.draw(1'000'000))};
    cuda_test::on_each_architecture(
        [&](Stream& stream) { expect_definition(law, c, drawn(stream, law, c)); });
  }
}

TEST(TokenChainCudaSweep, SameTokensInAllOrders) {
  SKIP_UNLESS_SWEEPING();
  const TokenLaw law = make_token_law(4, 50257);
  for (const Case& c : kCases) {
    cuda_test::expect_same_bits_in_all_orders_everywhere(
        [&](Stream& stream) { return cuda_test::bytes_of(drawn(stream, law, c)); });
  }
}

}  // namespace
}  // namespace assay::token_chain
