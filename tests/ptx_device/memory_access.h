#pragma once
/// From an address in a state space to the host's bytes, with every check there is: bounds,
/// alignment, reads of bytes nobody wrote, races; and counted.
#include <cstddef>
#include <cstdint>

#include "ptx_device/address_space.h"
#include "ptx_device/block.h"
#include "ptx_device/emission.h"

namespace assay::ptx_device {

using Access = SharedMemory::Access;

[[noreturn]] void misaligned(std::uint64_t address, std::uint32_t bytes, Access access);

/// Looks the allocation up, and notes it at the instruction's site.
std::byte* find_global(Thread& thread, std::uint32_t site, std::uint64_t address,
                       std::uint32_t bytes, Access access);
std::byte* find_local(Thread& thread, std::uint64_t address, std::uint32_t bytes, Access access);
std::byte* find_constant(Thread& thread, std::uint64_t address, std::uint32_t bytes, Access access);
std::byte* find_parameter(Thread& thread, std::uint64_t address, std::uint32_t bytes,
                          Access access);

inline std::byte* global_bytes(Thread& thread, std::uint32_t site, std::uint64_t address,
                               std::uint32_t bytes, Access access) {
  Counters& counters = thread.block->counters();
  if (access == Access::read) {
    counters.global_read_bytes += bytes;
  } else if (access == Access::write) {
    counters.global_written_bytes += bytes;
  } else {
    counters.global_atomic_bytes += bytes;
  }
  const Site& last = thread.block->site(site);
  const std::uint64_t offset = address - last.begin;
  if (offset < last.room) [[likely]]
    return last.host + offset;
  return find_global(thread, site, address, bytes, access);
}

inline std::byte* shared_bytes(Thread& thread, const Instruction* i, std::uint64_t address,
                               std::uint32_t bytes, Access access) {
  Counters& counters = thread.block->counters();
  if (access != Access::write) counters.shared_read_bytes += bytes;
  if (access != Access::read) counters.shared_written_bytes += bytes;
  return thread.block->shared().access(access, static_cast<std::uint32_t>(address), bytes,
                                       thread.index, i);
}

/// `bytes` is a power of two; the address must be a multiple of it. site: of the instruction, for
/// global and generic addresses.
template <Space S>
std::byte* locate(Thread& thread, const Instruction* i, std::uint32_t site, std::uint64_t address,
                  std::uint32_t bytes, Access access) {
  if ((address & (bytes - 1)) != 0) [[unlikely]]
    misaligned(address, bytes, access);
  if constexpr (S == Space::global) return global_bytes(thread, site, address, bytes, access);
  if constexpr (S == Space::shared) return shared_bytes(thread, i, address, bytes, access);
  if constexpr (S == Space::local) return find_local(thread, address, bytes, access);
  if constexpr (S == Space::constant) return find_constant(thread, address, bytes, access);
  if constexpr (S == Space::parameter) return find_parameter(thread, address, bytes, access);
  if (in_window(address, kSharedWindow)) {
    return shared_bytes(thread, i, address - kSharedWindow, bytes, access);
  }
  if (in_window(address, kLocalWindow)) {
    return find_local(thread, address - kLocalWindow, bytes, access);
  }
  if (in_window(address, kParameterWindow)) {
    return find_parameter(thread, address - kParameterWindow, bytes, access);
  }
  return global_bytes(thread, site, address, bytes, access);
}

/// The state space among an instruction's modifiers, taken; generic where there is none.
Space take_space(Emission& emission);
/// Drops what tells caches and the memory model, which change nothing here. True if a cache policy
/// follows as the last operand.
bool ignore_memory_hints(Emission& emission);

/// make.operator()<S>() for spaces that may be written: generic, global, shared, local.
template <class Make>
Handler for_writable_space(Space space, Make make) {
  switch (space) {
    case Space::generic:
      return make.template operator()<Space::generic>();
    case Space::global:
      return make.template operator()<Space::global>();
    case Space::shared:
      return make.template operator()<Space::shared>();
    case Space::local:
      return make.template operator()<Space::local>();
    default:
      Emission::unsupported("of this state space");
  }
}

}  // namespace assay::ptx_device
