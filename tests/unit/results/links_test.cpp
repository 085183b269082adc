/// Bus bandwidths by their definitions, and links that can't carry what is claimed of them.
#include "results/edition/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

ItemRecord link_record(const std::string& operation, std::int64_t devices) {
  ItemRecord record;
  record.family = "links";
  record.workload = "links/" + operation + "/bytes1048576/fp32";
  record.problem = {{"bytes", 1048576}};
  if (devices > 0) record.problem["devices"] = devices;
  GpuFigures gpu;
  gpu["pcie_generation"] = Stated<double>::known(5.0);
  gpu["pcie_lanes"] = Stated<double>::known(16.0);
  gpu["nvlinks_active"] = Stated<double>::known(18.0);
  record.telemetry.gpu = Stated<GpuFigures>::known(gpu);
  return record;
}

std::optional<Accelerator> with_nvlink(double both_directions_gb_per_s) {
  Accelerator accelerator;
  accelerator.nvlink_gb_per_s = both_directions_gb_per_s;
  return accelerator;
}

TEST(Links, BusFactorsAreThoseOfTheirDefinition) {
  EXPECT_DOUBLE_EQ(bus_factor(link_record("all_reduce", 8)), 1.75);
  EXPECT_DOUBLE_EQ(bus_factor(link_record("all_gather", 8)), 0.875);
  EXPECT_DOUBLE_EQ(bus_factor(link_record("reduce_scatter", 4)), 0.75);
  EXPECT_DOUBLE_EQ(bus_factor(link_record("all_to_all", 2)), 0.5);
  EXPECT_DOUBLE_EQ(bus_factor(link_record("peer_copy", 0)), 1.0);
}

TEST(Links, RatesOfPciExpress) {
  EXPECT_NEAR(*pcie_gb_per_s(3, 16), 15.754, 1e-3);
  EXPECT_NEAR(*pcie_gb_per_s(4, 16), 31.508, 1e-3);
  EXPECT_NEAR(*pcie_gb_per_s(5, 16), 63.015, 1e-3);
  EXPECT_DOUBLE_EQ(*pcie_gb_per_s(2, 8), 4.0);
  EXPECT_EQ(pcie_gb_per_s(9, 16), std::nullopt);
}

TEST(Links, WhatALinkCannotCarryFails) {
  const auto h100 = with_nvlink(900.0);
  // 450 GB/s in one direction.
  EXPECT_TRUE(judge_link(link_record("all_gather", 8), 514.0, h100)->passed);
  EXPECT_FALSE(judge_link(link_record("all_gather", 8), 515.0, h100)->passed);
  EXPECT_TRUE(judge_link(link_record("peer_copy", 0), 449.0, h100)->passed);
  EXPECT_FALSE(judge_link(link_record("peer_copy", 0), 451.0, h100)->passed);
  EXPECT_TRUE(judge_link(link_record("host_to_device", 0), 63.0, h100)->passed);
  EXPECT_FALSE(judge_link(link_record("host_to_device", 0), 63.1, h100)->passed);
  EXPECT_TRUE(judge_link(link_record("host_both_ways", 0), 126.0, h100)->passed);
  EXPECT_FALSE(judge_link(link_record("host_both_ways", 0), 126.1, h100)->passed);
  EXPECT_FALSE(judge_link(link_record("all_reduce", 2), 64.0, with_nvlink(0.0))->passed);
}

TEST(Links, ASwitchThatReducesExplainsAnAllReduceAndNoMore) {
  const auto h100 = with_nvlink(900.0);
  const auto within = judge_link(link_record("all_reduce", 8), 257.0, h100);
  EXPECT_TRUE(within->passed && within->reason.empty());
  const auto reduced = judge_link(link_record("all_reduce", 8), 280.0, h100);
  EXPECT_TRUE(reduced->passed);
  EXPECT_THAT(reduced->reason, ::testing::HasSubstr("490 GB/s of bus bandwidth exceed"));
  EXPECT_FALSE(judge_link(link_record("all_reduce", 8), 451.0, h100)->passed);
}

TEST(Links, NothingIsSaidWhereTheRateIsUnknown) {
  EXPECT_FALSE(judge_link(link_record("peer_copy", 0), 1e6, std::nullopt).has_value());
  ItemRecord product = link_record("peer_copy", 0);
  product.family = "gemm";
  EXPECT_FALSE(judge_link(product, 1e6, with_nvlink(900.0)).has_value());
}

}  // namespace
}  // namespace assay
