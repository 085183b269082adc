/// What the functional device finds that a GPU would not say: each kind of fault, caught by name
/// with the line of the PTX, and what only looks like one let through.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "ptx_device/test_machine.h"

namespace assay::ptx_device {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Runs instructions in block.ptx with 64 words in and out; the fault's report, or nothing.
std::string fault_of(const std::string& instructions, unsigned threads = 64,
                     unsigned shared_bytes = 0, const Options& options = {}) {
  TestMachine machine(options, snippet("block.ptx", "INSTRUCTIONS", instructions));
  std::vector<std::uint32_t> words(64);
  std::iota(words.begin(), words.end(), 0U);
  auto in = machine.buffer(words);
  auto out = machine.buffer(std::vector<std::uint32_t>(64));
  const auto result = machine.launch("block", {1, threads, shared_bytes}, {&in, &out});
  EXPECT_EQ(result == cuda::kSuccess, last_fault().empty());
  return last_fault();
}

constexpr const char* kWriteOwn = "st.shared.u32 [%own], %thread;\n";
constexpr const char* kBarrier = "bar.sync 0;\n";
constexpr const char* kReadNext = "ld.shared.u32 %r1, [%next];\nst.global.u32 [%mine], %r1;\n";

TEST(Check, OutsideOfAnAllocation) {
  const std::string report = fault_of("st.global.u32 [%out+256], %thread;");
  EXPECT_THAT(report, HasSubstr("256-byte allocation"));
  EXPECT_THAT(report, HasSubstr("kernel block, block (0,0,0), thread (0,0,0)"));
  EXPECT_THAT(report, HasSubstr("st.global.u32 [%out+256], %thread;"));
  EXPECT_THAT(fault_of("ld.global.u32 %r1, [%in+-4];"), HasSubstr("before"));
  EXPECT_EQ(fault_of("st.global.u32 [%out+252], %thread;"), "");
}

TEST(Check, PartOfAnAccessOutside) {
  EXPECT_THAT(fault_of("ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%in+256];", 1),
              HasSubstr("256-byte allocation"));
  EXPECT_EQ(fault_of("ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%in+240];"), "");
}

TEST(Check, Misaligned) {
  EXPECT_THAT(fault_of("ld.global.u32 %r1, [%in+2];"), HasSubstr("misaligned"));
  EXPECT_THAT(fault_of("ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%in+8];"), HasSubstr("misaligned"));
}

TEST(Check, UseAfterFree) {
  TestMachine machine({}, snippet("block.ptx", "INSTRUCTIONS", "ld.global.u32 %r1, [%in];"));
  auto in = machine.buffer(std::vector<std::uint32_t>(64));
  auto out = machine.buffer(std::vector<std::uint32_t>(64));
  machine.require(machine.table().memory_free(in));
  EXPECT_EQ(machine.launch("block", {1, 32, 0}, {&in, &out}), cuda::kIllegalAddress);
  EXPECT_THAT(last_fault(), HasSubstr("free"));
}

TEST(Check, SharedMemoryThatNobodyWrote) {
  EXPECT_THAT(fault_of("ld.shared.u32 %r1, [%own];"), HasSubstr("uninitialised shared memory"));
  EXPECT_EQ(fault_of(std::string(kWriteOwn) + "ld.shared.u32 %r1, [%own];"), "");
  Options unchecked;
  unchecked.detect_uninitialised = false;
  EXPECT_EQ(fault_of("ld.shared.u32 %r1, [%own];", 64, 0, unchecked), "");
}

TEST(Check, SharedMemoryOutside) {
  EXPECT_THAT(fault_of("st.shared.u32 [%tile+1024], %thread;"), HasSubstr("shared memory"));
  EXPECT_EQ(fault_of("st.shared.u32 [dynamic], %thread;", 1, 16), "");
  EXPECT_THAT(fault_of("st.shared.u32 [dynamic+16], %thread;", 1, 16), HasSubstr("shared memory"));
}

TEST(Check, RaceBetweenBarriers) {
  const std::string report = fault_of(std::string(kWriteOwn) + kBarrier + kReadNext + kWriteOwn);
  EXPECT_THAT(report, HasSubstr("race on shared memory"));
  EXPECT_THAT(report, HasSubstr("of tile"));
  EXPECT_EQ(fault_of(std::string(kWriteOwn) + kBarrier + kReadNext + kBarrier + kWriteOwn), "");
  Options unchecked;
  unchecked.detect_races = false;
  EXPECT_EQ(fault_of(std::string(kWriteOwn) + kBarrier + kReadNext + kWriteOwn, 64, 0, unchecked),
            "");
}

TEST(Check, RaceIsFoundInEachOrder) {
  for (const Order order : {Order::forward, Order::reverse, Order::random}) {
    Options options;
    options.order = order;
    EXPECT_NE(fault_of(std::string(kWriteOwn) + kReadNext, 64, 0, options), "");
    EXPECT_EQ(fault_of(std::string(kWriteOwn) + kBarrier + kReadNext, 64, 0, options), "");
  }
}

TEST(Check, AWarpBarrierOrdersOneWarp) {
  const std::string warp_barrier = "bar.warp.sync 0xffffffff;\n";
  EXPECT_EQ(fault_of(std::string(kWriteOwn) + warp_barrier + kReadNext, 32), "");
  EXPECT_THAT(fault_of(std::string(kWriteOwn) + warp_barrier + kReadNext, 64),
              ::testing::AnyOf(HasSubstr("race"), HasSubstr("uninitialised")));
}

TEST(Check, AsynchronousCopyIsNotThereBeforeItsWait) {
  const std::string copy =
      "mul.wide.u32 %rd1, %thread, 4;\nadd.s64 %rd1, %in, %rd1;\n"
      "cp.async.ca.shared.global [%own], [%rd1], 4;\ncp.async.commit_group;\n";
  const std::string read = "ld.shared.u32 %r1, [%own];\nst.global.u32 [%mine], %r1;\n";
  EXPECT_THAT(fault_of(copy + read), HasSubstr("cp.async"));
  EXPECT_THAT(fault_of(copy + "cp.async.wait_group 1;\n" + read), HasSubstr("cp.async"));
  EXPECT_EQ(fault_of(copy + "cp.async.wait_group 0;\n" + read), "");
  // Another thread needs a barrier as well.
  EXPECT_NE(fault_of(copy + "cp.async.wait_group 0;\n" + kReadNext), "");
  EXPECT_EQ(fault_of(copy + "cp.async.wait_group 0;\n" + kBarrier + kReadNext), "");
}

TEST(Check, ZerosThatACopyFillsInAreNotRead) {
  const std::string copy =
      "mov.u32 %r2, SIZE;\nmul.wide.u32 %rd1, %thread, 4;\nadd.s64 %rd1, %in, %rd1;\n"
      "cp.async.ca.shared.global [%own], [%rd1], 4, %r2;\ncp.async.wait_all;\n"
      "ld.shared.u32 %r1, [%own];\nst.global.u32 [%mine], %r1;\n";
  for (const std::uint64_t size : {0U, 1U, 4U}) {
    std::string sized = copy;
    sized.replace(sized.find("SIZE"), 4, std::to_string(size));
    static_cast<void>(take_counters());
    EXPECT_EQ(fault_of(sized), "");
    const Counters counted = take_counters();
    EXPECT_EQ(counted.global_read_bytes, 64 * size);
    EXPECT_EQ(counted.zero_filled_bytes, 64 * (4 - size));
  }
}

TEST(Check, CollectiveThatCannotComplete) {
  // Half of the warp leaves; the rest names it in the mask.
  EXPECT_THAT(
      fault_of("setp.lt.u32 %p1, %lane, 16;\n@%p1 exit;\n"
               "shfl.sync.bfly.b32 %r1, %thread, 1, 0x1f, 0xffffffff;",
               32),
      ::testing::AnyOf(HasSubstr("collective"), HasSubstr("exited"), HasSubstr("deadlock")));
  EXPECT_EQ(fault_of("setp.lt.u32 %p1, %lane, 16;\n@%p1 exit;\n"
                     "shfl.sync.bfly.b32 %r1, %thread, 1, 0x1f, 0xffff0000;",
                     32),
            "");
}

TEST(Check, BarrierThatCannotComplete) {
  // Warp 0 waits at barrier 1, warp 1 at barrier 2.
  const std::string report =
      fault_of("setp.eq.u32 %p1, %warp, 0;\n@%p1 bar.sync 1;\n@!%p1 bar.sync 2;");
  EXPECT_THAT(report, HasSubstr("deadlock"));
  // Threads that have ended are not waited for.
  EXPECT_EQ(fault_of("setp.eq.u32 %p1, %warp, 0;\n@%p1 exit;\nbar.sync 0;"), "");
}

TEST(Check, EndlessLoopEndsAtTheLimit) {
  Options options;
  options.instruction_limit = 1'000'000;
  EXPECT_THAT(fault_of("AGAIN:\nbra AGAIN;", 1, 0, options), HasSubstr("endless"));
}

TEST(Check, UnsupportedInstructionIsNamedWithItsLine) {
  const std::string text = snippet("block.ptx", "INSTRUCTIONS", "wgmma.fence.sync.aligned;");
  EXPECT_THAT(fault_of("wgmma.fence.sync.aligned;"),
              ::testing::AllOf(HasSubstr("unsupported"), HasSubstr("wgmma")));
  const auto lines = unsupported_instructions(text.c_str(), 80);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr("wgmma.fence"));
  // Never reached, never a fault.
  EXPECT_EQ(fault_of("bra DONE;\nwgmma.fence.sync.aligned;\nDONE:"), "");
}

