/// What tb1's items take on a CUDA device, laid out without one.
#include <gtest/gtest.h>

#include "harness/basket_workloads.h"
#include "kernels/transformer/cuda_memory.h"

namespace assay::harness {
namespace {

/// A device of which only is known that it is one of CUDA's.
Device cuda_of(int compute_capability) {
  Device device;
  device.cuda = CudaChoice{};
  device.cuda->compute_capability = compute_capability;
  return device;
}

constexpr std::size_t kGigabyte = 1'000'000'000;

/// The state at 18 bytes a parameter is at most 22.2 GB, so that cards of 24 GB can be rated: with
/// what the driver and the library keep, each item has to fit such a card.
TEST(BasketMemory, EachItemOfTb1FitsACardOf24Gigabytes) {
  const Basket basket = load_basket("tb1");
  ASSERT_EQ(basket.items.size(), 5U);
  for (const int compute_capability : {80, 90}) {
    const Device device = cuda_of(compute_capability);
    for (const BasketItem& item : basket.items) {
      SCOPED_TRACE(item.name);
      EXPECT_TRUE(basket_workload(basket, item, device).on_cuda);
      const auto options = step_options(basket, item, device);
      EXPECT_LE(
          18U * static_cast<std::size_t>(transformer::list_parameters(options.model).parameters),
          22'300'000'000U);
      const auto fitted =
          transformer::fitted_to_memory(options, 24 * kGigabyte, compute_capability);
      EXPECT_EQ(fitted.batch * fitted.accumulation * fitted.sequence, item.tokens_per_step);
      // Only the largest state leaves no room for a row's activations.
      EXPECT_EQ(fitted.recompute, item.name == "llama-1b");
    }
  }
}

TEST(BasketMemory, ALargeDeviceTakesAllRowsAtOnce) {
  const Basket basket = load_basket("tb1");
  for (const BasketItem& item : basket.items) {
    const auto options = step_options(basket, item, cuda_of(90));
    const auto fitted = transformer::fitted_to_memory(options, 140 * kGigabyte, 90);
    EXPECT_EQ(fitted.accumulation, 1) << item.name;
    EXPECT_FALSE(fitted.recompute);
  }
}

}  // namespace
}  // namespace assay::harness
