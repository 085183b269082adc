// The numbers of PTX against slow, exact arithmetic on big integers, and exhaustively where a
// format has 8 or 16 bits.
#include "ptx_device/numeric.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/multiprecision/cpp_int.hpp>
#include <random>

namespace assay::ptx_device {
namespace {

using boost::multiprecision::cpp_int;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::array kFourRoundings{Rounding::nearest_even, Rounding::toward_zero, Rounding::down,
                                    Rounding::up};

std::uint32_t bits_of_float(float value) {
  return std::bit_cast<std::uint32_t>(value);
}

// ---- Exact numbers ----

/// significand * 2^exponent.
struct Exact {
  cpp_int significand;
  int exponent = 0;
};

Exact exact(double value) {
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  return {static_cast<std::int64_t>(std::ldexp(fraction, 53)), exponent - 53};
}
Exact operator*(const Exact& a, const Exact& b) {
  return {a.significand * b.significand, a.exponent + b.exponent};
}
Exact operator+(const Exact& a, const Exact& b) {
  const int exponent = std::min(a.exponent, b.exponent);
  return {(a.significand << (a.exponent - exponent)) + (b.significand << (b.exponent - exponent)),
          exponent};
}

struct Target {
  int precision;       // bits, with the implicit one
  int least_exponent;  // of the last bit of a subnormal number
  int end_exponent;    // all numbers are below 2^end
};
constexpr Target kSingle{24, -149, 128};
constexpr Target kDouble{53, -1074, 1024};
constexpr Target kHalf{11, -24, 16};
constexpr Target kBf16{8, -133, 128};
constexpr Target kTf32{11, -136, 128};

/// A nonzero exact number in the target format. `sticky` is a bit of what lies below.
double round_exact(const Exact& value, const Target& target, Rounding rounding) {
  const bool negative = value.significand < 0;
  const cpp_int magnitude = abs(value.significand);
  const int top = static_cast<int>(msb(magnitude)) + 1;
  const int last = std::max(value.exponent + top - target.precision, target.least_exponent);
  const int shift = last - value.exponent;
  cpp_int kept = magnitude >> std::max(shift, 0) << std::max(-shift, 0);
  if (shift > 0) {
    const cpp_int twice_rest = (magnitude - (kept << shift)) * 2;
    const cpp_int step = cpp_int(1) << shift;
    bool away = false;
    if (rounding == Rounding::nearest_even) {
      away = twice_rest > step || (twice_rest == step && bit_test(kept, 0));
    } else if (rounding == Rounding::nearest_away) {
      away = twice_rest >= step;
    } else if (rounding != Rounding::toward_zero) {
      away = twice_rest != 0 && negative == (rounding == Rounding::down);
    }
    if (away) ++kept;
  }
  double result = std::ldexp(static_cast<double>(kept), last);
  // 2^1024 is already infinite in double.
  const double largest =
      std::ldexp(2.0 - std::ldexp(1.0, 1 - target.precision), target.end_exponent - 1);
  if (result > largest) {
    const bool finite = rounding == Rounding::toward_zero ||
                        (rounding == Rounding::down && !negative) ||
                        (rounding == Rounding::up && negative);
    result = finite ? largest : std::numeric_limits<double>::infinity();
  }
  return negative ? -result : result;
}

// ---- Random operands ----

template <class Real>
Real random_real(std::mt19937_64& random) {
  using Bits = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
  constexpr int kFraction = std::numeric_limits<Real>::digits - 1;
  constexpr Bits kBias = sizeof(Real) == 4 ? 127 : 1023;
  for (;;) {
    auto bits = static_cast<Bits>(random());
    const auto kind = random() % 4;
    if (kind != 0) {  // exponents near each other, so that operands meet
      const Bits sign_and_fraction = bits & ~(kBias * 2 + 1) << kFraction;
      const Bits cleared = sign_and_fraction & ~((kBias * 2 + 1) << kFraction);
      bits = cleared | (kBias - 12 + static_cast<Bits>(random() % 24)) << kFraction;
    }
    if (kind == 1)
      bits &= ~((Bits{1} << (kFraction * 3 / 4)) - 1);  // few bits: exact results, ties
    if (kind == 2 && random() % 4 == 0) bits &= ~((kBias * 2 + 1) << kFraction);  // subnormal
    const auto value = std::bit_cast<Real>(bits);
    if (std::isfinite(value) && value != Real{0}) return value;
  }
}

template <class Real>
constexpr Target kTargetOf = sizeof(Real) == 4 ? kSingle : kDouble;

template <class Real>
void expect_rounded(const Exact& value, Rounding rounding, Real result) {
  if (value.significand == 0) {
    EXPECT_EQ(result, Real{0});
    EXPECT_EQ(std::signbit(result), rounding == Rounding::down);
    return;
  }
  ASSERT_EQ(static_cast<double>(result), round_exact(value, kTargetOf<Real>, rounding))
      << "rounding " << static_cast<int>(rounding);
}

template <class Real>
void arithmetic_is_correctly_rounded() {
  std::mt19937_64 random(1);
  for (int trial = 0; trial < 4000; ++trial) {
    const Real a = random_real<Real>(random);
    const Real b = random_real<Real>(random);
    const Real c = trial % 5 == 0 ? -a * b : random_real<Real>(random);
    const Exact x = exact(static_cast<double>(a));
    const Exact y = exact(static_cast<double>(b));
    for (const Rounding rounding : kFourRoundings) {
      expect_rounded(x + y, rounding, add(a, b, rounding));
      expect_rounded(x * y, rounding, multiply(a, b, rounding));
      if (std::isfinite(c) && c != Real{0}) {
        const Exact sum = x * y + exact(static_cast<double>(c));
        expect_rounded(sum, rounding, fused_multiply_add(a, b, c, rounding));
      }
      // Quotient and root to 128 bits more than the operand, the last of which is sticky.
      const cpp_int wide = abs(x.significand) << 128;
      cpp_int quotient = wide / abs(y.significand);
      if (quotient * abs(y.significand) != wide) quotient |= 1;
      if ((a < 0) != (b < 0)) quotient = -quotient;
      expect_rounded(Exact{quotient, x.exponent - y.exponent - 128}, rounding,
                     divide(a, b, rounding));
      const int even = 128 + (x.exponent & 1);
      const cpp_int radicand = abs(x.significand) << even;
      cpp_int root = sqrt(radicand);
      if (root * root != radicand)
        root = root * 2 + 1;
      else
        root *= 2;
      expect_rounded(Exact{root, (x.exponent - even) / 2 - 1}, rounding,
                     square_root(std::fabs(a), rounding));
      if (::testing::Test::HasFatalFailure()) {
        FAIL() << "operands " << a << ' ' << b << ' ' << c;
      }
    }
  }
}

TEST(Arithmetic, SingleIsCorrectlyRounded) {
  arithmetic_is_correctly_rounded<float>();
}
TEST(Arithmetic, DoubleIsCorrectlyRounded) {
  arithmetic_is_correctly_rounded<double>();
}

TEST(Arithmetic, DoubleRoundingCasesOfFma) {
  // Half a step of the result, less 2^-46 of that: f64 rounds the sum onto the tie, which goes to
  // the even neighbour above. First a normal result, then a subnormal one.
  constexpr Rounding kNearest = Rounding::nearest_even;
  const float above = 0x1.000002p-12F;
  const float below = 0x1.fffffcp-13F;
  EXPECT_EQ(fused_multiply_add(above, below, 0x1.000002p0F, kNearest), 0x1.000002p0F);
  EXPECT_EQ(fused_multiply_add(above, -below, -0x1.000002p0F, kNearest), -0x1.000002p0F);
  EXPECT_EQ(fused_multiply_add(above * 0x1p-63F, below * 0x1p-63F, 0x1.000004p-127F, kNearest),
            0x1.000004p-127F);
  EXPECT_EQ(fused_multiply_add(0x1p-60F, 0x1p-60F, 1.0F, Rounding::up), 1.0F + 0x1p-23F);
  EXPECT_EQ(fused_multiply_add(-0x1p-60F, 0x1p-60F, 1.0F, Rounding::toward_zero), 1.0F - 0x1p-24F);
}

TEST(Arithmetic, NanIsCanonicalAndZerosKeepTheirSign) {
  for (const Rounding rounding : kFourRoundings) {
    EXPECT_EQ(bits_of_float(add(kInfinity, -kInfinity, rounding)), kCanonicalNan32);
    EXPECT_EQ(bits_of_float(multiply(0.0F, kInfinity, rounding)), kCanonicalNan32);
    EXPECT_EQ(bits_of_float(fused_multiply_add(kInfinity, 1.0F, -kInfinity, rounding)),
              kCanonicalNan32);
    EXPECT_EQ(bits_of_float(add(std::bit_cast<float>(0xffc12345U), 1.0F, rounding)),
              kCanonicalNan32);
    EXPECT_EQ(bits_of_float(divide(0.0F, 0.0F, rounding)), kCanonicalNan32);
    EXPECT_EQ(bits_of_float(square_root(-1.0F, rounding)), kCanonicalNan32);
    EXPECT_EQ(divide(1.0F, -0.0F, rounding), -kInfinity);
    EXPECT_TRUE(std::signbit(add(-0.0F, -0.0F, rounding)));
    EXPECT_TRUE(std::signbit(square_root(-0.0F, rounding)));
    EXPECT_EQ(std::signbit(add(0.0F, -0.0F, rounding)), rounding == Rounding::down);
    EXPECT_EQ(fused_multiply_add(kInfinity, 1.0F, 1.0F, rounding), kInfinity);
  }
  EXPECT_EQ(add(std::numeric_limits<float>::max(), 0x1p103F, Rounding::nearest_even), kInfinity);
  EXPECT_EQ(add(std::numeric_limits<float>::max(), 0x1p103F, Rounding::down),
            std::numeric_limits<float>::max());
}

TEST(Arithmetic, MinimumAndMaximum) {
  EXPECT_TRUE(std::signbit(minimum(0.0F, -0.0F, false)));
  EXPECT_FALSE(std::signbit(maximum(-0.0F, 0.0F, false)));
  EXPECT_EQ(minimum(-1.0, 2.0, true), -1.0);
  EXPECT_EQ(maximum(-1.0, 2.0, true), 2.0);
  EXPECT_EQ(minimum(kNan, 2.0F, false), 2.0F);
  EXPECT_EQ(maximum(2.0F, kNan, false), 2.0F);
  EXPECT_EQ(bits_of_float(maximum(2.0F, kNan, true)), kCanonicalNan32);
  EXPECT_EQ(bits_of_float(minimum(-kNan, kNan, false)), kCanonicalNan32);
  EXPECT_TRUE(std::isnan(maximum(2.0, std::nan(""), true)));
  EXPECT_EQ(half_minimum(0x0000, 0x8000, false), 0x8000);
  EXPECT_EQ(half_maximum(0x7e01, 0x3c00, true), kCanonicalNan16);
  EXPECT_EQ(bf16_maximum(0x7fc1, 0x3f80, false), 0x3f80);
  EXPECT_EQ(bf16_minimum(0xff80, 0x3f80, false), 0xff80);
}

// ---- 16-bit formats ----

/// One 16-bit format with the functions under test.
struct Sixteen {
  Target target;
  int fraction_bits;
  std::uint16_t infinity;
  float (*decode)(std::uint16_t);
  std::uint16_t (*encode)(float, Rounding, Overflow);
  std::uint16_t (*encode_double)(double, Rounding, Overflow);
  std::uint16_t (*add)(std::uint16_t, std::uint16_t);
  std::uint16_t (*subtract)(std::uint16_t, std::uint16_t);
  std::uint16_t (*multiply)(std::uint16_t, std::uint16_t);
  std::uint16_t (*fma)(std::uint16_t, std::uint16_t, std::uint16_t);
};
const std::array kSixteens{Sixteen{kHalf, 10, 0x7c00, half_to_float, float_to_half, double_to_half,
                                   half_add, half_subtract, half_multiply, half_fma},
                           Sixteen{kBf16, 7, 0x7f80, bf16_to_float, float_to_bf16, double_to_bf16,
                                   bf16_add, bf16_subtract, bf16_multiply, bf16_fma}};

/// The number of a code by the definition of IEEE 754.
double number_of(std::uint32_t code, int fraction_bits, int least_exponent, int sign_position) {
  const std::uint32_t magnitude = code & ((1U << sign_position) - 1U);
  const auto biased = static_cast<int>(magnitude >> fraction_bits);
  const auto fraction = static_cast<int>(magnitude & ((1U << fraction_bits) - 1U));
  const double value =
      biased == 0 ? std::ldexp(fraction, least_exponent)
                  : std::ldexp((1 << fraction_bits) + fraction, least_exponent + biased - 1);
  return code >> sign_position != 0 ? -value : value;
}

TEST(Sixteen, AllCodesMakeTheRoundTrip) {
  for (const Sixteen& format : kSixteens) {
    for (std::uint32_t code = 0; code < 0x10000U; ++code) {
      const auto bits = static_cast<std::uint16_t>(code);
      const float value = format.decode(bits);
      if ((code & 0x7fffU) > format.infinity) {
        ASSERT_EQ(bits_of_float(value), kCanonicalNan32);
        ASSERT_EQ(format.encode(value, Rounding::nearest_even, Overflow::satfinite),
                  kCanonicalNan16);
        continue;
      }
      if ((code & 0x7fffU) == format.infinity) {
        ASSERT_EQ(value, code >> 15U != 0 ? -kInfinity : kInfinity);
      } else {
        const double expected =
            number_of(code, format.fraction_bits, format.target.least_exponent, 15);
        ASSERT_EQ(static_cast<double>(value), expected);
        ASSERT_EQ(std::signbit(value), code >> 15U != 0);
      }
      for (const Rounding rounding : kFourRoundings) {
        ASSERT_EQ(format.encode(value, rounding, Overflow::ieee), bits);
      }
    }
  }
}

TEST(Sixteen, BetweenAllNeighboursEveryRoundingIsRight) {
  for (const Sixteen& format : kSixteens) {
    for (std::uint32_t code = 0; code < format.infinity; ++code) {
      const auto lower = static_cast<std::uint16_t>(code);
      const auto upper = static_cast<std::uint16_t>(code + 1);
      // Beyond the largest number the tie lies where the next number would be.
      const double low = static_cast<double>(format.decode(lower));
      const double high = upper == format.infinity ? std::ldexp(1.0, format.target.end_exponent)
                                                   : static_cast<double>(format.decode(upper));
      const double middle = (low + high) / 2;
      const std::array samples{std::nextafter(low, middle), std::nextafter(middle, low), middle,
                               std::nextafter(middle, high), std::nextafter(high, middle)};
      for (std::size_t i = 0; i < samples.size(); ++i) {
        const bool nearer_to_upper = i > 2 || (i == 2 && (code & 1U) != 0);
        const std::uint16_t nearest = nearer_to_upper ? upper : lower;
        const auto round = [&](double value, Rounding rounding) {
          return format.encode_double(value, rounding, Overflow::ieee);
        };
        ASSERT_EQ(round(samples[i], Rounding::nearest_even), nearest) << code << ' ' << i;
        ASSERT_EQ(round(samples[i], Rounding::toward_zero), lower);
        ASSERT_EQ(round(samples[i], Rounding::down), lower);
        ASSERT_EQ(round(samples[i], Rounding::up), upper);
        ASSERT_EQ(round(-samples[i], Rounding::nearest_even), negate16(nearest));
        ASSERT_EQ(round(-samples[i], Rounding::toward_zero), negate16(lower));
        ASSERT_EQ(round(-samples[i], Rounding::down), negate16(upper));
        ASSERT_EQ(round(-samples[i], Rounding::up), negate16(lower));
        ASSERT_EQ(round(samples[i], Rounding::nearest_away), i >= 2 ? upper : lower);
      }
    }
  }
}

TEST(Sixteen, OverflowFollowsTheRoundingOrSaturates) {
  EXPECT_EQ(float_to_half(65519.996F), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0F), 0x7c00);
  EXPECT_EQ(float_to_half(-1e30F), 0xfc00);
  EXPECT_EQ(float_to_half(1e30F, Rounding::toward_zero), 0x7bff);
  EXPECT_EQ(float_to_half(kInfinity, Rounding::toward_zero), 0x7c00);
  EXPECT_EQ(float_to_half(kInfinity, Rounding::nearest_even, Overflow::satfinite), 0x7bff);
  EXPECT_EQ(float_to_bf16(-3.4e38F, Rounding::nearest_even, Overflow::satfinite), 0xff7f);
  EXPECT_EQ(double_to_half(1e300), 0x7c00);
  EXPECT_EQ(double_to_half(-1e-300, Rounding::down), 0x8001);
  EXPECT_EQ(double_to_bf16(5e-324, Rounding::up), 0x0001);
  EXPECT_EQ(float_to_half(-kNan), kCanonicalNan16);
  EXPECT_EQ(float_to_bf16(-kNan), kCanonicalNan16);
}

TEST(Sixteen, ArithmeticHasOneRounding) {
  std::mt19937_64 random(2);
  for (const Sixteen& format : kSixteens) {
    const auto check = [&](const Exact& value, std::uint16_t result) {
      const auto number = static_cast<double>(format.decode(result));
      if (value.significand == 0) {
        ASSERT_EQ(result, 0);
      } else {
        ASSERT_EQ(number, round_exact(value, format.target, Rounding::nearest_even));
      }
    };
    for (int trial = 0; trial < 20000; ++trial) {
      std::array<std::uint16_t, 3> code{};
      for (auto& bits : code) {
        do {
          bits = static_cast<std::uint16_t>(random());
        } while ((bits & 0x7fffU) >= format.infinity || (bits & 0x7fffU) == 0);
      }
      const auto [a, b, c] = code;
      const Exact x = exact(static_cast<double>(format.decode(a)));
      const Exact y = exact(static_cast<double>(format.decode(b)));
      const Exact z = exact(static_cast<double>(format.decode(c)));
      check(x + y, format.add(a, b));
      check(x + Exact{-y.significand, y.exponent}, format.subtract(a, b));
      check(x * y, format.multiply(a, b));
      check(x * y + z, format.fma(a, b, c));
      if (HasFatalFailure()) FAIL() << a << ' ' << b << ' ' << c;
    }
    const auto one = format.encode(1.0F, Rounding::nearest_even, Overflow::ieee);
    EXPECT_EQ(format.add(0x8000, 0x8000), 0x8000);
    EXPECT_EQ(format.subtract(one, one), 0x0000);
    EXPECT_EQ(format.subtract(format.infinity, format.infinity), kCanonicalNan16);
    EXPECT_EQ(format.multiply(0x8000, format.infinity), kCanonicalNan16);
    EXPECT_EQ(format.fma(format.infinity, one, one), format.infinity);
  }
}

TEST(Sixteen, ReluSaturateAndPacked) {
  EXPECT_EQ(half_relu(0x8001), 0x0000);
  EXPECT_EQ(half_relu(0x8000), 0x0000);
  EXPECT_EQ(half_relu(0x3c01), 0x3c01);
  EXPECT_EQ(half_relu(0xfe00), kCanonicalNan16);
  EXPECT_EQ(bf16_relu(0xff80), 0x0000);
  EXPECT_EQ(half_saturate(0x4000), 0x3c00);
  EXPECT_EQ(half_saturate(0xfe00), 0x0000);
  EXPECT_EQ(half_saturate(0x3801), 0x3801);
  EXPECT_EQ(half_flush_denormal(0x83ff), 0x8000);
  EXPECT_EQ(half_flush_denormal(0x0400), 0x0400);
  EXPECT_EQ(packed(half_add, 0x3c004000U, 0x40003c00U), 0x42004200U);
  EXPECT_EQ(packed(half_fma, 0x40003c00U, 0x40003c00U, 0x3c000000U), 0x45003c00U);
  EXPECT_EQ(packed(negate16, 0x00008000U), 0x80000000U);
  EXPECT_EQ(absolute16(0xbc00), 0x3c00);
}

// ---- 8-bit formats and tf32
// -----------------------------------------------------------------------

TEST(Eight, AllCodesAndAllTies) {
  struct Eight {
    int fraction_bits, least_exponent;
    std::uint8_t largest;
    float (*decode)(std::uint8_t);
    std::uint8_t (*encode)(float);
  };
  const std::array formats{Eight{3, -9, 0x7e, e4m3_to_float, float_to_e4m3_satfinite},
                           Eight{2, -16, 0x7b, e5m2_to_float, float_to_e5m2_satfinite}};
  for (const Eight& format : formats) {
    for (std::uint32_t code = 0; code < 256; ++code) {
      const auto bits = static_cast<std::uint8_t>(code);
      const auto magnitude = static_cast<std::uint8_t>(code & 0x7fU);
      const float value = format.decode(bits);
      if (magnitude > format.largest) {
        const bool infinite = magnitude == 0x7c;
        EXPECT_EQ(std::isinf(value), infinite) << code;
        EXPECT_EQ(std::isnan(value), !infinite) << code;
        EXPECT_EQ(format.encode(value), infinite ? (code & 0x80U) | format.largest : 0x7fU);
        continue;
      }
      EXPECT_EQ(static_cast<double>(value),
                number_of(code, format.fraction_bits, format.least_exponent, 7));
      EXPECT_EQ(format.encode(value), bits);
      if (magnitude == format.largest) continue;
      const float next = format.decode(static_cast<std::uint8_t>(code + 1));
      const float middle = (value + next) / 2;
      EXPECT_EQ(format.encode(middle), bits + (code & 1U)) << code;
      EXPECT_EQ(format.encode(std::nextafter(middle, value)), bits);
      EXPECT_EQ(format.encode(std::nextafter(middle, next)), bits + 1);
    }
  }
  EXPECT_EQ(e4m3_to_float(0x7e), 448.0F);
  EXPECT_EQ(e5m2_to_float(0x7b), 57344.0F);
  EXPECT_EQ(float_to_e4m3_satfinite(-1000.0F), 0xfe);
  EXPECT_EQ(float_to_e4m3_satfinite(kInfinity), 0x7e);
  EXPECT_EQ(float_to_e5m2_satfinite(1e10F), 0x7b);
  EXPECT_EQ(float_to_e5m2_satfinite(-kInfinity), 0xfb);
  EXPECT_EQ(float_to_e4m3_satfinite(-kNan), 0x7f);
}

TEST(Tf32, RoundsToElevenBits) {
  std::mt19937_64 random(3);
  for (int trial = 0; trial < 20000; ++trial) {
    const float value = random_real<float>(random);
    for (const Rounding rounding :
         {Rounding::nearest_away, Rounding::nearest_even, Rounding::toward_zero}) {
      const std::uint32_t bits = float_to_tf32(value, rounding);
      ASSERT_EQ(bits & 0x1fffU, 0U);
      ASSERT_EQ(static_cast<double>(std::bit_cast<float>(bits)),
                round_exact(exact(static_cast<double>(value)), kTf32, rounding));
    }
  }
  EXPECT_EQ(float_to_tf32(1.0F + 0x1p-11F), bits_of_float(1.0F + 0x1p-10F));
  EXPECT_EQ(float_to_tf32(-kNan), kCanonicalNan32);
  EXPECT_EQ(float_to_tf32(std::numeric_limits<float>::max()), 0x7f800000U);
  EXPECT_EQ(float_to_tf32(kInfinity, Rounding::nearest_even, Overflow::satfinite), 0x7f7fe000U);
}

// ---- Conversions ----

TEST(Conversion, DoubleToSingle) {
  std::mt19937_64 random(4);
  for (int trial = 0; trial < 20000; ++trial) {
    const double value = random_real<double>(random);
    for (const Rounding rounding : kFourRoundings) {
      expect_rounded(exact(value), rounding, double_to_float(value, rounding));
    }
  }
  EXPECT_EQ(bits_of_float(double_to_float(-std::nan(""), Rounding::up)), kCanonicalNan32);
}

TEST(Conversion, ToIntegerRoundsAndSaturates) {
  using enum Rounding;
  EXPECT_EQ(float_to_integer<std::int32_t>(2.5F, nearest_even), 2);
  EXPECT_EQ(float_to_integer<std::int32_t>(-2.5F, down), -3);
  EXPECT_EQ(float_to_integer<std::int32_t>(-2.5F, up), -2);
  EXPECT_EQ(float_to_integer<std::int32_t>(-2.9F, toward_zero), -2);
  EXPECT_EQ(float_to_integer<std::int32_t>(0x1p31F, toward_zero), 2147483647);
  EXPECT_EQ(float_to_integer<std::int32_t>(-kInfinity, toward_zero), -2147483647 - 1);
  EXPECT_EQ(float_to_integer<std::uint32_t>(-0.5F, down), 0U);
  EXPECT_EQ(float_to_integer<std::uint32_t>(0x1p32F, down), 0xffffffffU);
  EXPECT_EQ(float_to_integer<std::uint64_t>(0x1p63, nearest_even), std::uint64_t{1} << 63U);
  EXPECT_EQ(float_to_integer<std::int64_t>(0x1p63, nearest_even), INT64_MAX);
  EXPECT_EQ(float_to_integer<std::int8_t>(127.5F, nearest_even), 127);
  EXPECT_EQ(float_to_integer<std::int8_t>(-128.4F, nearest_even), -128);
  EXPECT_EQ(float_to_integer<std::uint8_t>(255.5F, toward_zero), 255);
  EXPECT_EQ(float_to_integer<std::int32_t>(kNan, nearest_even), 0);
  EXPECT_EQ(float_to_integer<std::int32_t>(std::nan(""), nearest_even), INT32_MIN);
  EXPECT_EQ(float_to_integer<std::int64_t>(kNan, nearest_even), INT64_MIN);
  EXPECT_EQ(float_to_integer<std::uint32_t>(std::nan(""), nearest_even), 0x80000000U);
  EXPECT_EQ(round_to_integer_value(2.5F, nearest_away), 3.0F);
  EXPECT_TRUE(std::signbit(round_to_integer_value(-0.25, nearest_even)));
  EXPECT_EQ(bits_of_float(round_to_integer_value(-kNan, up)), kCanonicalNan32);
}

TEST(Conversion, FromInteger) {
  std::mt19937_64 random(5);
  for (int trial = 0; trial < 5000; ++trial) {
    const std::uint64_t bits = (random() >> random() % 60) | 1U;
    const auto value = static_cast<std::int64_t>(bits);
    const Exact signed_exact{value, 0};
    const Exact unsigned_exact{bits, 0};
    for (const Rounding rounding : kFourRoundings) {
      expect_rounded(signed_exact, rounding, integer_to_float(value, rounding));
      expect_rounded(unsigned_exact, rounding, integer_to_float(bits, rounding));
      expect_rounded(signed_exact, rounding, integer_to_double(value, rounding));
      expect_rounded(unsigned_exact, rounding, integer_to_double(bits, rounding));
      ASSERT_EQ(static_cast<double>(half_to_float(integer_to_half(value, rounding))),
                round_exact(signed_exact, kHalf, rounding));
      ASSERT_EQ(static_cast<double>(half_to_float(integer_to_half(bits, rounding))),
                round_exact(unsigned_exact, kHalf, rounding));
      ASSERT_EQ(static_cast<double>(bf16_to_float(integer_to_bf16(value, rounding))),
                round_exact(signed_exact, kBf16, rounding));
      ASSERT_EQ(static_cast<double>(bf16_to_float(integer_to_bf16(bits, rounding))),
                round_exact(unsigned_exact, kBf16, rounding));
    }
  }
  // One above a tie of bf16, past what f64 can tell.
  const std::int64_t above_tie = (std::int64_t{0x101} << 54) + 1;
  EXPECT_EQ(bf16_to_float(integer_to_bf16(above_tie, Rounding::nearest_even)), 0x1.02p62F);
  EXPECT_EQ(integer_to_half(std::int64_t{0}, Rounding::down), 0);
  EXPECT_EQ(integer_to_float(INT64_MIN, Rounding::up), -0x1p63F);
}

TEST(Conversion, FlushSaturateRelu) {
  EXPECT_EQ(bits_of_float(flush_denormal(std::bit_cast<float>(0x807fffffU))), 0x80000000U);
  EXPECT_EQ(bits_of_float(flush_denormal(std::bit_cast<float>(0x00800000U))), 0x00800000U);
  EXPECT_EQ(bits_of_float(saturate(-0.0F)), 0U);
  EXPECT_EQ(bits_of_float(saturate(kNan)), 0U);
  EXPECT_EQ(saturate(1.5), 1.0);
  EXPECT_EQ(saturate(0.25F), 0.25F);
  EXPECT_EQ(bits_of_float(relu(-0.0F)), 0U);
  EXPECT_EQ(relu(-3.0F), 0.0F);
  EXPECT_EQ(relu(3.0F), 3.0F);
  EXPECT_EQ(bits_of_float(relu(-kNan)), kCanonicalNan32);
}

// ---- Approximations
// ------------------------------------------------------------------------------

TEST(Approximation, WithinOneUnitInTheLastPlace) {
  std::mt19937_64 random(6);
  const auto near = [](float result, long double expected) {
    const auto rounded = static_cast<float>(expected);
    EXPECT_GE(result, std::nextafter(rounded, -kInfinity));
    EXPECT_LE(result, std::nextafter(rounded, kInfinity));
  };
  for (int trial = 0; trial < 2000; ++trial) {
    const float x = random_real<float>(random);
    const float positive = std::fabs(x);
    const auto wide = static_cast<long double>(x);
    const auto wide_positive = static_cast<long double>(positive);
    near(reciprocal_approximate(x), 1 / wide);
    near(reciprocal_square_root_approximate(positive), 1 / sqrtl(wide_positive));
    near(square_root_approximate(positive), sqrtl(wide_positive));
    near(log2_approximate(positive), log2l(wide_positive));
    near(tanh_approximate(x), tanhl(wide));
    near(divide_full(x, 3.0F), wide / 3);
    if (positive < 100.0F) {
      near(exp2_approximate(x), exp2l(wide));
      near(sine_approximate(x), sinl(wide));
      near(cosine_approximate(x), cosl(wide));
    }
  }
}

TEST(Approximation, SpecialValues) {
  EXPECT_EQ(bits_of_float(exp2_approximate(-kInfinity)), 0U);
  EXPECT_EQ(exp2_approximate(3.0F), 8.0F);
  EXPECT_EQ(log2_approximate(0.0F), -kInfinity);
  EXPECT_EQ(bits_of_float(log2_approximate(-1.0F)), kCanonicalNan32);
  EXPECT_EQ(bits_of_float(sine_approximate(kInfinity)), kCanonicalNan32);
  EXPECT_EQ(cosine_approximate(0.0F), 1.0F);
  EXPECT_EQ(reciprocal_approximate(-0.0F), -kInfinity);
  EXPECT_EQ(reciprocal_square_root_approximate(0.0F), kInfinity);
  EXPECT_EQ(tanh_approximate(-kInfinity), -1.0F);
  EXPECT_EQ(divide_approximate(6.0F, 3.0F), 2.0F);
  EXPECT_EQ(bits_of_float(divide_approximate(-6.0F, 0x1p127F)), 0x80000000U);
  EXPECT_EQ(bits_of_float(divide_approximate(kInfinity, 0x1p127F)), kCanonicalNan32);
  EXPECT_EQ(divide_full(0x1p127F, 0x1p127F), 1.0F);
  EXPECT_EQ(reciprocal_approximate(4.0), 0.25);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(reciprocal_approximate(3.0)) & 0xffffffffU, 0U);
  EXPECT_NEAR(reciprocal_square_root_approximate(2.0), 0.70710678, 1e-6);
}

}  // namespace
}  // namespace assay::ptx_device
