/// One instruction at a time on operands of many kinds, against the host's own arithmetic. What
/// conversions and floating-point operations do to every value is numeric_test.cpp's subject; here
/// it is that the instruction's name, types and modifiers lead to the right one.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <random>
#include <string>

#include "ptx_device/operands.h"

namespace assay::ptx_device {
namespace {

using Word32 = std::function<std::uint32_t(std::uint32_t, std::uint32_t, std::uint32_t)>;
using Word64 = std::function<std::uint64_t(std::uint64_t, std::uint64_t, std::uint64_t)>;

void expect32(const std::string& instruction, const Word32& formula) {
  SCOPED_TRACE(instruction);
  const auto in = operands();
  const auto out = execute(instruction, in);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const auto a = static_cast<std::uint32_t>(in[i].a);
    const auto b = static_cast<std::uint32_t>(in[i].b);
    const auto c = static_cast<std::uint32_t>(in[i].c);
    ASSERT_EQ(out[i].d32, formula(a, b, c)) << std::hex << a << ' ' << b << ' ' << c;
  }
}

void expect64(const std::string& instruction, const Word64& formula) {
  SCOPED_TRACE(instruction);
  const auto in = operands();
  const auto out = execute(instruction, in);
  for (std::size_t i = 0; i < in.size(); ++i) {
    ASSERT_EQ(out[i].d64, formula(in[i].a, in[i].b, in[i].c))
        << std::hex << in[i].a << ' ' << in[i].b << ' ' << in[i].c;
  }
}

std::int32_t s(std::uint32_t value) {
  return static_cast<std::int32_t>(value);
}
std::uint32_t u(std::int64_t value) {
  return static_cast<std::uint32_t>(value);
}

TEST(Instruction, IntegerArithmetic) {
  expect32("add.s32 %d32, %a32, %b32;", [](auto a, auto b, auto) { return a + b; });
  expect32("sub.u32 %d32, %a32, %b32;", [](auto a, auto b, auto) { return a - b; });
  expect32("mul.lo.u32 %d32, %a32, %b32;", [](auto a, auto b, auto) { return a * b; });
  expect32("mul.hi.u32 %d32, %a32, %b32;",
           [](auto a, auto b, auto) { return u((std::uint64_t{a} * b) >> 32U); });
  expect32("mul.hi.s32 %d32, %a32, %b32;",
           [](auto a, auto b, auto) { return u((std::int64_t{s(a)} * s(b)) >> 32U); });
  expect64("mul.wide.s32 %d64, %a32, %b32;", [](auto a, auto b, auto) {
    return static_cast<std::uint64_t>(std::int64_t{s(u(static_cast<std::int64_t>(a)))} *
                                      s(u(static_cast<std::int64_t>(b))));
  });
  expect32("mad.lo.s32 %d32, %a32, %b32, %c32;", [](auto a, auto b, auto c) { return a * b + c; });
  expect64("mad.lo.u64 %d64, %a64, %b64, %c64;", [](auto a, auto b, auto c) { return a * b + c; });
  expect32("min.s32 %d32, %a32, %b32;",
           [](auto a, auto b, auto) { return u(std::min(s(a), s(b))); });
  expect32("max.u32 %d32, %a32, %b32;", [](auto a, auto b, auto) { return std::max(a, b); });
  expect32("abs.s32 %d32, %a32;", [](auto a, auto, auto) { return s(a) < 0 ? 0U - a : a; });
  expect32("neg.s32 %d32, %a32;", [](auto a, auto, auto) { return 0U - a; });
  expect32("sad.u32 %d32, %a32, %b32, %c32;",
           [](auto a, auto b, auto c) { return c + (a > b ? a - b : b - a); });
}

TEST(Instruction, DivisionByZeroIsAllOnes) {
  // The ISA leaves the quotient by zero open; what the hardware gives is all ones.
  expect32("div.u32 %d32, %a32, %b32;", [](auto a, auto b, auto) { return b == 0 ? ~0U : a / b; });
  expect32("@%ap rem.u32 %d32, %a32, 7;", [](auto a, auto, auto) { return a % 7; });
}

TEST(Instruction, CarriesCrossWords) {
  // 64-bit sums by halves equal those in one piece.
  const auto in = operands();
  const auto halves = execute(
      "add.cc.u32 %d32, %a32, %b32;\n shr.u64 %a64, %a64, 32;\n shr.u64 %b64, %b64, 32;\n"
      "cvt.u32.u64 %a32, %a64;\n cvt.u32.u64 %b32, %b64;\n addc.u32 %e32, %a32, %b32;",
      in);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const std::uint64_t sum = std::uint64_t{halves[i].e32} << 32U | halves[i].d32;
    ASSERT_EQ(sum, in[i].a + in[i].b);
  }
}

