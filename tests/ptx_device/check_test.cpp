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
  EXPECT_THAT(fault_of("ld.global.u32 %r1, [%in+2];"), HasSubstr("misaligned read of 4 bytes"));
  EXPECT_THAT(fault_of("ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%in+8];"),
              HasSubstr("misaligned read of 16 bytes"));
  // In each space, by its own form and, where one has addresses of that kind, by a generic one.
  const std::string tile = "cvt.u64.u32 %rd1, %tile;\ncvta.shared.u64 %rd1, %rd1;\n";
  const std::string stack = "mov.u64 %rd1, stack;\ncvta.local.u64 %rd1, %rd1;\n";
  for (const std::string& store :
       {std::string("st.shared.u32 [%tile+2], %thread;"),
        std::string("st.local.u32 [stack+2], %thread;"), tile + "st.u32 [%rd1+2], %thread;",
        stack + "st.u32 [%rd1+2], %thread;"}) {
    EXPECT_THAT(fault_of(store, 1), HasSubstr("misaligned write of 4 bytes"));
  }
  EXPECT_THAT(fault_of("st.shared.v2.u32 [%tile+4], {%thread, %thread};", 1),
              HasSubstr("misaligned write of 8 bytes"));
  EXPECT_THAT(fault_of("ld.const.u32 %r1, [constants+1];"), HasSubstr("misaligned read of 4"));
  EXPECT_THAT(fault_of("ld.const.v2.u32 {%r1, %r2}, [constants+4];"),
              HasSubstr("misaligned read of 8"));
  EXPECT_THAT(fault_of("atom.shared.add.u32 %r1, [%tile+2], 1;", 1), HasSubstr("misaligned"));
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

TEST(Check, LocalMemoryThatTheThreadDidNotWrite) {
  const std::string read = "ld.local.u32 %r1, [stack+4];\n";
  EXPECT_THAT(fault_of(read), HasSubstr("uninitialised local memory"));
  EXPECT_EQ(fault_of("st.local.u32 [stack+4], %thread;\n" + read), "");
  // Of a word, the bytes that were written are not enough.
  EXPECT_THAT(fault_of("st.local.u16 [stack+4], 1;\n" + read),
              HasSubstr("uninitialised local memory"));
  Options unchecked;
  unchecked.detect_uninitialised = false;
  EXPECT_EQ(fault_of(read, 64, 0, unchecked), "");
}

TEST(Check, LocalMemoryOutside) {
  EXPECT_EQ(fault_of("st.local.u32 [stack+12], %thread;"), "");
  for (const char* const outside : {"[stack+16]", "[stack+-4]"}) {
    EXPECT_THAT(fault_of(std::string("st.local.u32 ") + outside + ", %thread;"),
                HasSubstr("the thread has 16 bytes"));
  }
}

TEST(Check, ConstantMemoryOutside) {
  EXPECT_EQ(fault_of("ld.const.u32 %r1, [constants+12];"), "");
  for (const char* const outside : {"[constants+16]", "[constants+-4]", "[%in]"}) {
    EXPECT_THAT(fault_of(std::string("ld.const.u32 %r1, ") + outside + ";"),
                HasSubstr("constant read of 4 bytes at"));
  }
  EXPECT_THAT(fault_of("mov.u64 %rd1, constants;\nst.global.u32 [%rd1], %thread;"),
              HasSubstr("constant memory is not written"));
}

