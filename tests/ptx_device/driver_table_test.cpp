/// The functional device as a driver: modules, launches and handles, and what a real driver would
/// refuse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>

#include "ptx_device/architecture.h"
#include "ptx_device/fatbin.h"
#include "ptx_device/fault.h"
#include "ptx_device/test_machine.h"

namespace assay::ptx_device {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string block(const std::string& instructions) {
  return snippet("block.ptx", "INSTRUCTIONS", instructions);
}

Options on(int architecture) {
  Options options;
  options.architecture = architecture;
  return options;
}

TEST(DriverTable, FunctionsLocalMemoryAndBranchTables) {
  TestMachine machine({}, snippet("calls.ptx"));
  auto out = machine.buffer(std::vector<std::uint64_t>(3));
  std::uint32_t words[4] = {1, 20, 300, 4000};
  machine.require(machine.launch("calls", {1, 1, 0}, {&out, words}));
  EXPECT_THAT(machine.read<std::uint64_t>(out, 3), ElementsAre(720, 4321, 102));
}

TEST(DriverTable, VariablesHaveTheirInitialValuesAndKeepNewOnes) {
  TestMachine machine({}, snippet("variables.ptx"));
  auto out = machine.buffer(std::vector<std::uint32_t>(4));
  std::uint32_t index = 2;
  machine.require(machine.launch("variables", {1, 1, 0}, {&out, &index}));
  EXPECT_THAT(machine.read<std::uint32_t>(out, 4),
              ElementsAre(std::bit_cast<std::uint32_t>(3.0F), 8, 0, 105));
}

TEST(DriverTable, AMatrixProductByTheTensorCoresInstructions) {
  TestMachine machine({}, snippet("matrix.ptx"));
  const auto bf16 = [](float value) {
    return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16U);
  };
  const auto at = [](int row, int column) {
    return static_cast<float>((3 * row + 5 * column) % 7 - 3);
  };
  std::vector<std::uint16_t> a(256);
  std::vector<std::uint16_t> b(128);  // columns of B one after another
  for (int row = 0; row < 16; ++row) {
    for (int k = 0; k < 16; ++k) a[static_cast<std::size_t>(16 * row + k)] = bf16(at(row, k));
  }
  for (int column = 0; column < 8; ++column) {
    for (int k = 0; k < 16; ++k)
      b[static_cast<std::size_t>(16 * column + k)] = bf16(at(column, k + 1));
  }
  auto on_a = machine.buffer(a);
  auto on_b = machine.buffer(b);
  auto on_d = machine.buffer(std::vector<float>(128));
  machine.require(machine.launch("product", {1, 32, 0}, {&on_a, &on_b, &on_d}));
  const auto d = machine.read<float>(on_d, 128);
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      float sum = 0.0F;
      for (int k = 0; k < 16; ++k) sum += at(row, k) * at(column, k + 1);
      EXPECT_EQ(d[static_cast<std::size_t>(8 * row + column)], sum) << row << ' ' << column;
    }
  }
  EXPECT_EQ(take_counters().tensor_flops, 2U * 16 * 8 * 16);
}

TEST(DriverTable, CountsWhatThreadsAskFor) {
  TestMachine machine({},
                      block("ld.global.u32 %r1, [%in];\nst.global.u32 [%mine], %r1;\nbar.sync 0;"));
  auto in = machine.buffer(std::vector<std::uint32_t>(64));
  auto out = machine.buffer(std::vector<std::uint32_t>(64));
  static_cast<void>(take_counters());
  machine.require(machine.launch("block", {3, 64, 0}, {&in, &out}));
  const Counters counted = take_counters();
  EXPECT_EQ(counted.global_read_bytes, 3U * 64 * 4);
  EXPECT_EQ(counted.global_written_bytes, 3U * 64 * 4);
  EXPECT_EQ(counted.barriers, 3U);
  EXPECT_EQ(counted.blocks, 3U);
  EXPECT_EQ(counted.threads, 3U * 64);
  EXPECT_EQ(take_counters().blocks, 0U) << "counters are cleared when they are taken";
}

