#pragma once
/// One block of a grid in execution: its threads, each with a program counter of its own, its
/// shared memory and its barriers.
///
/// A thread runs alone until it waits for others (a warp collective, a barrier), ends, or has used
/// up its slice; then the next runs, in the order that the options ask for. A warp collective
/// executes when all lanes of its mask wait at it; a barrier when all threads that it waits for
/// have come. When no thread can run and not all have ended, that is a fault that names them.
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "ptx_device/counters.h"
#include "ptx_device/device.h"
#include "ptx_device/global_memory.h"
#include "ptx_device/instruction.h"
#include "ptx_device/shared_memory.h"

namespace assay::ptx_device {

enum class ThreadState : std::uint8_t { ready, yielded, collective, barrier, exited };

struct Thread;

/// A cp.async under way: it lands when it is waited for, not before.
struct AsyncCopy {
  std::byte* shared = nullptr;
  std::uint32_t shared_address = 0;
  std::uint32_t bytes = 0;       ///< written to shared memory
  std::uint32_t from_bytes = 0;  ///< read; zeros follow
  const std::byte* from = nullptr;
  std::uint32_t group = 0;
};

/// Where a call goes back to.
struct CallFrame {
  const Instruction* call = nullptr;
  std::uint64_t* slots = nullptr;
  int function = 0;
};

/// What only few kernels need of a thread.
struct ThreadExtras {
  std::vector<std::byte> local;
  std::vector<bool> local_written;
  std::vector<AsyncCopy> copies;
  std::uint32_t group = 0;  ///< commit groups so far
  std::vector<CallFrame> calls;
  std::vector<std::vector<std::uint64_t>> frames;  ///< by depth of the call
  std::uint32_t local_top = 0;
};

struct Thread {
  std::uint64_t* slots = nullptr;
  const Instruction* next = nullptr;  ///< where it goes on
  Block* block = nullptr;
  std::uint32_t index = 0;  ///< in the block
  ThreadState state = ThreadState::ready;
  bool carry = false;          ///< CC.CF
  std::uint32_t mask = 0;      ///< lanes that it waits for, or the barrier's number
  std::uint32_t expected = 0;  ///< threads of the barrier that it waits at; 0: all
  int function = 0;            ///< of Program::functions
  std::array<std::uint32_t, 3> position{};
  ThreadExtras* extras = nullptr;

  [[nodiscard]] std::uint32_t lane() const { return index % 32; }
};

template <class T>
T read_slot(const Thread& thread, Slot slot) {
  T value;
  __builtin_memcpy(&value, thread.slots + slot, sizeof value);
  return value;
}
/// Narrow values are zero-extended.
template <class T>
void write_slot(Thread& thread, Slot slot, T value) {
  std::uint64_t bits = 0;
  __builtin_memcpy(&bits, &value, sizeof value);
  thread.slots[slot] = bits;
}

/// A memory instruction's last allocation.
struct Site {
  std::uint64_t begin = 0;
  std::uint64_t room = 0;  ///< offsets below this are within
  std::byte* host = nullptr;
};

/// What all blocks of a launch share.
struct Launch {
  const Program* program = nullptr;
  const Module* module = nullptr;
  const GlobalMemory* memory = nullptr;
  const Options* options = nullptr;
  std::array<std::uint32_t, 3> grid{1, 1, 1};
  std::array<std::uint32_t, 3> block{1, 1, 1};
  std::uint32_t dynamic_shared_bytes = 0;
  std::vector<std::byte> parameters;
  std::uint32_t multiprocessors = 1;

  [[nodiscard]] std::uint32_t threads() const { return block[0] * block[1] * block[2]; }
};

class Block {
 public:
  explicit Block(const Launch& launch);

  /// Begins another block of the grid, with fresh threads and shared memory.
  void begin(std::uint64_t index);
  /// Runs until all threads have ended (true), or about `turns` slices have passed with some that
  /// still can run: they may wait for another block. Throws Fault with the whole report.
  bool run(std::uint64_t turns);

