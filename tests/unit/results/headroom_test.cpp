/// Kernels against the roof of their run, and what items would gain if Assay's own reached it.
#include "results/edition/headroom.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

ItemFigures kernel(const std::string& family, double flops, double bytes, double seconds,
                   const std::string& precision = "bf16") {
  ItemFigures figures;
  figures.workload = family + "/operation";
  figures.family = family;
  figures.kind = "kernel";
  figures.precision = precision;
  figures.flops = static_cast<std::int64_t>(flops);
  figures.bytes = static_cast<std::int64_t>(bytes);
  figures.median_s = seconds;
  return figures;
}

/// 800 TFLOP/s in BF16 and 3 TB/s.
std::vector<ItemFigures> roofs_and(std::vector<ItemFigures> more) {
  std::vector<ItemFigures> all = {
      kernel("gemm", 8e11, 1e8, 1e-3),         kernel("gemm", 4e11, 1e8, 1e-3),
      kernel("stream", 0, 3e9, 1e-3, "fp64"),  kernel("stream", 0, 2e9, 1e-3, "fp64"),
      kernel("links", 0, 2.7e8, 5e-3, "fp32"),
  };
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

ResultDocument step_with(const std::map<std::string, double>& seconds) {
  ResultDocument result;
  ItemRecord item;
  item.workload = "transformer/step";
  item.basket_item = "item";
  item.seconds_by_family = seconds;
  result.processes.resize(2);
  result.processes[0].items = {item};
  result.processes[1].items = {item};
  return result;
}

TEST(Roofs, AreTheBestOfTheRun) {
  const Roofs roofs = measured_roofs(roofs_and({}));
  EXPECT_DOUBLE_EQ(roofs.flops_per_s.at("bf16"), 8e14);
  EXPECT_DOUBLE_EQ(*roofs.bytes_per_s, 3e12);
  // Bound by arithmetic, by memory, and served by a cache.
  EXPECT_DOUBLE_EQ(*roof_share(kernel("attention", 4e11, 1e8, 1e-3), roofs).value, 0.5);
  EXPECT_DOUBLE_EQ(*roof_share(kernel("norm", 1e9, 6e8, 1e-3), roofs).value, 0.2);
  EXPECT_DOUBLE_EQ(*roof_share(kernel("norm", 0, 6e8, 1e-4), roofs).value, 2.0);
}

TEST(Roofs, KnowTheWorkloadTheyAreTakenFrom) {
  const auto kernels = roofs_and({});
  const Roofs roofs = measured_roofs(kernels);
  std::vector<bool> is_roof;
  for (const ItemFigures& each : kernels) is_roof.push_back(is_measured_roof(each, roofs));
  EXPECT_THAT(is_roof, ::testing::ElementsAre(true, false, true, false, false));
  ItemFigures wrong = kernel("gemm", 9e15, 1e8, 1e-3);
  wrong.failures.push_back("output");
  EXPECT_FALSE(is_measured_roof(wrong, roofs));
  // As fast as the roof, but no roof is taken from its family.
  EXPECT_FALSE(is_measured_roof(kernel("norm", 0, 3e9, 1e-3, "fp64"), roofs));
}

TEST(Roofs, WhatTheRunLacksIsNamed) {
  const Roofs none = measured_roofs({});
  EXPECT_EQ(roof_share(kernel("norm", 0, 6e8, 1e-3), none).reason, "no copy or triad in this run");
  EXPECT_EQ(roof_share(kernel("attention", 1, 0, 1e-3), none).reason,
            "no product in bf16 in this run");
  EXPECT_DOUBLE_EQ(
      *roof_share(kernel("stream", 2e8, 2.4e9, 1e-3, "fp64"), measured_roofs(roofs_and({}))).value,
      0.8);
  const Roofs roofs = measured_roofs(roofs_and({}));
  EXPECT_FALSE(roof_share(kernel("links", 0, 1e9, 1e-3), roofs).has_value());
  ItemFigures wrong = kernel("gemm", 9e15, 1e8, 1e-3);
  wrong.failures.push_back("output");
  EXPECT_DOUBLE_EQ(measured_roofs(roofs_and({wrong})).flops_per_s.at("bf16"), 8e14);
  EXPECT_FALSE(roof_share(wrong, roofs).has_value());
}

TEST(Headroom, IsTheTimeThatRoofsWouldSave) {
  // Attention at half its roof has 20 % of the time, norms at a fifth have 10 %.
  const auto kernels =
      roofs_and({kernel("attention", 4e11, 1e8, 1e-3), kernel("norm", 1e9, 6e8, 1e-3)});
  const auto all = implementation_headroom(
      step_with({{"gemm", 0.7}, {"attention_forward", 0.2}, {"norm", 0.1}}), kernels);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].basket_item, "item");
  EXPECT_DOUBLE_EQ(all[0].own_share, 0.3);
  EXPECT_NEAR(*all[0].own_roof_share.value, (0.2 * 0.5 + 0.1 * 0.2) / 0.3, 1e-12);
  EXPECT_NEAR(*all[0].headroom.value, 0.2 * 0.5 + 0.1 * 0.8, 1e-12);
}

TEST(Headroom, UnmeasuredFamiliesAreNamedUnlessTheyWeighNothing) {
  const auto kernels = roofs_and({kernel("attention", 4e11, 1e8, 1e-3)});
  const auto unknown = implementation_headroom(
      step_with({{"gemm", 0.7}, {"attention_forward", 0.2}, {"norm", 0.1}}), kernels);
  EXPECT_DOUBLE_EQ(unknown[0].own_share, 0.3);
  EXPECT_EQ(unknown[0].headroom.reason, "not measured in this run: norm");
  const auto small = implementation_headroom(
      step_with({{"gemm", 0.796}, {"attention_forward", 0.2}, {"norm", 0.004}}), kernels);
  EXPECT_NEAR(*small[0].headroom.value, 0.1, 1e-12);
  EXPECT_EQ(implementation_headroom(step_with({}), kernels)[0].headroom.reason,
            "no kernel took time");
  EXPECT_TRUE(implementation_headroom(ResultDocument{}, kernels).empty());
}

}  // namespace
}  // namespace assay