TEST(Instruction, BitsAndShifts) {
  expect32("and.b32 %d32, %a32, %b32;", [](auto a, auto b, auto) { return a & b; });
  expect32("xor.b32 %d32, %a32, %b32;", [](auto a, auto b, auto) { return a ^ b; });
  expect32("not.b32 %d32, %a32;", [](auto a, auto, auto) { return ~a; });
  expect32("shl.b32 %d32, %a32, %b32;", [](auto a, auto b, auto) { return b > 31 ? 0U : a << b; });
  expect32("shr.u32 %d32, %a32, %b32;", [](auto a, auto b, auto) { return b > 31 ? 0U : a >> b; });
  expect32("shr.s32 %d32, %a32, %b32;",
           [](auto a, auto b, auto) { return u(s(a) >> std::min(b, 31U)); });
  expect32("shf.l.wrap.b32 %d32, %a32, %b32, %c32;", [](auto a, auto b, auto c) {
    return u(static_cast<std::int64_t>(((std::uint64_t{b} << 32U | a) << (c & 31U)) >> 32U));
  });
  expect32("shf.r.clamp.b32 %d32, %a32, %b32, %c32;", [](auto a, auto b, auto c) {
    return u(static_cast<std::int64_t>((std::uint64_t{b} << 32U | a) >> std::min(c, 32U)));
  });
  expect32("popc.b32 %d32, %a32;", [](auto a, auto, auto) { return u(std::popcount(a)); });
  expect32("clz.b32 %d32, %a32;", [](auto a, auto, auto) { return u(std::countl_zero(a)); });
  expect32("brev.b32 %d32, %a32;", [](auto a, auto, auto) {
    std::uint32_t reversed = 0;
    for (int bit = 0; bit < 32; ++bit) reversed |= (a >> bit & 1U) << (31 - bit);
    return reversed;
  });
  expect32("bfe.u32 %d32, %a32, 5, 9;", [](auto a, auto, auto) { return a >> 5U & 0x1FFU; });
  expect32("bfi.b32 %d32, %a32, %b32, 8, 12;",
           [](auto a, auto b, auto) { return (b & ~0xFFF00U) | (a & 0xFFFU) << 8U; });
  // lop3 0x96 is a ^ b ^ c, 0xE8 the majority.
  expect32("lop3.b32 %d32, %a32, %b32, %c32, 0x96;",
           [](auto a, auto b, auto c) { return a ^ b ^ c; });
  expect32("lop3.b32 %d32, %a32, %b32, %c32, 0xE8;",
           [](auto a, auto b, auto c) { return (a & b) | (a & c) | (b & c); });
  expect32("prmt.b32 %d32, %a32, %b32, 0x5410;",
           [](auto a, auto b, auto) { return (a & 0xFFFFU) | b << 16U; });
}

TEST(Instruction, ComparisonsAndSelections) {
  const auto in = operands();
  const auto signed_less = execute("setp.lt.s32 %p, %a32, %b32;", in);
  const auto both = execute("setp.ge.and.u64 %p|%q, %a64, %b64, %ap;", in);
  const auto set = execute("set.gt.u32.u32 %d32, %a32, %b32;", in);
  const auto chosen = execute("selp.b32 %d32, %b32, %c32, %ap;", in);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const auto a = static_cast<std::uint32_t>(in[i].a);
    const auto b = static_cast<std::uint32_t>(in[i].b);
    ASSERT_EQ(signed_less[i].flags & 1U, s(a) < s(b) ? 1U : 0U);
    const bool given = in[i].a != 0;
    ASSERT_EQ(both[i].flags,
              (in[i].a >= in[i].b && given ? 1U : 0U) | (!(in[i].a >= in[i].b) && given ? 2U : 0U));
    ASSERT_EQ(set[i].d32, a > b ? ~0U : 0U);
    ASSERT_EQ(chosen[i].d32, given ? b : static_cast<std::uint32_t>(in[i].c));
  }
}