/// The code a launch of block.ptx returns.
cuda::Result launch_result(int architecture, const TestMachine::Shape& shape) {
  TestMachine machine(on(architecture), block(""));
  auto buffer = machine.buffer(std::vector<std::uint32_t>(2048));
  return machine.launch("block", shape, {&buffer, &buffer});
}

TEST(DriverTable, LaunchesBeyondTheArchitecture) {
  EXPECT_EQ(launch_result(80, {1, 1024, 0}), cuda::kSuccess);
  EXPECT_EQ(launch_result(80, {1, 1056, 0}), cuda::kInvalidValue);
  EXPECT_EQ(launch_result(80, {0, 32, 0}), cuda::kInvalidValue);
  EXPECT_EQ(launch_result(80, {1, 0, 0}), cuda::kInvalidValue);
  // 1 KiB is static; 48 KiB is what any kernel may have without asking.
  EXPECT_EQ(launch_result(80, {1, 32, 47 * 1024}), cuda::kSuccess);
  EXPECT_EQ(launch_result(80, {1, 32, 47 * 1024 + 16}), cuda::kInvalidValue);
}

/// What launching block.ptx with a directive of its own is refused for, or nothing.
std::string refusal_with(const std::string& directive, const std::array<unsigned, 3>& threads) {
  std::string text = block("");
  text.insert(text.rfind("\n{"), "\n" + directive);
  TestMachine machine({}, text);
  auto buffer = machine.buffer(std::vector<std::uint32_t>(2048));
  cuda::FunctionHandle function = nullptr;
  machine.require(machine.table().module_get_function(&function, machine.module(), "block"));
  std::array<void*, 2> parameters{&buffer, &buffer};
  const cuda::Result result =
      machine.table().launch_kernel(function, 1, 1, 1, threads[0], threads[1], threads[2], 0,
                                    machine.stream(), parameters.data(), nullptr);
  if (result == cuda::kSuccess) return "";
  EXPECT_EQ(result, cuda::kInvalidValue);
  const char* reason = nullptr;
  machine.require(machine.table().get_error_string(result, &reason));
  return reason;
}

TEST(DriverTable, LaunchesOtherThanTheKernelWasCompiledFor) {
  // .maxntid limits the product of the extents, .reqntid is each of them (PTX ISA).
  EXPECT_EQ(refusal_with(".maxntid 64, 1, 1", {64, 1, 1}), "");
  EXPECT_EQ(refusal_with(".maxntid 16, 4", {32, 2, 1}), "");
  EXPECT_THAT(refusal_with(".maxntid 64, 1, 1", {65, 1, 1}), HasSubstr("compiled for at most 64"));
  EXPECT_THAT(refusal_with(".maxntid 16, 4", {33, 2, 1}), HasSubstr("compiled for at most 64"));
  EXPECT_EQ(refusal_with(".reqntid 32, 2", {32, 2, 1}), "");
  EXPECT_THAT(refusal_with(".reqntid 32, 2", {64, 1, 1}), HasSubstr("requires (32,2,1)"));
}

/// The text and code that a launch of a kernel of those limits is refused with.
std::pair<cuda::Result, std::string> refusal_of(const KernelLimits& kernel,
                                                const std::array<unsigned, 3>& grid,
                                                const std::array<unsigned, 3>& threads) {
  try {
    check_launch(architecture_of(80), kernel, grid, threads, 0);
  } catch (const Refusal& refusal) {
    return {refusal.result(), refusal.what()};
  }
  return {cuda::kSuccess, ""};
}

