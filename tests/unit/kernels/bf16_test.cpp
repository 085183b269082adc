/// bfloat16 conversion: exact where it must be, to nearest even elsewhere.
#include "kernels/bf16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace assay {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Bf16, EveryValueGoesThereAndBack) {
  for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
    const Bf16 value{static_cast<std::uint16_t>(bits)};
    const float wide = to_float(value);
    if (std::isnan(wide)) {
      EXPECT_TRUE(std::isnan(to_float(to_bf16(wide)))) << bits;
    } else {
      EXPECT_EQ(to_bf16(wide).bits, value.bits) << bits;
    }
  }
}

TEST(Bf16, RoundsToNearest) {
  // Around 1, neighbours are 2^-7 apart.
  constexpr float kStep = 0x1p-7F;
  EXPECT_EQ(to_float(to_bf16(1.0F + 0.49F * kStep)), 1.0F);
  EXPECT_EQ(to_float(to_bf16(1.0F + 0.51F * kStep)), 1.0F + kStep);
  EXPECT_EQ(to_float(to_bf16(-1.0F - 0.51F * kStep)), -1.0F - kStep);
}

TEST(Bf16, TiesGoToEven) {
  constexpr float kStep = 0x1p-7F;
  EXPECT_EQ(to_float(to_bf16(1.0F + 0.5F * kStep)), 1.0F);
  EXPECT_EQ(to_float(to_bf16(1.0F + 1.5F * kStep)), 1.0F + 2.0F * kStep);
  EXPECT_EQ(to_float(to_bf16(-1.0F - 2.5F * kStep)), -1.0F - 2.0F * kStep);
}

TEST(Bf16, KeepsSpecialValues) {
  EXPECT_EQ(to_float(to_bf16(kInfinity)), kInfinity);
  EXPECT_EQ(to_float(to_bf16(-kInfinity)), -kInfinity);
  EXPECT_EQ(to_bf16(-0.0F).bits, 0x8000U);
  EXPECT_EQ(to_float(to_bf16(std::numeric_limits<float>::max())), kInfinity);
  EXPECT_EQ(to_float(to_bf16(0x1.FEp127F)), 0x1.FEp127F);
}

TEST(Bf16, NansStayNans) {
  // A signalling NaN whose payload lies wholly in the bits that are cut off.
  for (const std::uint32_t bits : {0x7F800001U, 0xFF80FFFFU, 0x7FFFFFFFU, 0x7FC00000U}) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    const Bf16 narrow = to_bf16(value);
    EXPECT_TRUE(std::isnan(to_float(narrow))) << bits;
    EXPECT_NE(narrow.bits & 0x40U, 0U) << "quieted";
  }
}

}  // namespace
}  // namespace assay
