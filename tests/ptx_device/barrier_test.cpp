/// bar and barrier with a number and a count: reductions over those who wait, arrivals that don't
/// wait, and what either orders. What can't complete is check_test.cpp's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "ptx_device/test_machine.h"

namespace assay::ptx_device {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

using Words = std::vector<std::uint32_t>;
constexpr unsigned kThreads = 128;
constexpr Order kOrders[] = {Order::forward, Order::reverse, Order::random};

/// Runs instructions, which leave a word in %r2; in each thread order. Returns the words, or the
/// fault in place of them.
struct Outcome {
  Words words;
  std::string fault;
};
Outcome run(const std::string& instructions, Order order, unsigned threads = kThreads) {
  Options options;
  options.order = order;
  TestMachine machine(
      options, snippet("block.ptx", "INSTRUCTIONS",
                       "mov.u32 %r2, 999;\n" + instructions + "\nst.global.u32 [%mine], %r2;"));
  auto in = machine.buffer(Words(64));
  auto out = machine.buffer(Words(threads));
  if (machine.launch("block", {1, threads, 0}, {&in, &out}) != cuda::kSuccess) {
    return {{}, last_fault()};
  }
  return {machine.read<std::uint32_t>(out, threads), {}};
}
void expect_words(const std::string& instructions,
                  const std::function<std::uint32_t(std::uint32_t)>& expected) {
  SCOPED_TRACE(instructions);
  for (const Order order : kOrders) {
    const Outcome outcome = run(instructions, order);
    ASSERT_EQ(outcome.fault, "");
    for (std::uint32_t thread = 0; thread < kThreads; ++thread) {
      ASSERT_EQ(outcome.words[thread], expected(thread)) << "thread " << thread;
    }
  }
}

/// "bar.red.popc counts the threads whose predicate is true; .and and .or tell of all and of any."
TEST(Barrier, ReducesThePredicatesOfAllWhoWait) {
  for (const std::uint32_t yes : {0U, 1U, 77U, kThreads}) {
    const std::string less = "setp.lt.u32 %p1, %thread, " + std::to_string(yes) + ";\n";
    const std::string tell = "\nselp.u32 %r2, 1, 0, %p2;";
    expect_words(less + "bar.red.popc.u32 %r2, 0, %p1;", [&](auto) { return yes; });
    expect_words(less + "bar.red.popc.u32 %r2, 3, 128, %p1;", [&](auto) { return yes; });
    expect_words(less + "barrier.cta.red.popc.aligned.u32 %r2, 0, !%p1;",
                 [&](auto) { return kThreads - yes; });
    expect_words(less + "bar.red.and.pred %p2, 0, %p1;" + tell,
                 [&](auto) { return yes == kThreads ? 1U : 0U; });
    expect_words(less + "bar.red.and.pred %p2, 0, !%p1;" + tell,
                 [&](auto) { return yes == 0 ? 1U : 0U; });
    expect_words(less + "bar.red.or.pred %p2, 0, %p1;" + tell,
                 [&](auto) { return yes > 0 ? 1U : 0U; });
    expect_words(less + "bar.red.or.pred %p2, 0, !%p1;" + tell,
                 [&](auto) { return yes < kThreads ? 1U : 0U; });
  }
}

TEST(Barrier, ReducesOverThoseOfItsOwnNumberOnly) {
  // Warps 0 and 1 at barrier 1, warps 2 and 3 at barrier 2, by the same instruction.
  expect_words(
      "shr.u32 %r3, %warp, 1;\nadd.u32 %r3, %r3, 1;\nsetp.lt.u32 %p1, %thread, 70;\n"
      "bar.red.popc.u32 %r2, %r3, 64, %p1;",
      [](std::uint32_t thread) { return thread < 64 ? 64U : 6U; });
  // Two instructions, one barrier.
  expect_words(
      "setp.lt.u32 %p1, %thread, 70;\nsetp.lt.u32 %p2, %warp, 2;\n@%p2 bra FIRST;\n"
      "bar.red.popc.u32 %r2, 1, %p1;\nbra DONE;\nFIRST:\nbar.red.popc.u32 %r2, 1, !%p1;\nDONE:",
      [](auto) { return 6U; });
}

TEST(Barrier, DoesNotWaitForThoseWhoHaveLeft) {
  expect_words(
      "setp.eq.u32 %p1, %warp, 1;\n@%p1 st.global.u32 [%mine], 5;\n@%p1 exit;\n"
      "setp.ne.u32 %p2, %warp, 1;\nbar.red.popc.u32 %r2, 0, %p2;",
      [](std::uint32_t thread) { return thread / 32 == 1 ? 5U : 96U; });
}

/// Warps 0 and 1 write and arrive; warps 2 and 3 wait and read what they wrote.
std::string handed_over(const std::string& producer, const std::string& consumer) {
  return "setp.lt.u32 %p1, %warp, 2;\n@%p1 bra WRITE;\n" + consumer +
         "sub.u32 %r3, %own, 256;\nld.shared.u32 %r2, [%r3];\nbra DONE;\nWRITE:\n"
         "mul.lo.u32 %r3, %thread, 3;\nst.shared.u32 [%own], %r3;\n" +
         producer + "DONE:";
}

TEST(Barrier, AnArrivalLetsOthersGoOnAndDoesNotWait) {
  expect_words(handed_over("bar.arrive 1, 128;\n", "bar.sync 1, 128;\n"),
               [](std::uint32_t thread) { return thread < 64 ? 999U : 3 * (thread - 64); });
  // The arriving thread may run on for ever without ending: nobody waits for that.
  expect_words(handed_over("bar.arrive 1, 128;\nbar.sync 2, 128;\n",
                           "bar.sync 1, 128;\nbar.arrive 2, 128;\n"),
               [](std::uint32_t thread) { return thread < 64 ? 999U : 3 * (thread - 64); });
}

TEST(Barrier, WithoutTheArrivalThereIsARace) {
  for (const Order order : kOrders) {
    const std::string fault = run(handed_over("", ""), order).fault;
    EXPECT_THAT(fault, ::testing::AnyOf(HasSubstr("race on shared memory"),
                                        HasSubstr("uninitialised shared memory")));
  }
}

/// An arrival orders what was before it, not what follows.
TEST(Barrier, AnArrivalOrdersOnlyWhatWasBeforeIt) {
  for (const Order order : kOrders) {
    const std::string fault =
        run(handed_over("bar.arrive 1, 128;\nst.shared.u32 [%own], 0;\n", "bar.sync 1, 128;\n"),
            order)
            .fault;
    EXPECT_THAT(fault, HasSubstr("race on shared memory"));
  }
}

TEST(Barrier, ArrivalsAloneCompleteABarrier) {
  // Twice around: had the first round not completed, the second's count would be too high.
  expect_words("bar.arrive 1, 128;\nbar.sync 0;\nbar.arrive 1, 128;\nbar.sync 0;\nmov.u32 %r2, 1;",
               [](auto) { return 1U; });
}

TEST(Barrier, AnArrivalWithoutACountIsRefusedByName) {
  const std::string text = snippet("block.ptx", "INSTRUCTIONS", "bar.arrive 1;");
  const auto lines = unsupported_instructions(text.c_str(), 80);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr("an arrival without a count"));
}

}  // namespace
}  // namespace assay::ptx_device