TEST(DriverTable, GridsAndBlocksBeyondTheArchitecture) {
  using Shape = std::array<unsigned, 3>;
  for (const Shape& grid : {Shape{0x7FFFFFFF, 1, 1}, Shape{1, 65535, 1}, Shape{1, 1, 65535}}) {
    EXPECT_EQ(refusal_of({}, grid, {32, 1, 1}).second, "");
  }
  for (const Shape& grid : {Shape{0x80000000, 1, 1}, Shape{1, 65536, 1}, Shape{1, 1, 65536},
                            Shape{1, 0, 1}, Shape{1, 1, 0}}) {
    const auto [result, text] = refusal_of({}, grid, {32, 1, 1});
    EXPECT_EQ(result, cuda::kInvalidValue);
    EXPECT_THAT(text, HasSubstr("a grid of"));
  }
  EXPECT_EQ(refusal_of({}, {1, 1, 1}, {1, 16, 64}).second, "");
  EXPECT_THAT(refusal_of({}, {1, 1, 1}, {1, 8, 65}).second, HasSubstr("z must be 1 to 64"));
  EXPECT_THAT(refusal_of({}, {1, 1, 1}, {32, 32, 2}).second, HasSubstr("2048 threads a block"));
}

TEST(DriverTable, RegistersBeyondTheMultiprocessors) {
  // 65,536 registers, given to warps by 256: 64 a thread fit 1,024 threads, 65 take 72's room.
  EXPECT_EQ(refusal_of({.registers = 64}, {1, 1, 1}, {1024, 1, 1}).first, cuda::kSuccess);
  const auto [result, text] = refusal_of({.registers = 65}, {1, 1, 1}, {1024, 1, 1});
  EXPECT_EQ(result, cuda::kLaunchOutOfResources);
  EXPECT_THAT(text, HasSubstr("1024 threads of 65 registers each"));
  EXPECT_EQ(refusal_of({.registers = 65}, {1, 1, 1}, {896, 1, 1}).first, cuda::kSuccess);
  EXPECT_EQ(refusal_of({.registers = 65}, {1, 1, 1}, {928, 1, 1}).first,
            cuda::kLaunchOutOfResources);
}

TEST(DriverTable, SharedMemoryIsAskedForUpToTheArchitecturesLimit) {
  for (const auto& [architecture, most] : {std::pair{80, 163}, {86, 99}, {90, 227}}) {
    TestMachine machine(on(architecture), block(""));
    auto buffer = machine.buffer(std::vector<std::uint32_t>(64));
    cuda::FunctionHandle function = nullptr;
    machine.require(machine.table().module_get_function(&function, machine.module(), "block"));
    const auto ask = [&](int bytes) {
      return machine.table().function_set_attribute(
          function, cuda::FunctionAttribute::max_dynamic_shared_size_bytes, bytes);
    };
    const int dynamic = (most - 1) * 1024;  // beside 1 KiB of static
    EXPECT_EQ(ask(dynamic + 16), cuda::kInvalidValue) << architecture;
    EXPECT_EQ(ask(dynamic), cuda::kSuccess) << architecture;
    EXPECT_EQ(machine.launch("block", {1, 32, static_cast<unsigned>(dynamic)}, {&buffer, &buffer}),
              cuda::kSuccess)
        << architecture;
  }
}

TEST(DriverTable, RefusesModulesAsADriverDoes) {
  EXPECT_EQ(TestMachine({}, "no image").loaded(), cuda::kInvalidImage);
  EXPECT_EQ(TestMachine(on(75), block("")).loaded(), cuda::kNoBinaryForGpu) << "PTX for sm_80";
  Options old;
  old.driver_version = 11080;  // knows PTX 7.8
  EXPECT_EQ(TestMachine(old, block("")).loaded(), cuda::kUnsupportedPtxVersion);
}

TEST(DriverTable, RefusesAKernelThatBranchesNowhere) {
  TestMachine machine({}, block("bra NOWHERE;"));
  cuda::FunctionHandle function = nullptr;
  EXPECT_EQ(machine.table().module_get_function(&function, machine.module(), "block"),
            cuda::kInvalidPtx);
}

