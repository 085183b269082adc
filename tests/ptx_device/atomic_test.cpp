/// atom and red against what the PTX ISA says of each operation: one at a time on a word of the
/// thread's own, whose old and new values are the host's; then many threads on one word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <map>

#include "kernels/bf16.h"
#include "kernels/fp16.h"
#include "ptx_device/operands.h"

namespace assay::ptx_device {
namespace {

using ::testing::HasSubstr;

using Formula = std::function<std::uint64_t(std::uint64_t, std::uint64_t, std::uint64_t)>;

std::uint64_t low_bits(std::uint64_t value, int bits) {
  return bits == 64 ? value : value & ((std::uint64_t{1} << bits) - 1);
}

/// The operation on a word in global memory, by its own and by a generic address, and in shared
/// memory, as atom and as red. Its sources are b and c. `formula` gives the new value.
void expect(const std::string& operation, int bits, const Formula& formula,
            const std::vector<Operands>& in = operands()) {
  const std::string width = std::to_string(bits);
  const bool swaps = operation.find("cas") != std::string::npos;
  const bool has_red = !swaps && operation.find("exch") == std::string::npos;
  const std::string sources = "%b" + width + (swaps ? ", %c" + width : "") + ";\n";
  for (const std::string space : {".global", "", ".shared"}) {
    const bool shared = space == ".shared";
    const std::string where = shared ? "[%own]" : "[%in]";
    const std::string before = shared ? "st.shared.b64 [%own], %a64;\n" : "";
    // The new value: its low half to e32, and what d64 doesn't tell of its high half to d32.
    std::string after = "ld" + space + ".b64 %a64, " + where + ";\ncvt.u32.u64 %e32, %a64;\n";
    if (bits == 64) after += "shr.u64 %a64, %a64, 32;\ncvt.u32.u64 %d32, %a64;\n";
    for (const bool returns : {true, false}) {
      if (!returns && !has_red) continue;
      const std::string atomic = returns ? "atom" + space + operation + " %d" + width + ", "
                                         : "red" + space + operation + " ";
      std::string text = before;
      text += atomic;
      text += where + ", " + sources + after;
      SCOPED_TRACE(text);
      const auto out = execute(text, in);
      for (std::size_t i = 0; i < in.size(); ++i) {
        const std::uint64_t old = low_bits(in[i].a, bits);
        const std::uint64_t expected =
            low_bits(formula(old, low_bits(in[i].b, bits), low_bits(in[i].c, bits)), bits);
        const std::uint64_t high = bits == 64 ? std::uint64_t{out[i].d32} << 32U : 0;
        ASSERT_EQ(low_bits(high | out[i].e32, bits), expected)
            << std::hex << old << ' ' << in[i].b << ' ' << in[i].c;
        if (!returns) continue;
        ASSERT_EQ(bits == 64 ? out[i].d64 : bits == 32 ? out[i].d32 : out[i].d16, old);
      }
    }
  }
}

std::int32_t as_s32(std::uint64_t value) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
}
std::int64_t as_s64(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

TEST(Atomic, IntegerOperations) {
  for (const int bits : {32, 64}) {
    const std::string width = std::to_string(bits);
    expect(".and.b" + width, bits, [](auto old, auto b, auto) { return old & b; });
    expect(".or.b" + width, bits, [](auto old, auto b, auto) { return old | b; });
    expect(".xor.b" + width, bits, [](auto old, auto b, auto) { return old ^ b; });
    expect(".exch.b" + width, bits, [](auto, auto b, auto) { return b; });
    expect(".add.u" + width, bits, [](auto old, auto b, auto) { return old + b; });
    expect(".min.u" + width, bits, [](auto old, auto b, auto) { return std::min(old, b); });
    expect(".max.u" + width, bits, [](auto old, auto b, auto) { return std::max(old, b); });
  }
  expect(".add.s32", 32, [](auto old, auto b, auto) { return old + b; });
  expect(".min.s32", 32, [](auto old, auto b, auto) { return as_s32(b) < as_s32(old) ? b : old; });
  expect(".max.s32", 32, [](auto old, auto b, auto) { return as_s32(b) > as_s32(old) ? b : old; });
  expect(".min.s64", 64, [](auto old, auto b, auto) { return as_s64(b) < as_s64(old) ? b : old; });
  expect(".max.s64", 64, [](auto old, auto b, auto) { return as_s64(b) > as_s64(old) ? b : old; });
  // "((d >= b) ? 0 : d+1)" and "(((d == 0) || (d > b)) ? b : d-1)".
  expect(".inc.u32", 32, [](auto old, auto b, auto) { return old >= b ? 0 : old + 1; });
  expect(".dec.u32", 32, [](auto old, auto b, auto) { return old == 0 || old > b ? b : old - 1; });
}

TEST(Atomic, CompareAndSwap) {
  std::vector<Operands> in = operands();
  for (std::size_t i = 0; i < in.size(); i += 2) in[i].b = in[i].a;  // the half swaps
  for (const int bits : {16, 32, 64}) {
    expect(
        ".cas.b" + std::to_string(bits), bits,
        [](auto old, auto b, auto c) { return old == b ? c : old; }, in);
  }
}

/// Numbers whose sums are finite.
std::vector<Operands> numbers_as(const std::function<std::uint64_t(float)>& bits) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> draw(-8.0F, 8.0F);
  std::vector<Operands> all;
  for (int i = 0; i < 256; ++i) all.push_back({bits(draw(random)), bits(draw(random)), 0});
  return all;
}

TEST(Atomic, FloatingPointSums) {
  const auto float_bits = [](float value) -> std::uint64_t {
    return std::bit_cast<std::uint32_t>(value);
  };
  expect(
      ".add.f32", 32,
      [&](auto old, auto b, auto) {
        return float_bits(std::bit_cast<float>(static_cast<std::uint32_t>(old)) +
                          std::bit_cast<float>(static_cast<std::uint32_t>(b)));
      },
      numbers_as(float_bits));
  expect(
      ".add.f64", 64,
      [](auto old, auto b, auto) {
        return std::bit_cast<std::uint64_t>(std::bit_cast<double>(old) + std::bit_cast<double>(b));
      },
      numbers_as([](float value) {
        return std::bit_cast<std::uint64_t>(static_cast<double>(value) * (1.0 + 1e-9));
      }));
}

/// Sums of 16-bit numbers are exact in double and rounded once.
template <class T, class Round>
std::uint64_t sum_16(std::uint64_t a, std::uint64_t b, Round round) {
  const auto value = [](std::uint64_t bits) {
    return to_float(std::bit_cast<T>(static_cast<std::uint16_t>(bits)));
  };
  return std::bit_cast<std::uint16_t>(round(value(a) + value(b)));
}
template <class T, class Round>
void expect_sums_of_halves(const std::string& type, Round round) {
  const auto one = [round](auto old, auto b, auto) { return sum_16<T>(old, b, round); };
  expect(".add.noftz." + type, 16, one, numbers_as([round](float value) -> std::uint64_t {
           return std::bit_cast<std::uint16_t>(round(value));
         }));
  expect(
      ".add.noftz." + type + "x2", 32,
      [one](auto old, auto b, auto) {
        return one(old >> 16U, b >> 16U, 0) << 16U | one(old & 0xFFFFU, b & 0xFFFFU, 0);
      },
      numbers_as([round](float value) -> std::uint64_t {
        return std::uint32_t{std::bit_cast<std::uint16_t>(round(value))} << 16U |
               std::bit_cast<std::uint16_t>(round(3.0F * value));
      }));
}
TEST(Atomic, SumsOfHalvesAndPairs) {
  expect_sums_of_halves<Fp16>("f16", [](float value) { return to_fp16(value); });
  expect_sums_of_halves<Bf16>("bf16", [](float value) { return to_bf16(value); });
}

/// "atom.add.f32 on global memory flushes subnormal inputs and results to sign-preserving zero;
/// on shared memory subnormal numbers are supported."
TEST(Atomic, SubnormalSumsAreFlushedOnGlobalMemoryOnly) {
  const std::vector<Operands> in = {{0x00000001, 0x00000002, 0}, {0x80000001, 0x80000002, 0}};
  const auto global = execute("red.global.add.f32 [%in], %b32;\nld.b32 %d32, [%in];", in);
  const auto shared = execute(
      "st.shared.b64 [%own], %a64;\nred.shared.add.f32 [%own], %b32;\nld.shared.b32 %d32, [%own];",
      in);
  EXPECT_EQ(global[0].d32, 0x00000000U);
  EXPECT_EQ(global[1].d32, 0x80000000U);
  EXPECT_EQ(shared[0].d32, 0x00000003U);
  EXPECT_EQ(shared[1].d32, 0x80000003U);
}

TEST(Atomic, WhatTheIsaDoesNotHaveIsRefusedByName) {
  for (const char* const instruction :
       {"atom.global.min.f32 %d32, [%in], %b32;", "atom.global.inc.u64 %d64, [%in], %b64;",
        "atom.global.add.u16 %d16, [%in], %b16;", "red.global.min.noftz.f16x2 [%in], %b32;"}) {
    const std::string text = snippet("operation.ptx", "INSTRUCTION", instruction);
    const auto lines = unsupported_instructions(text.c_str(), 90);
    ASSERT_EQ(lines.size(), 1U) << instruction;
    EXPECT_THAT(lines[0], HasSubstr("this operation on this type"));
  }
}

/// All threads of two blocks on one word: what each got, in some order, is a chain of old values.
std::vector<std::uint32_t> chain(const std::string& instruction, std::uint32_t first,
                                 std::uint32_t& last, Order order) {
  Options options;
  options.order = order;
  options.workers = 2;
  TestMachine machine(
      options, snippet("block.ptx", "INSTRUCTIONS",
                       instruction + "mov.u32 %r2, %ctaid.x;\nmad.lo.u32 %r2, %r2, %threads, "
                                     "%thread;\nmul.wide.u32 %rd1, %r2, 4;\nadd.s64 %rd1, "
                                     "%out, %rd1;\nst.global.u32 [%rd1], %r1;"));
  auto in = machine.buffer(std::vector<std::uint32_t>{first});
  auto out = machine.buffer(std::vector<std::uint32_t>(128));
  machine.require(machine.launch("block", {2, 64, 0}, {&in, &out}));
  last = machine.read<std::uint32_t>(in, 1).front();
  std::vector<std::uint32_t> olds = machine.read<std::uint32_t>(out, 128);
  std::sort(olds.begin(), olds.end());
  return olds;
}

TEST(Atomic, ManyThreadsOnOneWordEachTakeAStep) {
  for (const Order order : {Order::forward, Order::reverse, Order::random}) {
    std::uint32_t last = 0;
    std::vector<std::uint32_t> steps(128);
    for (std::uint32_t i = 0; i < 128; ++i) steps[i] = 7 + i;
    EXPECT_EQ(chain("atom.global.add.u32 %r1, [%in], 1;\n", 7, last, order), steps);
    EXPECT_EQ(last, 7U + 128);
    // Around a limit of 31: each value of 0 to 31 is met four times.
    for (std::uint32_t i = 0; i < 128; ++i) steps[i] = i / 4;
    EXPECT_EQ(chain("atom.global.inc.u32 %r1, [%in], 31;\n", 0, last, order), steps);
    EXPECT_EQ(last, 0U);
    EXPECT_EQ(chain("atom.global.dec.u32 %r1, [%in], 31;\n", 0, last, order), steps);
    EXPECT_EQ(last, 0U);
    // One alone finds the word free.
    std::vector<std::uint32_t> locked(128, 1);
    locked[0] = 0;
    EXPECT_EQ(chain("atom.global.cas.b32 %r1, [%in], 0, 1;\n", 0, last, order), locked);
    EXPECT_EQ(chain("atom.global.exch.b32 %r1, [%in], 1;\n", 0, last, order), locked);
  }
}

/// Atomics on shared memory don't race with each other, but with plain accesses.
TEST(Atomic, RaceWithPlainAccessesOnly) {
  const auto fault_of = [](const std::string& instructions) {
    TestMachine machine({}, snippet("block.ptx", "INSTRUCTIONS",
                                    "setp.eq.u32 %p1, %thread, 0;\n@%p1 st.shared.u32 [%tile], 0;\n"
                                    "bar.sync 0;\n" +
                                        instructions));
    auto buffer = machine.buffer(std::vector<std::uint32_t>(64));
    machine.launch("block", {1, 64, 0}, {&buffer, &buffer});
    return last_fault();
  };
  EXPECT_EQ(fault_of("red.shared.add.u32 [%tile], 1;"), "");
  EXPECT_THAT(fault_of("red.shared.add.u32 [%tile], 1;\nld.shared.u32 %r1, [%tile];"),
              HasSubstr("race on shared memory"));
}

}  // namespace
}  // namespace assay::ptx_device