TEST(Check, ParametersOutside) {
  EXPECT_EQ(fault_of("ld.param.u64 %rd1, [in+8];"), "");
  EXPECT_THAT(fault_of("ld.param.u64 %rd1, [in+16];"), HasSubstr("16 bytes of parameters"));
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
  const std::string half_leaves = "setp.lt.u32 %p1, %lane, 16;\n@%p1 exit;\n";
  const auto exchange = [](const char* mask) {
    return std::string("shfl.sync.bfly.b32 %r1, %thread, 1, 0x1f, ") + mask + ";\n";
  };
  EXPECT_THAT(fault_of(half_leaves + exchange("0xffffffff"), 32),
              HasSubstr("waits for lanes 0xffffffff, of which lane 0 has exited"));
  EXPECT_EQ(fault_of(half_leaves + exchange("0xffff0000"), 32), "");
  // The halves wait for each other, at different instructions.
  EXPECT_THAT(fault_of("setp.lt.u32 %p1, %lane, 16;\n@%p1 bra FIRST;\n" + exchange("0xffffffff") +
                           "bra DONE;\nFIRST:\n" + exchange("0xffffffff") + "DONE:",
                       32),
              ::testing::AllOf(HasSubstr("deadlock: 0 threads have exited"),
                               HasSubstr("thread 0 on for lanes 0xffffffff"),
                               HasSubstr("thread 16 on for lanes 0xffffffff")));
  // They name different lanes.
  EXPECT_THAT(fault_of("setp.lt.u32 %p1, %lane, 16;\nselp.u32 %r2, 0xffffffff, 0xffff0000, %p1;\n" +
                           exchange("%r2"),
                       32),
              HasSubstr("deadlock"));
}

TEST(Check, AMaskThatDoesNotNameTheLane) {
  EXPECT_THAT(fault_of("shfl.sync.bfly.b32 %r1, %thread, 1, 0x1f, 0xfffffffe;", 32),
              HasSubstr("the mask 0xfffffffe does not name lane 0"));
  EXPECT_THAT(fault_of("bar.warp.sync 0x0000ffff;", 32),
              HasSubstr("the mask 0x0000ffff does not name lane 16"));
}

TEST(Check, BarrierThatCannotComplete) {
  // Warp 0 waits at barrier 1, warp 1 at barrier 2.
  const std::string report =
      fault_of("setp.eq.u32 %p1, %warp, 0;\n@%p1 bar.sync 1;\n@!%p1 bar.sync 2;");
  EXPECT_THAT(report, HasSubstr("deadlock"));
  EXPECT_THAT(report, HasSubstr("thread 0 on at barrier 1"));
  EXPECT_THAT(report, HasSubstr("thread 32 on at barrier 2"));
  // Threads that have ended are not waited for, but where a number of them is.
  const std::string first_leaves = "setp.eq.u32 %p1, %warp, 0;\n@%p1 exit;\n";
  EXPECT_EQ(fault_of(first_leaves + "bar.sync 0;"), "");
  EXPECT_THAT(fault_of(first_leaves + "bar.sync 0, 64;"),
              HasSubstr("deadlock: 32 threads have exited"));
}

TEST(Check, ADivergedWarpAtABarrier) {
  const auto halves = [](const std::string& barrier) {
    return "setp.lt.u32 %p1, %lane, 16;\n@%p1 bra FIRST;\n" + barrier + "bra DONE;\nFIRST:\n" +
           barrier + "DONE:";
  };
  EXPECT_THAT(fault_of(halves("bar.sync 0;\n")),
              HasSubstr("the warp diverges: thread 0 waits at another barrier instruction"));
  EXPECT_THAT(fault_of(halves("barrier.sync.aligned 0;\n")), HasSubstr("the warp diverges"));
  EXPECT_EQ(fault_of(halves("barrier.sync 0;\n")), "") << "the form that allows it";
}

TEST(Check, BarriersThatThreadsDisagreeAbout) {
  const std::string is_first = "setp.eq.u32 %p1, %warp, 0;\n";
  EXPECT_THAT(fault_of(is_first + "@%p1 bar.sync 1, 64;\n@!%p1 bar.sync 1, 32;"),
              HasSubstr("barrier 1 is waited at for 32 threads, by others for 64"));
  EXPECT_THAT(fault_of(is_first + "@%p1 bar.sync 1;\n@!%p1 bar.sync 1, 64;"),
              HasSubstr("barrier 1 is waited at for 64 threads, by others for 0"));
  EXPECT_THAT(fault_of(is_first + "@%p1 bar.sync 0;\n@!%p1 bar.red.popc.u32 %r1, 0, %p1;"),
              HasSubstr("barrier 0 is waited at by different kinds of bar"));
  EXPECT_THAT(fault_of("bar.sync 1, 48;"), HasSubstr("no multiple of a warp"));
  EXPECT_THAT(fault_of("mov.u32 %r1, 16;\nbar.sync %r1;"),
              HasSubstr("barrier 16 is not one of 0 to 15"));
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