TEST(DriverTable, RefusesWhatIsNotThere) {
  TestMachine machine({}, block(""));
  cuda::FunctionHandle function = nullptr;
  EXPECT_EQ(machine.table().module_get_function(&function, machine.module(), "none"),
            cuda::kNotFound);
  EXPECT_EQ(machine.table().memory_free(1234), cuda::kInvalidValue);
  const auto buffer = machine.buffer(std::vector<std::uint32_t>(4));
  machine.require(machine.table().memory_free(buffer));
  EXPECT_EQ(machine.table().memory_free(buffer), cuda::kInvalidValue) << "freed twice";
  EXPECT_EQ(machine.table().stream_synchronize(nullptr), cuda::kSuccess) << "the default stream";
  int anything = 0;
  const auto foreign = reinterpret_cast<cuda::StreamHandle>(&anything);
  EXPECT_EQ(machine.table().stream_synchronize(foreign), cuda::kInvalidHandle);
  cuda::DevicePointer pointer = 0;
  EXPECT_EQ(machine.table().memory_allocate(&pointer, 0), cuda::kInvalidValue);
  EXPECT_EQ(machine.table().memory_allocate(&pointer, std::size_t{1} << 40U), cuda::kOutOfMemory);
}

TEST(DriverTable, NeedsAContext) {
  configure({});
  cuda::DevicePointer pointer = 0;
  EXPECT_EQ(driver().memory_allocate(&pointer, 16), cuda::kInvalidContext);
  EXPECT_EQ(driver().context_set_current(reinterpret_cast<cuda::ContextHandle>(&pointer)),
            cuda::kInvalidContext);
}

TEST(DriverTable, ListsWhatWasNotReleased) {
  TestMachine machine({}, block(""));
  const auto kept = machine.buffer(std::vector<std::uint32_t>(4));
  const auto has = [](const std::string& what) { return ::testing::Contains(HasSubstr(what)); };
  EXPECT_THAT(leaks(), has("16-byte"));
  EXPECT_THAT(leaks(), has("stream"));
  machine.require(machine.table().memory_free(kept));
  EXPECT_THAT(leaks(), ::testing::Not(has("16-byte")));
}

/// A fatbin made of entries: kind 1 is PTX, 2 a cubin.
struct Part {
  std::uint16_t kind;
  std::uint32_t architecture;
  std::string payload;
  std::uint32_t compressed_bytes = 0;
};
std::string fatbin(const std::vector<Part>& parts) {
  const auto put = [](std::string& to, std::size_t at, auto value) {
    std::memcpy(to.data() + at, &value, sizeof value);
  };
  std::string entries;
  for (const Part& part : parts) {
    std::string header(64, '\0');
    put(header, 0, part.kind);
    put(header, 4, std::uint32_t{64});
    put(header, 8, std::uint64_t{part.payload.size()});
    put(header, 16, part.compressed_bytes);
    put(header, 28, part.architecture);
    entries += header + part.payload;
  }
  std::string all(16, '\0');
  put(all, 0, std::uint32_t{0xBA55ED50});
  put(all, 4, std::uint16_t{1});
  put(all, 6, std::uint16_t{16});
  put(all, 8, std::uint64_t{entries.size()});
  return all + entries;
}

TEST(Fatbin, TheNewestPtxThatTheArchitectureRuns) {
  const std::string image = fatbin({{1, 80, "eighty"}, {2, 80, "cubin"}, {1, 90, "ninety"}});
  EXPECT_EQ(select_ptx(image.data(), 80).text, "eighty");
  EXPECT_EQ(select_ptx(image.data(), 80).cubin, "cubin");
  EXPECT_EQ(select_ptx(image.data(), 89).text, "eighty");
  EXPECT_EQ(select_ptx(image.data(), 90).text, "ninety");
  EXPECT_THROW(static_cast<void>(select_ptx(image.data(), 75)), Refusal);
}

TEST(Fatbin, CompressedPtxIsRefusedByName) {
  const std::string image = fatbin({{1, 80, "packed", 3}});
  try {
    static_cast<void>(select_ptx(image.data(), 80));
    FAIL() << "it was accepted";
  } catch (const Refusal& refusal) {
    EXPECT_THAT(refusal.what(), HasSubstr("compress"));
  }
}

}  // namespace
}  // namespace assay::ptx_device