/// What follows "source " in the report of a fault of that entry.
std::string source_of_fault(const char* entry) {
  TestMachine machine({}, snippet("source_places.ptx"));
  auto out = machine.buffer(std::vector<std::uint32_t>(4));
  EXPECT_EQ(machine.launch(entry, {1, 1, 0}, {&out}), cuda::kIllegalAddress);
  const std::string report = last_fault();
  const std::size_t at = report.find("source ");
  return at == std::string::npos ? report : report.substr(at);
}

TEST(Check, AFaultNamesTheSourceAndItsInliningChain) {
  EXPECT_THAT(source_of_fault("places"),
              StartsWith("source store.h:7, in store inlined at kernel.cu:20, in inner inlined at "
                         "kernel.cu:31"));
  EXPECT_THAT(source_of_fault("others"),
              StartsWith("source store.h:7, in store inlined at kernel.cu:20, in inner inlined at "
                         "kernel.cu:41"));
}

TEST(Check, TheContextIsDeadAfterAFault) {
  TestMachine machine({}, snippet("block.ptx", "INSTRUCTIONS", "trap;"));
  auto in = machine.buffer(std::vector<std::uint32_t>(64));
  auto out = machine.buffer(std::vector<std::uint32_t>(64));
  const auto result = machine.launch("block", {1, 32, 0}, {&in, &out});
  EXPECT_EQ(result, cuda::kLaunchFailed);
  EXPECT_EQ(machine.table().stream_synchronize(machine.stream()), result);
  cuda::DevicePointer pointer = 0;
  EXPECT_EQ(machine.table().memory_allocate(&pointer, 16), result);
  configure({});
  EXPECT_EQ(last_fault(), "");
}

}  // namespace
}  // namespace assay::ptx_device
