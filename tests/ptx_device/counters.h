#pragma once
/// What the functional device counts while it executes.
#include <cstdint>

namespace assay::ptx_device {

/// Each count is over threads whose guard predicate was true. Bytes are what the instructions ask
/// for, lane by lane: no cache, no coalescing.
struct Counters {
  std::uint64_t instructions = 0;  ///< thread instructions, guarded-off ones included
  std::uint64_t global_read_bytes = 0;
  std::uint64_t global_written_bytes = 0;
  std::uint64_t zero_filled_bytes = 0;  ///< by cp.async beyond its source's size: not read
  std::uint64_t shared_read_bytes = 0;
  std::uint64_t shared_written_bytes = 0;
  std::uint64_t local_bytes = 0;          ///< read or written
  std::uint64_t atomics = 0;              ///< atom and red, any space
  std::uint64_t global_atomic_bytes = 0;  ///< operand bytes of those on global memory
  std::uint64_t flops = 0;         ///< outside matrix instructions; fma = 2, packed count each
  std::uint64_t tensor_flops = 0;  ///< 2·m·n·k of each warp's matrix instruction
  std::uint64_t barriers = 0;      ///< block barriers completed
  std::uint64_t blocks = 0;
  std::uint64_t threads = 0;
  std::uint64_t launches = 0;

  [[nodiscard]] std::uint64_t global_bytes() const {
    return global_read_bytes + global_written_bytes;
  }

  Counters& operator+=(const Counters& other) {
    instructions += other.instructions;
    global_read_bytes += other.global_read_bytes;
    global_written_bytes += other.global_written_bytes;
    zero_filled_bytes += other.zero_filled_bytes;
    shared_read_bytes += other.shared_read_bytes;
    shared_written_bytes += other.shared_written_bytes;
    local_bytes += other.local_bytes;
    atomics += other.atomics;
    global_atomic_bytes += other.global_atomic_bytes;
    flops += other.flops;
    tensor_flops += other.tensor_flops;
    barriers += other.barriers;
    blocks += other.blocks;
    threads += other.threads;
    launches += other.launches;
    return *this;
  }
};

}  // namespace assay::ptx_device
