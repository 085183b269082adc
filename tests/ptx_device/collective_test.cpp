/// Warp collectives against plain definitions: shuffles as the CUDA programming guide tells them
/// (for segments of a width) and as the PTX ISA does (for any clamp), votes, matches, reductions,
/// the active mask and elections, for whole warps and for parts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <random>

#include "ptx_device/test_machine.h"

namespace assay::ptx_device {
namespace {

using ::testing::Each;

constexpr std::uint32_t kUntouched = 0xABCD'0000;
constexpr std::uint32_t kLanes = 32;
const std::vector<std::uint32_t> kMasks = {0xFFFFFFFF, 0x0000FFFF, 0x80000001, 0x00000400,
                                           0x55555555};
using Words = std::vector<std::uint32_t>;

bool names(std::uint32_t mask, std::uint32_t lane) {
  return (mask >> lane & 1U) != 0;
}
std::string text(std::uint32_t value) {
  return std::to_string(value);
}

/// Runs instructions in the lanes of the mask. Each has its word of `in` in %r1, and two words to
/// leave in %r2 and %r3, which are returned one lane after another.
Words run(const std::string& instructions, std::uint32_t mask, Words in) {
  const std::string body = "mov.u32 %r2, " + text(kUntouched) + ";\nmov.u32 %r3, %r2;\n" +
                           "mul.wide.u32 %rd1, %thread, 4;\nadd.s64 %rd1, %in, %rd1;\n"
                           "ld.global.u32 %r1, [%rd1];\nmov.u32 %r4, " +
                           text(mask) +
                           ";\nshr.u32 %r4, %r4, %lane;\nand.b32 %r4, %r4, 1;\n"
                           "setp.eq.u32 %p1, %r4, 0;\n@%p1 bra TELL;\n" +
                           instructions +
                           "\nTELL:\nmul.wide.u32 %rd1, %thread, 8;\nadd.s64 %rd1, %out, %rd1;\n"
                           "st.global.v2.u32 [%rd1], {%r2, %r3};";
  TestMachine machine({}, snippet("block.ptx", "INSTRUCTIONS", body));
  const auto threads = static_cast<unsigned>(in.size());
  auto from = machine.buffer(in);
  auto to = machine.buffer(Words(2 * in.size()));
  machine.require(machine.launch("block", {1, threads, 0}, {&from, &to}));
  return machine.read<std::uint32_t>(to, 2 * in.size());
}

Words random_words(std::uint32_t seed, std::uint32_t below = ~0U) {
  std::mt19937 random(seed);
  Words words(kLanes);
  for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(random()) % below;
  return words;
}

/// The lanes of the mask hold what `expected` says, the others what they held before.
using Expected = std::function<std::uint32_t(std::uint32_t lane)>;
void expect_words(const Words& found, std::uint32_t mask, const Expected& first,
                  const Expected& second = nullptr) {
  for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
    const bool inside = names(mask, lane);
    ASSERT_EQ(found[2 * lane], inside ? first(lane) : kUntouched) << "lane " << lane;
    const bool has_second = inside && second != nullptr;
    ASSERT_EQ(found[2 * lane + 1], has_second ? second(lane) : kUntouched) << "lane " << lane;
  }
}

/// __shfl_up_sync() and so on with a width: the lane that is read, or -1 for the own one.
std::int64_t source_of(const std::string& mode, std::uint32_t lane, std::uint32_t b,
                       std::uint32_t width) {
  const std::int64_t within = lane % width;
  const std::int64_t begin = lane - within;
  std::int64_t from = -1;
  if (mode == "up") from = within - b;
  if (mode == "down") from = within + b;
  if (mode == "bfly") from = (lane ^ b) - begin;
  if (mode == "idx") return begin + b % width;
  return from < 0 || from >= width ? -1 : begin + from;
}

TEST(Collective, ShufflesWithinSegments) {
  const Words in = random_words(1);
  for (const std::string mode : {"up", "down", "bfly", "idx"}) {
    for (const std::uint32_t width : {32U, 16U, 8U, 4U, 2U}) {
      for (const std::uint32_t b : {0U, 1U, 2U, 3U, 5U, 8U, 15U, 16U, 31U}) {
        SCOPED_TRACE(mode + " by " + text(b) + " in segments of " + text(width));
        const std::uint32_t clamp = (kLanes - width) << 8U | (mode == "up" ? 0U : 31U);
        const Words out = run("shfl.sync." + mode + ".b32 %r2|%p2, %r1, " + text(b) + ", " +
                                  text(clamp) + ", 0xffffffff;\nselp.u32 %r3, 1, 0, %p2;",
                              ~0U, in);
        const auto from = [&](std::uint32_t lane) { return source_of(mode, lane, b, width); };
        // A butterfly leaves its segment where b reaches beyond it: downwards it may.
        const auto reads = [&](std::uint32_t lane) -> std::int64_t {
          if (mode == "bfly" && (lane ^ b) < lane - lane % width) return lane ^ b;
          return from(lane);
        };
        expect_words(
            out, ~0U,
            [&](std::uint32_t lane) {
              const std::int64_t source = reads(lane);
              return in[source < 0 ? lane : static_cast<std::size_t>(source)];
            },
            [&](std::uint32_t lane) { return reads(lane) < 0 ? 0U : 1U; });
      }
    }
  }
}

/// A lane a lane's choice: idx takes it from a register. And a clamp inside of the segment.
TEST(Collective, ShufflesByRegistersAndClamps) {
  const Words in = random_words(2);
  expect_words(run("mad.lo.u32 %r5, %lane, 7, 3;\nshfl.sync.idx.b32 %r2, %r1, %r5, 31, 0xffffffff;",
                   ~0U, in),
               ~0U, [&](std::uint32_t lane) { return in[(7 * lane + 3) % 32]; });
  // Segments of 8 whose last readable lane is their sixth.
  const std::string clamp = text(24U << 8U | 5U);
  for (const std::uint32_t b : {1U, 3U, 6U, 7U}) {
    const auto readable = [&](std::uint32_t from, std::uint32_t lane) {
      return from <= (lane / 8 * 8 + 5);
    };
    const Words down = run("shfl.sync.down.b32 %r2|%p2, %r1, " + text(b) + ", " + clamp +
                               ", 0xffffffff;\nselp.u32 %r3, 1, 0, %p2;",
                           ~0U, in);
    expect_words(
        down, ~0U,
        [&](std::uint32_t lane) { return in[readable(lane + b, lane) ? lane + b : lane]; },
        [&](std::uint32_t lane) { return readable(lane + b, lane) ? 1U : 0U; });
    const Words index = run("shfl.sync.idx.b32 %r2|%p2, %r1, " + text(b) + ", " + clamp +
                                ", 0xffffffff;\nselp.u32 %r3, 1, 0, %p2;",
                            ~0U, in);
    expect_words(
        index, ~0U, [&](std::uint32_t lane) { return in[b <= 5 ? lane / 8 * 8 + b : lane]; },
        [&](std::uint32_t) { return b <= 5 ? 1U : 0U; });
  }
}

/// Two halves of a warp exchange at the same time; a lane outside of the mask gives nothing.
TEST(Collective, ShufflesOfPartsOfAWarp) {
  const Words in = random_words(3);
  const Words half = run("shfl.sync.bfly.b32 %r2, %r1, 9, 31, 0x0000ffff;", 0x0000FFFF, in);
  expect_words(half, 0x0000FFFF, [&](std::uint32_t lane) { return in[lane ^ 9U]; });
  const Words both =
      run("setp.lt.u32 %p2, %lane, 16;\nselp.u32 %r5, 0x0000ffff, 0xffff0000, %p2;\n"
          "shfl.sync.bfly.b32 %r2, %r1, 9, 31, %r5;",
          ~0U, in);
  expect_words(both, ~0U, [&](std::uint32_t lane) { return in[lane ^ 9U]; });
  const Words strangers = run("shfl.sync.idx.b32 %r2, %r1, 20, 31, 0x0000ffff;", 0x0000FFFF, in);
  for (std::uint32_t lane = 0; lane < 16; ++lane) EXPECT_NE(strangers[2 * lane], in[20]);
}

TEST(Collective, Votes) {
  for (const std::uint32_t yes : {0U, ~0U, 0x55555555U, 0x00000400U, 0x0000FFFFU}) {
    Words in(kLanes);
    for (std::uint32_t lane = 0; lane < kLanes; ++lane) in[lane] = names(yes, lane) ? 1 : 0;
    for (const std::uint32_t mask : kMasks) {
      for (const bool negated : {false, true}) {
        const std::uint32_t votes = (negated ? ~yes : yes) & mask;
        const std::string source = negated ? "!%p2" : "%p2";
        SCOPED_TRACE(source + " " + text(yes) + " of " + text(mask));
        const auto vote = [&](const std::string& mode) {
          const bool ballot = mode == "ballot";
          const std::string result = ballot ? "%r2" : "%p3";
          return run("setp.ne.u32 %p2, %r1, 0;\nvote.sync." + mode + (ballot ? ".b32 " : ".pred ") +
                         result + ", " + source + ", " + text(mask) + ";\n" +
                         (ballot ? "" : "selp.u32 %r2, 1, 0, %p3;"),
                     mask, in);
        };
        expect_words(vote("ballot"), mask, [&](auto) { return votes; });
        expect_words(vote("all"), mask, [&](auto) { return votes == mask ? 1U : 0U; });
        expect_words(vote("any"), mask, [&](auto) { return votes != 0 ? 1U : 0U; });
        expect_words(vote("uni"), mask,
                     [&](auto) { return votes == 0 || votes == mask ? 1U : 0U; });
      }
    }
  }
}

/// The lanes of the mask whose word equals the lane's.
std::uint32_t equal_lanes(const Words& in, std::uint32_t mask, std::uint32_t lane) {
  std::uint32_t equal = 0;
  for (std::uint32_t other = 0; other < kLanes; ++other) {
    if (names(mask, other) && in[other] == in[lane]) equal |= 1U << other;
  }
  return equal;
}

TEST(Collective, Matches) {
  Words differing(kLanes, 7);
  differing[10] = 8;  // outside of 0x55555555's complement and of the lower masks' corners
  for (const Words& in : {random_words(4, 3), random_words(5), Words(kLanes, 7), differing}) {
    for (const std::uint32_t mask : kMasks) {
      SCOPED_TRACE("lanes " + text(mask));
      const std::string of = ", " + text(mask) + ";\n";
      const Expected any = [&](std::uint32_t lane) { return equal_lanes(in, mask, lane); };
      // The 64-bit values differ only in their high words.
      const std::string wide = "mov.b64 %rd2, {%r5, %r1};\n";
      const std::string zero = "mov.u32 %r5, 0;\n";
      expect_words(run("match.any.sync.b32 %r2, %r1" + of, mask, in), mask, any);
      expect_words(run("mov.u32 %r2, %r1;\nmatch.any.sync.b32 %r2, %r2" + of, mask, in), mask, any);
      expect_words(run(zero + wide + "match.any.sync.b64 %r2, %rd2" + of, mask, in), mask, any);
      const auto first = static_cast<std::uint32_t>(std::countr_zero(mask));
      const bool all = equal_lanes(in, mask, first) == mask;
      const Expected lanes = [&](std::uint32_t) { return all ? mask : 0U; };
      const Expected flag = [&](std::uint32_t) { return all ? 1U : 0U; };
      const std::string tell = "selp.u32 %r3, 1, 0, %p2;";
      expect_words(run("match.all.sync.b32 %r2|%p2, %r1" + of + tell, mask, in), mask, lanes, flag);
      expect_words(run(zero + wide + "match.all.sync.b64 %r2|%p2, %rd2" + of + tell, mask, in),
                   mask, lanes, flag);
      expect_words(run("match.all.sync.b32 %r2, %r1" + of, mask, in), mask, lanes);
    }
  }
}

/// No kernel of the product has redux: what is known of it is known here.
TEST(Collective, Reductions) {
  using Combine = std::function<std::uint32_t(std::uint32_t, std::uint32_t)>;
  const auto is_less = [](std::uint32_t a, std::uint32_t b) {
    return static_cast<std::int32_t>(a) < static_cast<std::int32_t>(b);
  };
  const std::vector<std::pair<std::string, Combine>> reductions = {
      {"add.u32", [](auto a, auto b) { return a + b; }},
      {"add.s32", [](auto a, auto b) { return a + b; }},
      {"min.u32", [](auto a, auto b) { return std::min(a, b); }},
      {"max.u32", [](auto a, auto b) { return std::max(a, b); }},
      {"min.s32", [&](auto a, auto b) { return is_less(a, b) ? a : b; }},
      {"max.s32", [&](auto a, auto b) { return is_less(a, b) ? b : a; }},
      {"and.b32", [](auto a, auto b) { return a & b; }},
      {"or.b32", [](auto a, auto b) { return a | b; }},
      {"xor.b32", [](auto a, auto b) { return a ^ b; }}};
  // Of both signs, small, and with bits that all lanes have and that none has.
  Words shared_bits = random_words(6);
  for (std::uint32_t& word : shared_bits) word = (word | 0x00010000U) & ~0x00000010U;
  for (const Words& in : {random_words(7), random_words(8, 100), shared_bits}) {
    for (const auto& [name, combine] : reductions) {
      for (const std::uint32_t mask : kMasks) {
        SCOPED_TRACE(name + " of " + text(mask));
        const auto first = static_cast<std::uint32_t>(std::countr_zero(mask));
        std::uint32_t result = in[first];
        for (std::uint32_t lane = first + 1; lane < kLanes; ++lane) {
          if (names(mask, lane)) result = combine(result, in[lane]);
        }
        const Expected all = [&](std::uint32_t) { return result; };
        const std::string of = "redux.sync." + name;
        expect_words(run(of + " %r2, %r1, " + text(mask) + ";", mask, in), mask, all);
        expect_words(run("mov.u32 %r2, %r1;\n" + of + " %r2, %r2, " + text(mask) + ";", mask, in),
                     mask, all);
      }
    }
  }
}

TEST(Collective, ReductionsOfNumbersThatTheIsaDoesNotHaveAreRefused) {
  for (const char* const name : {"redux.sync.mul.u32", "redux.sync.add.f32", "redux.add.u32"}) {
    const std::string body =
        snippet("block.ptx", "INSTRUCTIONS", std::string(name) + " %r2, %r1, 0xffffffff;");
    EXPECT_EQ(unsupported_instructions(body.c_str(), 80).size(), 1U) << name;
  }
}

TEST(Collective, TheActiveMaskNamesThoseWhoCome) {
  for (const std::uint32_t mask : kMasks) {
    expect_words(run("activemask.b32 %r2;", mask, Words(kLanes)), mask, [&](auto) { return mask; });
  }
  // Fewer threads than a warp has lanes.
  const Words few = run("activemask.b32 %r2;\nmov.u32 %r3, %r2;", ~0U, Words(5));
  EXPECT_THAT(few, Each(0x1FU));
}

TEST(Collective, AnElectionHasOneLeader) {
  for (const std::uint32_t mask : kMasks) {
    const Words out = run("elect.sync %r2|%p2, " + text(mask) + ";\nselp.u32 %r3, 1, 0, %p2;", mask,
                          Words(kLanes));
    std::uint32_t leaders = 0;
    for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
      if (names(mask, lane) && out[2 * lane + 1] == 1) leaders |= 1U << lane;
    }
    ASSERT_EQ(std::popcount(leaders), 1) << text(mask);
    const auto leader = static_cast<std::uint32_t>(std::countr_zero(leaders));
    expect_words(
        out, mask, [&](auto) { return leader; },
        [&](std::uint32_t lane) { return lane == leader ? 1U : 0U; });
  }
}

}  // namespace
}  // namespace assay::ptx_device