/// Floats that a, b and c hold, of all magnitudes.
std::vector<Operands> floats() {
  std::mt19937 random(11);
  std::vector<Operands> all;
  const auto draw = [&] { return std::uint64_t{random()}; };
  while (all.size() < 256) all.push_back({draw(), draw(), draw()});
  return all;
}

using Float = std::function<float(float, float, float)>;
void expect_float(const std::string& instruction, const Float& formula) {
  SCOPED_TRACE(instruction);
  const auto in = floats();
  const auto out = execute(instruction, in);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const auto a = std::bit_cast<float>(static_cast<std::uint32_t>(in[i].a));
    const auto b = std::bit_cast<float>(static_cast<std::uint32_t>(in[i].b));
    const auto c = std::bit_cast<float>(static_cast<std::uint32_t>(in[i].c));
    const float expected = formula(a, b, c);
    const auto found = std::bit_cast<float>(out[i].d32);
    ASSERT_TRUE(found == expected || (std::isnan(found) && std::isnan(expected)))
        << a << ' ' << b << ' ' << c << ": " << found << ", not " << expected;
  }
}

TEST(Instruction, FloatingPoint) {
  expect_float("add.rn.f32 %d32, %a32, %b32;", [](float a, float b, float) { return a + b; });
  expect_float("mul.f32 %d32, %a32, %b32;", [](float a, float b, float) { return a * b; });
  expect_float("fma.rn.f32 %d32, %a32, %b32, %c32;",
               [](float a, float b, float c) { return std::fma(a, b, c); });
  expect_float("div.rn.f32 %d32, %a32, %b32;", [](float a, float b, float) { return a / b; });
  expect_float("sqrt.rn.f32 %d32, %a32;", [](float a, float, float) { return std::sqrt(a); });
  expect_float("max.f32 %d32, %a32, %b32;",
               [](float a, float b, float) { return std::fmax(a, b); });
  expect_float("neg.f32 %d32, %a32;", [](float a, float, float) { return -a; });
  expect_float("abs.f32 %d32, %a32;", [](float a, float, float) { return std::fabs(a); });
  expect_float("add.sat.f32 %d32, %a32, %b32;", [](float a, float b, float) {
    return std::isnan(a + b) ? 0.0F : std::clamp(a + b, 0.0F, 1.0F);
  });
  expect_float("mul.ftz.f32 %d32, %a32, %b32;", [](float a, float b, float) {
    const auto flush = [](float x) { return std::fpclassify(x) == FP_SUBNORMAL ? 0.0F : x; };
    return flush(flush(a) * flush(b));
  });
}

TEST(Instruction, ConversionsTakeTheirModes) {
  std::vector<Operands> in;
  for (const float value : {0.5F, 1.5F, 2.5F, -0.5F, -1.5F, 2.4F, -2.6F, 3e9F, -3e9F, 1e-3F}) {
    in.push_back({std::bit_cast<std::uint32_t>(value), 0, 0});
  }
  const auto nearest = execute("cvt.rni.s32.f32 %d32, %a32;", in);
  const auto down = execute("cvt.rmi.s32.f32 %d32, %a32;", in);
  const auto zero = execute("cvt.rzi.u32.f32 %d32, %a32;", in);
  const auto half = execute("cvt.rn.f16.f32 %d16, %a32;", in);
  const auto pair = execute("cvt.rn.bf16x2.f32 %d32, %a32, %b32;", in);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const auto value =
        static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(in[i].a)));
    const auto to_int = [](double x) {
      return u(static_cast<std::int64_t>(std::clamp(x, -2147483648.0, 2147483647.0)));
    };
    EXPECT_EQ(nearest[i].d32, to_int(std::nearbyint(value))) << value;
    EXPECT_EQ(down[i].d32, to_int(std::floor(value))) << value;
    EXPECT_EQ(zero[i].d32,
              u(static_cast<std::int64_t>(std::clamp(std::trunc(value), 0.0, 4294967295.0))))
        << value;
    EXPECT_EQ(pair[i].d32 & 0xFFFFU, 0U) << "the second source is the lower half";
    EXPECT_EQ(pair[i].d32 >> 16U,
              (static_cast<std::uint32_t>(in[i].a) + 0x7FFFU + (in[i].a >> 16U & 1U)) >> 16U);
  }
  EXPECT_EQ(half[0].d16, 0x3800U);  // 0.5
  EXPECT_EQ(half[7].d16, 0x7C00U);  // 3e9 is beyond: infinity
}

}  // namespace
}  // namespace assay::ptx_device
