/// Instruction-set levels: names, order and what each is served by.
#include "kernels/cpu/cpu_level.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace assay {
namespace {

TEST(CpuLevel, NamesGoThereAndBack) {
  EXPECT_EQ(all_cpu_levels().back(), CpuLevel::amx);
  for (const CpuLevel level : all_cpu_levels()) EXPECT_EQ(parse_cpu_level(name(level)), level);
  EXPECT_FALSE(parse_cpu_level("V3"));
  EXPECT_FALSE(parse_cpu_level(""));
  EXPECT_FALSE(parse_cpu_level("avx512 "));
}

TEST(CpuLevel, SupportedLevelsRiseFromTheBaselineToTheBest) {
  const auto levels = supported_cpu_levels();
  ASSERT_FALSE(levels.empty());
  EXPECT_EQ(levels.front(), CpuLevel::v2);
  EXPECT_EQ(levels.back(), detect_cpu_level());
  EXPECT_TRUE(std::is_sorted(levels.begin(), levels.end()));
}

TEST(CpuLevel, DetectionAgreesWithTheProcessor) {
  const CpuLevel best = detect_cpu_level();
  EXPECT_EQ(best >= CpuLevel::v3, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                                      __builtin_cpu_supports("bmi2"));
  if (best >= CpuLevel::avx512_bf16) {
    EXPECT_TRUE(__builtin_cpu_supports("avx512bf16"));
  }
  EXPECT_EQ(best, detect_cpu_level());
}

TEST(CpuLevel, Bf16OfALevel) {
  EXPECT_FALSE(has_bf16(CpuLevel::avx512));
  EXPECT_TRUE(has_bf16(CpuLevel::avx512_bf16));
  EXPECT_TRUE(has_bf16(CpuLevel::amx));
}

}  // namespace
}  // namespace assay
