/// Philox4x32-10 against the known answers published with Random123 (kat_vectors).
#include "base/philox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

using testing::ElementsAre;

TEST(Philox, KnownAnswerOfZeros) {
  EXPECT_THAT(philox(0, 0, 0).word,
              ElementsAre(0x6627E8D5U, 0xE169C58DU, 0xBC57AC4CU, 0x9B00DBD8U));
}

TEST(Philox, KnownAnswerOfOnes) {
  constexpr std::uint64_t kOnes = ~std::uint64_t{0};
  EXPECT_THAT(philox(kOnes, kOnes, kOnes).word,
              ElementsAre(0x408F276DU, 0x41C83B0EU, 0xA20BC7C6U, 0x6D5451FDU));
}

TEST(Philox, KnownAnswerOfPi) {
  // Counter words 243f6a88 85a308d3 13198a2e 03707344, key words a4093822 299f31d0, low first.
  EXPECT_THAT(philox(0x299F31D0A4093822ULL, 0x85A308D3243F6A88ULL, 0x0370734413198A2EULL).word,
              ElementsAre(0xD16CFE09U, 0x94FDCCEBU, 0x5001E420U, 0x24126EA1U));
}

TEST(Philox, UniformStaysInsideTheInterval) {
  EXPECT_GT(philox_uniform(0), 0.0);
  EXPECT_LT(philox_uniform(0xFFFFFFFFU), 1.0);
  EXPECT_EQ(philox_uniform(0x7FFFFFFFU) + philox_uniform(0x80000000U), 1.0);
}

}  // namespace
}  // namespace assay
