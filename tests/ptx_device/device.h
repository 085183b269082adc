#pragma once
/// The functional device: a second filling of assay::cuda::DriverTable that executes the PTX nvcc
/// emitted, on the CPU, thread by thread, and checks what a GPU would not (docs: the functional
/// device). A test tool: it says whether a kernel is right, never how fast it is.
///
/// The driver's ABI carries no user pointer, so the machine behind the table is one per process.
/// configure() starts it anew. The table may be called from several threads; calls run one after
/// another.
///
/// A fault in a launch makes launch_kernel return the driver's code, and get_error_string of that
/// code give the whole report (kernel, block, thread, PTX line, source line with its inlining
/// chain, address and nearest allocation), so that cuda::check() shows it. As on a GPU the context
/// is dead afterwards: each call returns the same code, until configure().
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/cuda/driver.h"
#include "ptx_device/counters.h"

namespace assay::ptx_device {

/// In which order the blocks of a grid and the threads of a block run where nothing orders them.
/// random also interrupts threads at arbitrary instructions.
enum class Order { forward, reverse, random };

struct Options {
  /// 80: sm_80. The newest PTX of a module that this architecture can run is executed, under this
  /// architecture's limits.
  int architecture = 80;
  /// What driver_get_version says: 1000 × major + 10 × minor of CUDA. Newer PTX is refused.
  int driver_version = 13000;
  int device_count = 1;
  std::size_t memory_bytes = std::size_t{8} << 30U;  ///< device memory of each device
  Order order = Order::forward;
  std::uint64_t seed = 1;            ///< of Order::random
  bool detect_races = true;          ///< on shared memory, between threads of a block
  bool detect_uninitialised = true;  ///< reads of shared or local bytes nobody wrote
  int workers = 1;                   ///< OS threads that run blocks of a grid
  /// A launch that executes more thread instructions than this is ended with a fault; 0: no limit.
  std::uint64_t instruction_limit = 0;
};

/// The functional device's filling of the table.
[[nodiscard]] const cuda::DriverTable& driver();

/// A new machine in place of the old one, whatever state that was in. Handles and allocations of
/// the old one are gone.
void configure(const Options& options);

/// What was counted since the last call, and clears it.
[[nodiscard]] Counters take_counters();

/// The report of the fault that killed the context; empty while it lives.
[[nodiscard]] std::string last_fault();

/// What was acquired and not released, one line each: allocations, streams, events, modules,
/// graphs, captures that never ended, retained contexts.
[[nodiscard]] std::vector<std::string> leaks();

/// The instructions of a module (a fatbin or PTX text) that the device does not execute, one line
/// each, with PTX line and text. Such an instruction is a fault when a thread reaches it.
[[nodiscard]] std::vector<std::string> unsupported_instructions(const void* image,
                                                                int architecture);

}  // namespace assay::ptx_device
