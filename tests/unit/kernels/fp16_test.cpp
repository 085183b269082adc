/// Conversions to and from IEEE binary16.
#include "kernels/fp16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace assay {
namespace {

bool is_nan(Fp16 value) {
  return (value.bits & 0x7FFFU) > 0x7C00U;
}

TEST(Fp16, KnownValues) {
  EXPECT_EQ(to_float(Fp16{0x3C00}), 1.0F);
  EXPECT_EQ(to_float(Fp16{0xC000}), -2.0F);
  EXPECT_EQ(to_float(Fp16{0x7BFF}), 65504.0F);
  EXPECT_EQ(to_float(Fp16{0x0001}), 0x1p-24F);
  EXPECT_EQ(to_float(Fp16{0x0400}), 0x1p-14F);
  EXPECT_EQ(to_float(Fp16{0xFC00}), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::signbit(to_float(Fp16{0x8000})));
  EXPECT_EQ(to_fp16(65519.0F).bits, 0x7BFF);
  EXPECT_EQ(to_fp16(65520.0F).bits, 0x7C00);
  EXPECT_EQ(to_fp16(-1e30F).bits, 0xFC00);
  EXPECT_EQ(to_fp16(0x1p-25F).bits, 0) << "half of the smallest: to even";
  EXPECT_EQ(to_fp16(0x1.8p-25F).bits, 1);
  EXPECT_TRUE(is_nan(to_fp16(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_TRUE(std::isnan(to_float(Fp16{0x7C01})));
}

TEST(Fp16, EveryNumberSurvivesTheWayThroughFloat) {
  for (unsigned bits = 0; bits <= 0xFFFFU; ++bits) {
    const Fp16 value{static_cast<std::uint16_t>(bits)};
    if (is_nan(value)) continue;
    ASSERT_EQ(to_fp16(to_float(value)).bits, value.bits) << std::hex << bits;
  }
}

/// Between two neighbours: below the middle to the lower, above it to the upper, in it to even.
TEST(Fp16, RoundsToNearestTiesToEven) {
  for (unsigned bits = 0; bits < 0x7BFFU; ++bits) {
    const float lower = to_float(Fp16{static_cast<std::uint16_t>(bits)});
    const float upper = to_float(Fp16{static_cast<std::uint16_t>(bits + 1)});
    const float middle = lower + (upper - lower) / 2.0F;
    ASSERT_EQ(to_fp16(std::nextafter(middle, 0.0F)).bits, bits);
    ASSERT_EQ(to_fp16(std::nextafter(middle, 1e9F)).bits, bits + 1);
    ASSERT_EQ(to_fp16(middle).bits, bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(to_fp16(-middle).bits, 0x8000U | (bits % 2 == 0 ? bits : bits + 1));
  }
}

}  // namespace
}  // namespace assay