  [[nodiscard]] const Launch& launch() const { return launch_; }
  [[nodiscard]] const std::array<std::uint32_t, 3>& position() const { return position_; }
  [[nodiscard]] std::uint64_t index() const { return index_; }
  SharedMemory& shared() { return shared_; }
  Counters& counters() { return counters_; }
  Site& site(std::uint32_t index) { return sites_[index]; }
  [[nodiscard]] const Detail& detail(const Instruction* instruction) const {
    return launch_.program->details[instruction->detail];
  }
  Thread& thread(std::uint32_t index) { return threads_[index]; }
  /// Lanes of a warp that exist.
  [[nodiscard]] std::uint32_t lanes_of(std::uint32_t warp) const;

  /// A thread waits at a collective for the lanes of the mask.
  void wait_at_collective(Thread& thread, const Instruction* instruction, std::uint32_t mask);
  /// A thread waits at barrier `number` for `expected` threads (0: all).
  void wait_at_barrier(Thread& thread, const Instruction* instruction, std::uint32_t number,
                       std::uint32_t expected);
  /// bar.arrive: counts, and goes on.
  void arrive_at_barrier(Thread& thread, const Instruction* instruction, std::uint32_t number,
                         std::uint32_t expected);
  void exit(Thread& thread, const Instruction* instruction);
  /// Completes copies of groups up to and including `last`.
  void land_copies(Thread& thread, std::uint32_t last);

 private:
  struct Barrier {
    std::uint32_t expected = 0;  ///< 0: all
    std::vector<std::uint32_t> waiting;
    std::uint32_t arrived = 0;   ///< by bar.arrive
    std::vector<Time> released;  ///< what those had done (ordering.h)
  };

  /// Lanes of a warp that wait at a collective, and that have exited: whether it is worth looking
  /// closer.
  struct WarpCount {
    std::uint32_t at_collective = 0;
    std::uint32_t exited = 0;
  };

  void run_thread(Thread& thread, std::uint64_t slice);
  void run_warp(std::uint32_t warp);
  void run_in_order();
  void run_random();
  void try_collective(const Thread& thread);
  void try_open_collectives(std::uint32_t warp);
  void complete_collective(std::uint32_t warp, std::uint32_t lanes, const Instruction* instruction);
  /// Throws Fault for an arrival that no barrier takes.
  void check_arrival(const Thread& thread, const Instruction* instruction, std::uint32_t number,
                     std::uint32_t expected) const;
  [[nodiscard]] const Thread* waiting_in_warp_of(const Thread& thread, std::uint32_t number) const;
  void try_barrier(std::uint32_t number);
  void complete_barrier(Barrier& barrier, bool all);
  void count_instructions(std::uint64_t executed);
  [[noreturn]] void deadlock();

  const Launch& launch_;
  std::uint32_t thread_count_;
  std::uint64_t index_ = 0;
  std::array<std::uint32_t, 3> position_{};
  std::vector<Thread> threads_;
  std::vector<ThreadExtras> extras_;
  std::vector<WarpCount> warps_;
  std::vector<std::uint64_t> slots_;
  std::vector<Site> sites_;
  SharedMemory shared_;
  std::array<Barrier, 16> barriers_;
  std::uint32_t live_ = 0;
  std::uint64_t stops_ = 0;  ///< times a thread stopped other than by its slice's end
  std::uint64_t slices_left_ = 0;
  std::mt19937_64 random_;
  Counters counters_;
};

/// The number of the faulting instruction's thread and place, added to what is wrong.
[[nodiscard]] std::string report(const std::string& what, const Thread& thread,
                                 const Instruction* instruction);
/// "PTX line 12: …" with the source line where there is one.
[[nodiscard]] std::string place_of(const Module& module, const Instruction* instruction);

}  // namespace assay::ptx_device
